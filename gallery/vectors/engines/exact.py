"""Exact search: every row is scored, straight from the store's memory map."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from gallery.vectors.engines.base import NO_ID, Capabilities, Hits, checked_queries
from gallery.vectors.unit_vectors import Ids, Rows, Vectors

Scores = npt.NDArray[np.float32]

BLOCK_ROWS = 32_768  # 64 MiB of 512 numbers: large enough for BLAS, small enough to keep the scores in the cache
GATHER_BELOW = 0.25  # share of allowed rows below which copying them out beats scanning all and masking
RESCORE_ROWS = 4_096  # 16 MiB of float64 at 512 numbers


@dataclass(frozen=True)
class Snapshot:
    """One version of the index: `ids[row]` is the image of `matrix[row]`, or -1. Never changed, only replaced."""

    matrix: Vectors
    ids: Ids

    @cached_property
    def live_rows(self) -> Rows:
        """The rows that have an image, in ascending order of image id."""
        rows = np.flatnonzero(self.ids != NO_ID)
        ids = self.ids[rows]
        if (ids[1:] > ids[:-1]).all():  # rows are appended in the order of ids, until something is encoded again
            return rows
        by_id: Rows = rows[np.argsort(ids)]
        return by_id

    @cached_property
    def live_ids(self) -> Ids:
        """The images that have a row, in ascending order."""
        return self.ids[self.live_rows]

    def rows_of(self, wanted: Ids) -> Rows:
        """Return the rows of those of the sorted `wanted` ids that are here, in ascending order of id."""
        places = np.searchsorted(self.live_ids, wanted)
        places[places == len(self.live_ids)] = 0
        here = self.live_ids[places] == wanted if len(self.live_ids) else np.zeros(len(wanted), dtype=bool)
        found: Rows = self.live_rows[places[here]]
        return found


class ExactEngine:
    """Top-k by cosine similarity over all rows, equal to the float64 answer.

    A float32 product (BLAS) picks the candidates: every row whose score is within twice the rounding error bound of
    the k-th best. They are scored again in float64 and rounded to float32, so that the result depends neither on how
    rows were grouped nor on the number of threads, and equal pictures get equal scores.
    """

    name = "exact"
    capabilities = Capabilities(exact=True, filters=True, incremental=False, maps_store=True)

    def __init__(self, dimension: int) -> None:
        self.dimension = dimension
        # unit roundoff of float32 times the length of the sum, for each of the two scores compared; 1.01 covers
        # vectors that are up to 0.001 too long and higher orders, 2 more covers the rounding of the final score
        self._margin = 2 * (1.01 * dimension + 2) * 2.0**-24
        self._snapshot = Snapshot(np.empty((0, dimension), dtype=np.float32), np.empty(0, dtype=np.int64))

    def __len__(self) -> int:
        return len(self._snapshot.live_rows)

    def replace(self, *, matrix: Vectors, ids: Ids) -> None:
        """Serve `matrix` itself, without a copy. Raises ValueError if the shapes do not fit."""
        if matrix.shape != (len(ids), self.dimension) or matrix.dtype != np.float32:
            raise ValueError(f"{len(ids)} ids do not fit a {matrix.dtype} matrix of shape {matrix.shape}")
        self._snapshot = Snapshot(matrix, np.asarray(ids, dtype=np.int64))

    def add(self, ids: Ids, vectors: Vectors) -> None:
        """Copies everything: for scripts and small sets. The site calls `replace`."""
        self.remove(ids)
        old = self._snapshot
        self.replace(matrix=np.concatenate([old.matrix, vectors]), ids=np.concatenate([old.ids, ids]))

    def remove(self, ids: Ids) -> None:
        old = self._snapshot
        kept_ids = old.ids.copy()
        kept_ids[old.rows_of(np.unique(ids))] = NO_ID
        self._snapshot = Snapshot(old.matrix, kept_ids)

    def search(self, queries: Vectors, k: int, allowed: Ids | None = None) -> Hits:
        queries = checked_queries(queries, dimension=self.dimension, k=k)
        snapshot = self._snapshot  # one version for the whole search, whatever another thread puts in its place
        rows = snapshot.live_rows if allowed is None else snapshot.rows_of(allowed)
        width = min(k, len(rows))
        if width == 0 or len(queries) == 0:
            return Hits.none(len(queries))
        candidates = self._candidates(snapshot.matrix, queries, width, np.sort(rows))
        answers = [
            best(snapshot, query, candidate_rows, width)
            for query, candidate_rows in zip(queries, candidates, strict=True)
        ]
        return Hits(ids=np.stack([hits.ids for hits in answers]), scores=np.stack([hits.scores for hits in answers]))

    def _candidates(self, matrix: Vectors, queries: Vectors, width: int, rows: Rows) -> list[Rows]:
        """Return, for each query, rows among which its `width` best are for certain."""
        shortlists = [Shortlist(width, self._margin * float(np.linalg.norm(query))) for query in queries]
        gather = len(rows) < GATHER_BELOW * len(matrix)
        n_steps = len(rows) if gather else len(matrix)
        for start in range(0, n_steps, BLOCK_ROWS):
            stop = min(start + BLOCK_ROWS, n_steps)
            if gather:
                block_rows = rows[start:stop]
                scores = queries @ matrix[block_rows].T
            else:
                first, last = np.searchsorted(rows, [start, stop])
                block_rows = rows[first:last]
                scores = (queries @ matrix[start:stop].T)[:, block_rows - start]
            for shortlist, query_scores in zip(shortlists, scores, strict=True):
                shortlist.offer(block_rows, query_scores)
        return [shortlist.rows() for shortlist in shortlists]


class Shortlist:
    """Collects, block by block, every row whose score is not certainly worse than the k-th best."""

    def __init__(self, k: int, margin: float) -> None:
        self.k = k
        self.margin = margin
        self._rows = np.empty(0, dtype=np.int64)
        self._scores = np.empty(0, dtype=np.float32)
        self._threshold = -np.inf

    def offer(self, rows: Rows, scores: Scores) -> None:
        good = np.flatnonzero(scores >= self._threshold)
        if not len(good):
            return
        self._rows = np.concatenate([self._rows, rows[good]])
        self._scores = np.concatenate([self._scores, scores[good]])
        if len(self._scores) > self.k:
            kth_best = -np.partition(-self._scores, self.k - 1)[self.k - 1]
            self._threshold = float(kth_best) - self.margin
            kept = self._scores >= self._threshold
            self._rows, self._scores = self._rows[kept], self._scores[kept]

    def rows(self) -> Rows:
        return self._rows


def best(snapshot: Snapshot, query: npt.NDArray[np.float32], rows: Rows, k: int) -> Hits:
    """Score `rows` in float64 and return the best `k`: (k,) ids and scores."""
    scores = np.concatenate(
        [
            rescored(snapshot.matrix[rows[start : start + RESCORE_ROWS]], query)
            for start in range(0, len(rows), RESCORE_ROWS)
        ]
    )
    ids = snapshot.ids[rows]
    order = np.lexsort((ids, -scores))[:k]
    return Hits(ids=ids[order], scores=scores[order])


def rescored(vectors: Vectors, query: npt.NDArray[np.float32]) -> Scores:
    """Return each vector's dot product with `query`, summed in float64 in an order that no other row can change."""
    products = vectors.astype(np.float64) * query.astype(np.float64)
    scores: Scores = products.sum(axis=1).astype(np.float32)
    return scores
