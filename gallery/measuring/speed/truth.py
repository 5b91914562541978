"""What the right answers are: float64 over all rows, and how near an answer comes to them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gallery.vectors.row_mask import RowMask
from gallery.vectors.unit_vectors import Ids, Vectors

TRUTH_BLOCK_ROWS = 16_384
TIE = 2.0**-24  # scores this close may be the same float32 number, the resolution of every contender's scores

Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Truth:
    """The best float64 scores of some queries among the rows of one mask: (n_queries, top), descending."""

    best: Doubles
    matrix: Vectors
    queries: Vectors

    def recall(self, query: int, found: Ids) -> float:
        """Return the share of `top` that `found` has, counting any row whose score reaches the last of the best."""
        return float(np.count_nonzero(self._scores(query, found) >= self.best[query, -1] - TIE) / self.best.shape[1])

    def equals(self, query: int, found: Ids) -> bool:
        """Say whether `found` is the right answer, place by place, up to equal float32 scores."""
        scores = self._scores(query, found)
        return scores.shape == self.best[query].shape and bool(np.all(np.abs(scores - self.best[query]) <= TIE))

    def _scores(self, query: int, found: Ids) -> Doubles:
        """Return the float64 scores of distinct rows, in the order found."""
        rows = found[found >= 0]
        if len(np.unique(rows)) != len(rows):
            raise ValueError(f"an answer has a row twice: {rows.tolist()}")
        scores: Doubles = self.matrix[rows].astype(np.float64) @ self.queries[query].astype(np.float64)
        return scores


def true_answers(matrix: Vectors, queries: Vectors, masks: Sequence[RowMask], *, top: int) -> list[Truth]:
    """Return the truth for each mask: one pass over the matrix, of which a block at a time is made float64."""
    asked = queries.astype(np.float64).T
    best = [np.full((len(queries), min(top, mask.count)), -np.inf) for mask in masks]
    allowed = [np.unpackbits(mask.bits, count=mask.row_count, bitorder="little").astype(bool) for mask in masks]
    for start in range(0, len(matrix), TRUTH_BLOCK_ROWS):
        block = slice(start, start + TRUTH_BLOCK_ROWS)
        scores = (matrix[block].astype(np.float64) @ asked).T
        for number, some in enumerate(allowed):
            best[number] = _merged(best[number], scores[:, some[block]])
    return [Truth(some, matrix, queries) for some in best]


def _merged(best: Doubles, scores: Doubles) -> Doubles:
    """Return the highest of both, per query: as many as `best` has, descending."""
    width = best.shape[1]
    if scores.shape[1] > width:
        scores = np.partition(scores, scores.shape[1] - width, axis=1)[:, -width:]
    merged: Doubles = -np.sort(-np.concatenate([best, scores], axis=1), axis=1)[:, :width]
    return merged
