"""One search, as pages, API, commands and `evaluate` ask for it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any, Self, TypeVar

from gallery.errors import (
    BoxWithoutPicture,
    ImageSearchError,
    InvalidBox,
    InvalidOrder,
    InvalidTop,
    TooManyMeanings,
    placed,
)

from .language import Hint, Place, box_of, read_query
from .plan import Plan, plan
from .query_text import MAX_CHARACTERS
from .tree import Box, BroughtPicture, Like, Meaning, Node, Picture, Region, tree_of

DEFAULT_TOP = 20
MAX_NAMED_CHARACTERS = 100  # of a value in the sentence that refuses it
Mistake = TypeVar("Mistake", bound=ImageSearchError)


class Order(StrEnum):
    """What results are listed by. All but relevance list only what is surely meant."""

    RELEVANCE = "relevance"
    NEWEST = "newest"
    OLDEST = "oldest"
    TAKEN = "taken"  # latest first, then what has no date
    SIZE = "size"  # largest first
    NAME = "name"  # A to Z


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """What is searched for, how many results are wanted, in which order, and behind which place of that order.

    `places` says where parts of the tree stand in the query that was typed, `hints` what may have been meant there.
    """

    tree: Node
    top: int = DEFAULT_TOP
    order: Order = Order.RELEVANCE
    cursor: str | None = None
    places: Mapping[Node, Place] = field(default_factory=dict, compare=False)
    hints: tuple[Hint, ...] = field(default=(), compare=False)

    @classmethod
    def of(
        cls,
        *,
        query: str = "",
        today: date = date.min,
        text: str = "",
        as_typed: bool = False,
        meanings: Sequence[Meaning] = (),
        tags: Iterable[str] = (),
        top: Any = None,
        order: Any = None,
        cursor: str | None = None,
        max_top: int,
        max_characters: int = MAX_CHARACTERS,
    ) -> Self:
        """Return the search for what a door was given, as it was given: all of it at once.

        `query` is in the language of the search box, dates such as 去年 seen from `today`; `text` is plain words.
        Raises what `read_query`, `tree_of`, `plan`, `parse_top` and `parse_order` do.
        """
        count, listed_by = parse_top(top, limit=max_top), parse_order(order)
        reading = read_query(query, today, max_sentence_characters=max_characters) if query.strip() else None
        tree = tree_of(
            read=reading.tree if reading else None,
            text=text,
            as_typed=as_typed,
            meanings=meanings,
            tags=tags,
            max_characters=max_characters,
        )
        try:
            plan(tree)
        except TooManyMeanings as error:
            raise placed(error, start=0, end=len(query)) from None
        places, hints = (reading.places, reading.hints) if reading else ({}, ())
        return cls(tree, count, listed_by, cursor or None, places, hints)

    @property
    def identity(self) -> str:
        """What makes this search the same as another one, whatever part of its results is asked for."""
        return f"{self.order} {self.tree!r}"

    @property
    def has_kept_regions(self) -> bool:
        """Whether parts of pictures are asked with that are not at hand as pixels."""
        parts = (part.meaning for leg in self.plan().legs for part in leg.parts)
        return any(isinstance(each, Region) and not isinstance(each.of, BroughtPicture) for each in parts)

    def plan(self) -> Plan:
        """Return how it is answered."""
        return plan(self.tree)

    def placed(self, error: Mistake, node: Node | None) -> Mistake:
        """Return an error about a part of the tree with its place in the query, if it stands there."""
        place = self.places.get(node) if node is not None else None
        return error if place is None else placed(error, start=place.start, end=place.end)


def parse_top(value: Any, *, limit: int, default: int = DEFAULT_TOP) -> int:
    """Return how many results are asked for. Raises InvalidTop unless it is a whole number from 1 to `limit`."""
    if value is None or value == "":
        return min(default, limit)
    try:
        top = int(str(value).strip().replace("_", "."))  # Python reads 1_0 as 10; nobody else does
    except ValueError:
        raise InvalidTop(value=str(value), limit=limit) from None
    if not 1 <= top <= limit:
        raise InvalidTop(value=str(value), limit=limit)
    return top


def parse_box(value: Any) -> Box:
    """Return a part of a picture: four shares, as a text with commas or one by one. Raises InvalidBox."""
    text = ",".join(map(_share, value)) if isinstance(value, Sequence) and not isinstance(value, str) else str(value)
    box = box_of(text)
    if box is None:
        raise InvalidBox(value=text[:MAX_NAMED_CHARACTERS])
    return box


def _share(value: Any) -> str:
    """Return a number as people write it: of 0.00001 Python makes 1e-05."""
    return f"{value:.12f}" if isinstance(value, float) else str(value)


def with_box(meaning: Meaning | None, value: Any) -> Meaning | None:
    """Return what is asked with of a picture, None for no picture: all of it, or the part that a box names.

    Raises InvalidBox, BoxWithoutPicture.
    """
    if value is None or value == "":
        return meaning
    box = parse_box(value)
    if meaning is None:
        raise BoxWithoutPicture(value=",".join(f"{share:g}" for share in box.shares))
    return Region(meaning, box) if isinstance(meaning, Picture | BroughtPicture | Like) else meaning


def parse_order(value: Any) -> Order:
    """Return what results are listed by. Raises InvalidOrder for what is none of the names."""
    if value is None or value == "":
        return Order.RELEVANCE
    try:
        return Order(str(value).strip().lower())
    except ValueError:
        raise InvalidOrder(value=str(value), choices=", ".join(Order)) from None
