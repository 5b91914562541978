"""Whether pictures are read here, and how many wait for it."""

from dataclasses import dataclass
from enum import StrEnum

from gallery.conf import gallery
from gallery.models import RecognisedText
from gallery.reading import is_installed

INSTALL_READER = "Run: pip install -r requirements-ocr.txt"


class ReadingState(StrEnum):
    ON = "on"
    OFF = "off"
    NOT_INSTALLED = "not installed"


@dataclass(frozen=True, slots=True)
class Reading:
    """`waiting` is how many searchable pictures nobody has read, 0 where nobody will."""

    state: ReadingState
    waiting: int
    unreadable: int


def reading_state() -> ReadingState:
    if not gallery().reads_text:
        return ReadingState.OFF
    return ReadingState.ON if is_installed() else ReadingState.NOT_INSTALLED


def reading() -> Reading:
    state = reading_state()
    waiting = RecognisedText.objects.waiting() if state is ReadingState.ON else 0
    return Reading(state, waiting, RecognisedText.objects.unreadable().count())
