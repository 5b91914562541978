"""Machine code for scanning codes, made at run time for the processor that is there."""

from .scan import MAX_DIMENSION, Scanner, scanner

__all__ = ["MAX_DIMENSION", "Scanner", "scanner"]
