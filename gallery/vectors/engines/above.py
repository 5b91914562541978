"""Which images score at least so much: by float32 products, and in float64 where those cannot tell."""

import numpy as np
import numpy.typing as npt

from gallery.vectors.row_mask import RowMask
from gallery.vectors.snapshot import Snapshot
from gallery.vectors.unit_vectors import NO_ID, Floats, Ids, Rows

from .counting import FLOAT32_ERROR
from .rescoring import largest_possible, rescored

BLOCK_ROWS = 16_384  # 32 MiB at 512 numbers
GATHERED_SHARE = 0.5  # of the rows between the first and the last one of a block: fewer are copied, else all are read


def ids_above(snapshot: Snapshot, query: Floats, score: float, mask: RowMask) -> Ids:
    """Return the ids of the rows of `mask` that reach a score as a search shows it, rounded to float32, ascending.

    As many as `counts_above` counts. It reads every vector, at the speed of memory, however many reach the score, where
    a search is made for a few.
    """
    if np.isnan(score):
        raise ValueError("a score to look from is not a number")
    least = np.float32(np.clip(score, *(sign * (2 * largest_possible(query) + 1) for sign in (-1, 1))))
    found = [_reaching(snapshot, query, least, rows) for rows in _blocks(mask)]
    return np.sort(np.concatenate(found)) if found else np.empty(0, dtype=np.int64)


def _blocks(mask: RowMask) -> list[Rows]:
    return [mask.rows[start : start + BLOCK_ROWS] for start in range(0, mask.count, BLOCK_ROWS)]


def _reaching(snapshot: Snapshot, query: Floats, least: np.float32, rows: Rows) -> Ids:
    possible = largest_possible(query)
    margin = 1.01 * snapshot.dimension * FLOAT32_ERROR * possible + 4 * FLOAT32_ERROR * abs(float(least))
    about = _products(snapshot, query, rows)
    with np.errstate(invalid="ignore"):
        near = np.flatnonzero((about >= least - margin) & (np.abs(about) <= possible + margin))
    doubtful = near[(about[near] < least + margin) | (np.abs(about[near]) > possible - margin)]
    exact = rescored(snapshot.matrix[rows[doubtful]], query)
    short = (exact.astype(np.float32) < least) | (np.abs(exact) > possible)
    ids = snapshot.codes.ids_of(rows[np.setdiff1d(near, doubtful[short], assume_unique=True)])
    return ids[ids != NO_ID]


def _products(snapshot: Snapshot, query: Floats, rows: Rows) -> npt.NDArray[np.float64]:
    """Return the products of these rows with a query, off by what float32 is off by."""
    first, last = int(rows[0]), int(rows[-1]) + 1
    with np.errstate(invalid="ignore", over="ignore"):
        if len(rows) < GATHERED_SHARE * (last - first):
            found = snapshot.matrix[rows] @ query
        else:
            found = (snapshot.matrix[first:last] @ query)[rows - first]
    return found.astype(np.float64)
