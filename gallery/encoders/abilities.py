"""What some encoders can do beyond what `Encoder` promises: whoever wants it asks `isinstance`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self, runtime_checkable

from PIL import Image

from .base import Vectors


@runtime_checkable
class ComparesByMeaning(Protocol):
    """Tells what a picture shows from how it looks, by rows that are stored already."""

    near_copy_cosine: float
    """Rows at least this near are of the same picture, altered, or of one that looks like it."""

    def meaning_of(self, rows: Vectors) -> Vectors:
        """Return unit vectors whose dot products with stored rows say how far these show the same: (n, dimension)
        float32 for (n, dimension) rows of this encoder. Zeros for a row that says nothing. Loads no weights.
        """
        ...


@runtime_checkable
class KnowsWords(Protocol):
    """Can say which words it has a meaning of its own for."""

    @property
    def words(self) -> frozenset[str]:
        """The words in lower case, of Latin letters. Raises EncoderUnavailable if they cannot be loaded."""
        ...


@dataclass(frozen=True, slots=True)
class Clarity:
    """How well an encoder understands a text.

    `sure_score` is the score of a picture that surely shows what the text asks for and nothing else, above 0. `weight`,
    0..1, is how sure the encoder is of what that is: next to nothing for words that it has never heard of. `by_colour`
    is the part of the sure score that many pictures have which show nothing of what is asked but its colour.
    """

    sure_score: float
    weight: float
    by_colour: float = 0.0


@runtime_checkable
class SaysClarity(Protocol):
    """Can say how clear a text is to it, and so what a score means."""

    def clarity_of(self, texts: Sequence[str]) -> list[Clarity]:
        """Return the clarity of each text. Raises EncoderUnavailable if the weights cannot be loaded."""
        ...


Box = tuple[float, float, float, float]
"""Left, top, width, height as shares 0..1 of the picture."""


SURE = (
    0.45  # below this confidence a thing is often another one: it counts where its number is asked for, and is not told
)


@dataclass(frozen=True, slots=True)
class Thing:
    """One thing that was recognised: its name in English, confidence 0..1, where, and its colours, the most first."""

    name: str
    confidence: float
    box: Box
    colours: tuple[str, ...] = ()

    @property
    def is_sure(self) -> bool:
        return self.confidence >= SURE

    @classmethod
    def of_json(cls, said: Mapping[str, Any]) -> Self:
        return cls(str(said["name"]), float(said["confidence"]), tuple(said["box"]), tuple(said["colours"]))

    def as_json(self) -> dict[str, Any]:
        return {"name": self.name, "confidence": self.confidence, "box": [*self.box], "colours": [*self.colours]}


@dataclass(frozen=True, slots=True)
class Look:
    """One picture: its unit row (dimension,) float32, and the things recognised in it, the surest first; None of an
    encoder that sees none. `colours` are those of the whole picture, None where nobody asked for them.
    """

    row: Vectors
    things: tuple[Thing, ...] | None = None
    colours: tuple[str, ...] | None = None


@runtime_checkable
class SeesThings(Protocol):
    """An encoder that says what is where."""

    def look(self, images: Sequence[Image.Image]) -> list[Look]:
        """Return rows equal to those of `encode_images`, and the things. Raises EncoderUnavailable as it does."""
        ...
