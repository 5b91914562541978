"""The array types of this package, and the door where a vector is refused."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from gallery.errors import InvalidVector, Phrase, gettext_noop

Vectors = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float32]
Ids = npt.NDArray[np.int64]
Rows = npt.NDArray[np.int64]

NO_ID = -1  # in the place of an image id: the row is nobody's
UNIT_TOLERANCE = 1e-3  # float16 weights give lengths up to 0.0005 off


def lengths(vectors: Vectors) -> npt.NDArray[np.float64]:
    """Return the Euclidean length of each row; NaN or infinity for a row that has one."""
    with np.errstate(over="ignore", invalid="ignore"):
        squares: npt.NDArray[np.float64] = np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64)
        return np.sqrt(squares)


def are_unit(row_lengths: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Return which of the lengths are 1, within the tolerance."""
    return np.abs(row_lengths - 1.0) <= UNIT_TOLERANCE


def checked_vectors(
    vectors: npt.ArrayLike, *, dimension: int, labels: Sequence[object] | None = None, zero_allowed: bool = False
) -> Vectors:
    """Return (n, dimension) float32 in C order, every row finite and of length 1 (or 0 where that is allowed).

    `labels` name the rows in InvalidVector, which is raised for the first bad one.
    """
    with np.errstate(over="ignore"):  # a float64 too large for float32 becomes infinity, which is refused below
        array = np.ascontiguousarray(vectors, dtype=np.float32)
    if array.ndim != 2 or array.shape[1] != dimension:
        label = labels[0] if labels else "?"
        raise InvalidVector(
            image_id=label,
            reason=Phrase(
                gettext_noop("the shape is %(shape)s, not (count, %(dimension)s)"),
                shape=str(array.shape),
                dimension=dimension,
            ),
        )
    if labels is not None and len(labels) != len(array):
        raise ValueError(f"{len(array)} vectors have {len(labels)} labels")
    row_lengths = lengths(array)
    good = are_unit(row_lengths)
    if zero_allowed:
        good |= row_lengths == 0.0
    if not good.all():
        row = int(np.flatnonzero(~good)[0])
        label = labels[row] if labels is not None else f"(row {row})"
        raise InvalidVector(image_id=label, reason=_reason(float(row_lengths[row])))
    return array


def _reason(length: float) -> Phrase:
    if not np.isfinite(length):
        return Phrase(gettext_noop("it has a number that is not finite"))
    return Phrase(gettext_noop("its length is %(length)s, not 1"), length=f"{length:.4g}")
