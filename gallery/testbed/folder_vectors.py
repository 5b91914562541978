"""Reading image_embeddings.npy: mapped, never loaded whole, and each row looked at before it is used."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from zipfile import is_zipfile

import numpy as np
import numpy.typing as npt

from gallery.encoders.base import Vectors
from gallery.errors import Phrase, UnusableVectors, gettext_noop
from gallery.vectors.unit_vectors import are_unit, lengths

from .entry import Entry
from .originals import inside

VECTORS_NAME = "image_embeddings.npy"
DIMENSION = 512


class FolderVectors:
    """The vectors of a folder's entries. A row that two entries claim is neither's."""

    def __init__(self, matrix: npt.NDArray[np.floating], entries: Sequence[Entry]) -> None:
        self._matrix = matrix
        self._claims = Counter(entry.row for entry in entries if entry.row is not None)

    @property
    def unused_rows(self) -> int:
        """Return how many rows no entry claims."""
        return len(self._matrix) - sum(1 for row in self._claims if row < len(self._matrix))

    def reason_against(self, entry: Entry) -> Phrase | None:
        """Return why the entry has no vector of use, None if it has one."""
        if entry.row is None:
            return Phrase(gettext_noop("its embedding_index is not a row number"))
        if entry.row >= len(self._matrix):
            return Phrase(
                gettext_noop("its row %(row)s is not one of the %(count)s there are"),
                row=str(entry.row)[:20],
                count=len(self._matrix),
            )
        if self._claims[entry.row] > 1:
            return Phrase(gettext_noop("another picture has the same row %(row)s"), row=entry.row)
        if not are_unit(lengths(self.of([entry])))[0]:
            return Phrase(gettext_noop("its vector is not of length 1"))
        return None

    def of(self, entries: Sequence[Entry]) -> Vectors:
        """Return the vectors of entries that have one: (len(entries), 512) float32."""
        with np.errstate(over="ignore"):  # a float64 too large becomes infinity, which has no length
            return np.asarray(
                self._matrix[np.array([entry.row for entry in entries], dtype=np.int64)], dtype=np.float32
            )


def open_vectors(folder: Path, entries: Sequence[Entry]) -> FolderVectors:
    """Map the folder's vectors. Raises UnusableVectors."""
    path = folder / VECTORS_NAME
    found = inside(path, folder.resolve())
    if isinstance(found, Phrase):
        raise UnusableVectors(path=str(path), reason=found)
    if is_zipfile(found):  # several arrays in one file, as np.savez writes them
        raise UnusableVectors(path=str(path), reason=_held("NpzFile", "-"))
    try:
        matrix = np.lib.format.open_memmap(found, mode="r")
    except (OSError, ValueError, EOFError, SyntaxError, MemoryError):  # as NumPy does for what is no array
        damaged = Phrase(gettext_noop("it is not a whole .npy file of numbers"))
        raise UnusableVectors(path=str(path), reason=damaged) from None
    if matrix.dtype.kind != "f" or matrix.shape[1:] != (DIMENSION,):
        raise UnusableVectors(path=str(path), reason=_held(matrix.dtype, matrix.shape))
    return FolderVectors(matrix, entries)


def _held(kind: object, shape: object) -> Phrase:
    return Phrase(
        gettext_noop("it holds %(kind)s of the shape %(shape)s, not float32 of (count, %(dimension)s)"),
        kind=str(kind),
        shape=str(shape),
        dimension=DIMENSION,
    )
