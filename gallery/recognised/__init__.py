"""What was recognised in an image, for people: in words, and where."""

from .in_words import Recognised, recognised, recognised_in_words

__all__ = ["Recognised", "recognised", "recognised_in_words"]
