"""What is written in pictures: pixels to lines of text, where the packages of requirements-ocr.txt are installed."""

from .line import Corners, Line
from .reader import REVISION, Reader, is_installed

__all__ = ["REVISION", "Corners", "Line", "Reader", "is_installed"]
