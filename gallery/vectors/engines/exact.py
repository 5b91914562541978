"""Exact search: every row is scored, straight from the store's memory map."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from gallery.vectors.engines.base import NO_ID, Capabilities, Hits, checked_queries
from gallery.vectors.unit_vectors import Ids, Rows, Vectors

Scores = npt.NDArray[np.float32]

SCAN_ROWS = 1_048_576  # each BLAS call waits for its threads, 8 ms on a busy machine, so there are few calls
SCAN_QUERIES = 16  # 64 MiB of scores at a time
OFFER_ROWS = 16_384  # the scores that are compared at once; they stay in the processor's cache
GATHER_ROWS = 8_192  # 16 MiB of 512 numbers copied out at a time
GATHER_BELOW = 1 / 16  # share of allowed rows below which copying them out beats scanning all and masking
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
        shortlists = [Shortlist(width, self._margin * float(np.linalg.norm(query))) for query in queries]
        for start in range(0, len(queries), SCAN_QUERIES):
            some = slice(start, start + SCAN_QUERIES)
            shortlist_rows(snapshot.matrix, rows, queries[some], shortlists[some])
        answers = [
            best(snapshot, query, shortlist.rows, width) for query, shortlist in zip(queries, shortlists, strict=True)
        ]
        return Hits(ids=np.stack([hits.ids for hits in answers]), scores=np.stack([hits.scores for hits in answers]))


class Shortlist:
    """Collects, block by block, every row whose score is not certainly worse than the k-th best."""

    def __init__(self, k: int, margin: float) -> None:
        self.rows: Rows = np.empty(0, dtype=np.int64)
        self._scores: Scores = np.empty(0, dtype=np.float32)
        self._k = k
        self._margin = margin
        self._threshold = float(np.finfo(np.float32).min)  # masked rows have -inf and stay below it

    def offer(self, rows: Rows, scores: Scores) -> None:
        """Take what is good enough of (n,) scores; the bar rises as better ones come."""
        for start in range(0, len(scores), OFFER_ROWS):
            some = slice(start, start + OFFER_ROWS)
            good = np.flatnonzero(scores[some] >= self._threshold)
            if len(good):
                self._take(rows[some][good], scores[some][good])

    def _take(self, rows: Rows, scores: Scores) -> None:
        self.rows = np.concatenate([self.rows, rows])
        self._scores = np.concatenate([self._scores, scores])
        if len(self._scores) <= self._k:
            return
        kth_best = -np.partition(-self._scores, self._k - 1)[self._k - 1]
        self._threshold = float(kth_best) - self._margin
        kept = self._scores >= self._threshold
        self.rows, self._scores = self.rows[kept], self._scores[kept]


def shortlist_rows(matrix: Vectors, rows: Rows, queries: Vectors, shortlists: list[Shortlist]) -> None:
    """Offer each query's shortlist the float32 scores of `rows`, by whichever way reads less."""
    if len(rows) < GATHER_BELOW * len(matrix):
        blocks = gathered_scores(matrix, np.sort(rows), queries)
    else:
        blocks = scanned_scores(matrix, rows, queries)
    for block_rows, scores in blocks:
        for shortlist, query_scores in zip(shortlists, scores, strict=True):
            shortlist.offer(block_rows, query_scores)


def gathered_scores(matrix: Vectors, rows: Rows, queries: Vectors) -> Iterator[tuple[Rows, Scores]]:
    """Copy the rows out, block by block; yield their numbers and (n_queries, n_rows) scores."""
    for start in range(0, len(rows), GATHER_ROWS):
        block_rows = rows[start : start + GATHER_ROWS]
        yield block_rows, products(queries, matrix[block_rows])


def scanned_scores(matrix: Vectors, rows: Rows, queries: Vectors) -> Iterator[tuple[Rows, Scores]]:
    """Score the whole matrix where it lies; rows that are not wanted get -inf."""
    unwanted = np.ones(len(matrix), dtype=bool)
    unwanted[rows] = False
    for start in range(0, len(matrix), SCAN_ROWS):
        stop = min(start + SCAN_ROWS, len(matrix))
        scores = products(queries, matrix[start:stop])
        if len(rows) < len(matrix):
            scores[:, unwanted[start:stop]] = -np.inf
        yield np.arange(start, stop), scores


def products(queries: Vectors, vectors: Vectors) -> Scores:
    """Return (n_queries, n_vectors) float32 dot products."""
    scores: Scores = queries @ vectors.T
    return scores


def best(snapshot: Snapshot, query: npt.NDArray[np.float32], rows: Rows, k: int) -> Hits:
    """Score `rows` in float64 and return the best `k`: (k,) ids and scores.

    Damaged rows (NaN) are not among `rows`; if that leaves fewer than `k`, the end is padded as Hits says.
    """
    starts = range(0, len(rows), RESCORE_ROWS)
    blocks = [rescored(snapshot.matrix[rows[start : start + RESCORE_ROWS]], query) for start in starts]
    missing = max(0, k - len(rows))
    scores = np.concatenate([*blocks, np.full(missing, -np.inf, dtype=np.float32)])
    ids = np.concatenate([snapshot.ids[rows], np.full(missing, NO_ID, dtype=np.int64)])
    order = np.lexsort((ids, -scores))[:k]
    return Hits(ids=ids[order], scores=scores[order])


def rescored(vectors: Vectors, query: npt.NDArray[np.float32]) -> Scores:
    """Return each vector's dot product with `query`, summed in float64 in an order that no other row can change."""
    products = vectors.astype(np.float64) * query.astype(np.float64)
    scores: Scores = products.sum(axis=1).astype(np.float32)
    return scores
