"""Machine code for scanning codes, made at run time for the processor that is there."""
