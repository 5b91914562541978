"""What is searched for, as a tree of frozen nodes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from PIL.Image import Image as Pixels

from gallery.errors import EmptyQuery
from gallery.text.tag_names import parse_tags, tag_key

from .query_text import MAX_CHARACTERS, checked_text


@dataclass(frozen=True, slots=True)
class Text:
    """What these words mean, which are one sentence to the encoder.

    `as_typed` says that no slip of spelling is put right: the words are what is meant.
    """

    words: str
    as_typed: bool = False


@dataclass(frozen=True, slots=True)
class Picture:
    """What a picture shows that was searched with before and is kept."""

    id: UUID


@dataclass(frozen=True, slots=True)
class BroughtPicture:
    """What a picture shows that came with the question and is kept nowhere: RGB."""

    pixels: Pixels


@dataclass(frozen=True, slots=True)
class Like:
    """What resembles an image of the library, itself left out."""

    image_id: int


class Field(StrEnum):
    TAG = "tag"  # the value is the tag's key


class Comparison(StrEnum):
    EQUALS = "="


@dataclass(frozen=True, slots=True)
class Filter:
    """Only images of which this is true."""

    field: Field
    comparison: Comparison
    value: str


@dataclass(frozen=True, slots=True)
class All:
    """What stands together: its meanings are added up, its filters all hold."""

    parts: tuple["Node", ...]


Meaning = Text | Picture | BroughtPicture | Like
Node = Meaning | Filter | All


def tree_of(
    *,
    text: str = "",
    as_typed: bool = False,
    meanings: Sequence[Meaning] = (),
    tags: Iterable[str] = (),
    max_characters: int = MAX_CHARACTERS,
) -> Node:
    """Return the tree of a text, of pictures and of tags that are given apart from each other: all of them hold.

    A text without any characters is none where something else is given. `tags` are names, or several of them with
    commas. Raises EmptyQuery, QueryTooLong, QueryWithControlCharacters, QueryWithoutWords, InvalidTag, TooManyTags.
    """
    others = (*meanings, *(Filter(Field.TAG, Comparison.EQUALS, tag_key(name)) for name in parse_tags(tags)))
    if text.strip():
        others = (Text(checked_text(text, max_characters=max_characters), as_typed), *others)
    if not others:
        raise EmptyQuery
    return others[0] if len(others) == 1 else All(others)
