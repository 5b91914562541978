"""How many images score at least so much: counted with the vectors themselves, part by part."""

from collections.abc import Iterator

import numpy as np

from gallery.vectors.row_mask import RowMask
from gallery.vectors.snapshot import Snapshot
from gallery.vectors.unit_vectors import NO_ID, Floats, Rows

from .rescoring import RESCORE_ROWS, largest_possible, rescored

FLOAT32_ERROR = 2.0**-24  # of one multiplication or addition, at most
ROWS_AT_A_TIME = 65_536  # of fewer, a product is over before a second thread has begun
FEW_ROWS = ROWS_AT_A_TIME // 8  # so few are picked; for more, reading from end to end is faster


def count_above(snapshot: Snapshot, query: Floats, score: float, mask: RowMask) -> int:
    """Return how many rows of `mask` have a score of at least `score` as a search shows it: rounded to float32."""
    return sum(_count(snapshot, query, score, rows) for rows in _parts(mask))


def _parts(mask: RowMask) -> Iterator[Rows]:
    allowed = np.unpackbits(mask.bits, count=mask.row_count, bitorder="little")
    for start in range(0, len(allowed), ROWS_AT_A_TIME):
        rows = start + np.flatnonzero(allowed[start : start + ROWS_AT_A_TIME])
        if len(rows):
            yield rows


def _count(snapshot: Snapshot, query: Floats, score: float, rows: Rows) -> int:
    """Count among these rows, which lie near each other.

    Sums in float32 are off by less than a certain bound. Rows that are nearer to `score` than that are summed in
    float64, as a search sums them.
    """
    possible = largest_possible(query)
    bound = 1.01 * snapshot.dimension * FLOAT32_ERROR * possible + 2 * FLOAT32_ERROR * abs(score)
    rough = _rough_scores(snapshot, query, rows)
    with np.errstate(invalid="ignore"):  # a damaged row compares as False
        sure = (rough > score + bound) & (rough <= possible - bound)
        near = (np.abs(rough - score) <= bound) | (np.abs(rough - possible) <= bound)
    counted = np.concatenate([rows[sure], *_exactly_above(snapshot, query, score, rows[near])])
    return int(np.count_nonzero(snapshot.codes.ids_of(counted) != NO_ID))


def _exactly_above(snapshot: Snapshot, query: Floats, score: float, rows: Rows) -> Iterator[Rows]:
    for start in range(0, len(rows), RESCORE_ROWS):
        some = rows[start : start + RESCORE_ROWS]
        exact = rescored(snapshot.matrix[some], query)
        yield some[(exact.astype(np.float32) >= np.float32(score)) & (exact <= largest_possible(query))]


def _rough_scores(snapshot: Snapshot, query: Floats, rows: Rows) -> Floats:
    if len(rows) <= FEW_ROWS:
        return snapshot.matrix[rows] @ query
    first = int(rows[0])
    scores: Floats = snapshot.matrix[first : int(rows[-1]) + 1] @ query
    return scores[rows - first]
