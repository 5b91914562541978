"""What a query consists of: words, phrases, filters and signs, each with its place."""

from dataclasses import dataclass
from enum import Enum

from .fields import FieldName


@dataclass(frozen=True, slots=True)
class Place:
    """Code points of the query as it was sent."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Weight:
    factor: float
    place: Place


@dataclass(frozen=True, slots=True)
class Word:
    text: str
    place: Place
    weight: Weight | None = None


@dataclass(frozen=True, slots=True)
class Quoted:
    """`text` is as it was typed, without its quotes."""

    text: str
    place: Place
    weight: Weight | None = None


@dataclass(frozen=True, slots=True)
class FieldWithValue:
    """`value` is as it was typed, without its quotes; `box` is what stood between square brackets behind it.

    `value_at` is the code point behind the colon.
    """

    field: FieldName
    value: str
    box: str | None
    place: Place
    value_at: int
    weight: Weight | None = None


class Sign(Enum):
    OPEN = "("
    CLOSE = ")"
    NOT = "NOT"
    OR = "OR"


@dataclass(frozen=True, slots=True)
class Operator:
    sign: Sign
    place: Place
    weight: Weight | None = None  # of what a closing bracket closes


Token = Word | Quoted | FieldWithValue | Operator
