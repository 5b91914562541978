"""What was recognised and read in an image, for people: in words, and where."""

from .in_words import Recognised, recognised, recognised_in_words
from .written import Written, not_read_yet, written

__all__ = ["Recognised", "Written", "not_read_yet", "recognised", "recognised_in_words", "written"]
