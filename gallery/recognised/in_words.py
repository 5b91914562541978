"""What was recognised in an image, as people read it: “dog, 2 chairs”, and where."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import pgettext

from gallery.encoders.abilities import Thing

from .names import name_of, words_of


@dataclass(frozen=True, slots=True)
class Area:
    """A box in percents of the picture's sides, as SVG wants them in every language."""

    left: str
    top: str
    width: str
    height: str


@dataclass(frozen=True, slots=True)
class Recognised:
    """All things of one name: how many, as people read it, the name by which others are found, and where they are."""

    words: str
    name: str
    areas: tuple[Area, ...]


def recognised(things: Sequence[Thing]) -> list[Recognised]:
    """Return the things name by name, the surest first."""
    by_name: dict[str, list[Thing]] = {}
    for thing in things:
        by_name.setdefault(thing.name, []).append(thing)
    return [
        Recognised(words_of(name, len(some)), name_of(name), tuple(_area(thing) for thing in some))
        for name, some in by_name.items()
    ]


def recognised_in_words(things: Sequence[Thing]) -> str:
    """Return all of them in one line."""
    return pgettext("between the items of a list", ", ").join(each.words for each in recognised(things))


def _area(thing: Thing) -> Area:
    return Area(*(f"{100 * share:.2f}%" for share in thing.box))
