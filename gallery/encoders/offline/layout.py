"""Where a row of the offline encoder keeps what: the only place that binds a meaning to numbers of dimensions."""

from .colours import COLOURS
from .concepts import CLASSES, THINGS

DIMENSION = 1280

CLASSES_PART = slice(0, CLASSES)
"""How likely each of the classifier's classes is in the picture, or meant by the text; at least 0."""

COLOURS_PART = slice(CLASSES_PART.stop, CLASSES_PART.stop + len(COLOURS))
"""How far each colour of `COLOURS` is that of the main thing; at least 0."""

THINGS_PART = slice(COLOURS_PART.stop, COLOURS_PART.stop + THINGS)
"""How surely, and how large, the detector saw each of its things, or how far the text means it; at least 0."""

APPEARANCE_PART = slice(THINGS_PART.stop, DIMENSION)
"""How the picture looks: a random projection of the network's features; all 0 in a text's row."""
