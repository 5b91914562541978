"""What some encoders can do beyond what `Encoder` promises: whoever wants it asks `isinstance`."""

from typing import Protocol, runtime_checkable

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
