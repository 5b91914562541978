"""What is written in an image, as people are shown it, and where."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext

from gallery.reading import Line
from gallery.services.reading.state import ReadingState, reading_state


@dataclass(frozen=True, slots=True)
class Written:
    """A line and the corners of its place, in pixels of the picture, as SVG wants them."""

    text: str
    points: str


def written(lines: Sequence[Line], *, width_px: int, height_px: int) -> list[Written]:
    return [
        Written(line.text, " ".join(f"{x * width_px:.0f},{y * height_px:.0f}" for x, y in line.box)) for line in lines
    ]


def not_read_yet() -> str:
    """Return why nothing is known of the text in a picture that nobody has read."""
    if reading_state() is ReadingState.ON:
        return gettext("Not read yet: it waits for its turn.")
    if reading_state() is ReadingState.OFF:
        return gettext("Text in pictures is not read here: it is turned off.")
    return gettext("Text in pictures is not read here: the package for it is not installed.")
