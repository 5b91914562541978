"""Machine code for scanning codes and columns, made at run time for the processor that is there."""
