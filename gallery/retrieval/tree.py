"""What is searched for, as a tree of frozen nodes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from hashlib import blake2b
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


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class BroughtPicture:
    """What a picture shows that came with the question and is kept nowhere: RGB."""

    pixels: Pixels

    def __repr__(self) -> str:
        """Say which one it is: the same for a picture that is brought again."""
        digest = blake2b(self.pixels.tobytes(), digest_size=16).hexdigest()
        return f"BroughtPicture({self.pixels.size}, {digest})"


@dataclass(frozen=True, slots=True)
class Like:
    """What resembles an image of the library, itself left out."""

    image_id: int


@dataclass(frozen=True, slots=True)
class Box:
    """A part of a picture, as shares of its width and height: within it, and of some size."""

    left: float
    top: float
    width: float
    height: float

    @property
    def shares(self) -> tuple[float, float, float, float]:
        return self.left, self.top, self.width, self.height


@dataclass(frozen=True, slots=True)
class Region:
    """What a part of a picture shows; an image of the library is itself left out."""

    of: Picture | BroughtPicture | Like
    box: Box


@dataclass(frozen=True, slots=True)
class Phrase:
    """Only images of which a name, description, tag, album or text has exactly this in it."""

    text: str


class Field(StrEnum):
    """What a filter asks about; the values that each takes are in `language/__init__.py`."""

    TAG = "tag"
    ALBUM = "album"
    OWNER = "owner"
    NAME = "name"
    TEXT = "text"
    FORMAT = "format"
    COLOUR = "colour"
    IS = "is"
    WIDTH = "width"
    HEIGHT = "height"
    PIXELS = "pixels"
    SIZE = "size"
    TAKEN = "taken"
    ADDED = "added"
    DATE = "date"  # when it was taken, else when it was added


class Comparison(StrEnum):
    EQUALS = "="
    CONTAINS = "contains"  # the value is a part of what is compared with it
    MATCHES = "matches"  # the whole of it is the value, which has gaps
    WITHIN = ".."  # both ends included
    LESS = "<"
    AT_MOST = "<="
    GREATER = ">"
    AT_LEAST = ">="


class State(StrEnum):
    """What an image can be; portrait, landscape and square may overlap."""

    PORTRAIT = "portrait"
    LANDSCAPE = "landscape"
    SQUARE = "square"
    PRIVATE = "private"
    SHARED = "shared"
    PUBLIC = "public"
    PENDING = "pending"
    FAILED = "failed"
    ANIMATED = "animated"
    UNTAGGED = "untagged"
    FAVOURITE = "favourite"


@dataclass(frozen=True, slots=True)
class NameWithGaps:
    """A whole file name: these pieces in this order, with anything or nothing between two of them."""

    pieces: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NumberRange:
    least: int
    most: int


@dataclass(frozen=True, slots=True)
class Period:
    first: date
    last: date


Value = str | State | int | NumberRange | date | Period | NameWithGaps


@dataclass(frozen=True, slots=True)
class Filter:
    """Only images of which this is true."""

    field: Field
    comparison: Comparison
    value: Value


@dataclass(frozen=True, slots=True)
class Weighted:
    """A part that counts so many times in a sum."""

    part: "Node"
    factor: float


@dataclass(frozen=True, slots=True)
class Not:
    """All images but those that this finds."""

    part: "Node"


@dataclass(frozen=True, slots=True)
class All:
    """What stands together: its meanings are added up, its filters all hold."""

    parts: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Any:
    """The better of its parts for each image."""

    parts: tuple["Node", ...]


Meaning = Text | Picture | BroughtPicture | Like | Region
Node = Meaning | Phrase | Filter | Weighted | Not | All | Any


def tree_of(
    *,
    read: Node | None = None,
    text: str = "",
    as_typed: bool = False,
    meanings: Sequence[Meaning] = (),
    tags: Iterable[str] = (),
    max_characters: int = MAX_CHARACTERS,
) -> Node:
    """Return the tree of what is given apart from each other: all of it holds.

    `read` is the tree of a query. `text` is plain words; without any characters it is none where something else is
    given. `tags` are names, or several of them with commas.
    Raises EmptyQuery, QueryTooLong, QueryWithControlCharacters, QueryWithoutWords, InvalidTag, TooManyTags.
    """
    parts = [] if read is None else [*(read.parts if isinstance(read, All) else [read])]
    if text.strip():
        parts.append(Text(checked_text(text, max_characters=max_characters)))
    parts += [*meanings, *(Filter(Field.TAG, Comparison.EQUALS, tag_key(name)) for name in parse_tags(tags))]
    if not parts:
        raise EmptyQuery
    tree = parts[0] if len(parts) == 1 else All(tuple(parts))
    return _as_typed(tree) if as_typed else tree


def _as_typed(node: Node) -> Node:
    """Return the same with no slip of spelling put right."""
    match node:
        case Text(words):
            return Text(words, as_typed=True)
        case All(parts) | Any(parts):
            return type(node)(tuple(map(_as_typed, parts)))
        case Not(part):
            return Not(_as_typed(part))
        case Weighted(part, factor):
            return Weighted(_as_typed(part), factor)
    return node
