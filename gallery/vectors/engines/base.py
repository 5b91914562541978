"""What every search engine promises. Each one is a cache of the `.npy` store: losing it loses nothing."""

from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np
import numpy.typing as npt

from gallery.vectors.codes import Codes
from gallery.vectors.row_mask import RowMask
from gallery.vectors.unit_vectors import NO_ID, Ids, Vectors

__all__ = ["NO_ID", "Capabilities", "Engine", "Hits", "ScoreDistribution", "checked_queries"]


@dataclass(frozen=True)
class ScoreDistribution:
    """How a query's scores are spread over all rows that were allowed, or over a fair sample of them.

    Mean and deviation are those of `count` scores of codes; a score of a code is off by less than 0.01 in general.
    """

    count: int
    mean: float
    standard_deviation: float
    histogram: npt.NDArray[np.int64]  # of some of them, from -1 to 1, in bins of equal width

    @classmethod
    def of(cls, histogram: npt.NDArray[np.int64], *, count: int, total: float, squares: float) -> Self:
        mean = total / count if count else 0.0
        variance = squares / count - mean**2 if count else 0.0
        return cls(count, mean, max(0.0, variance) ** 0.5, histogram)

    def quantile(self, share: float) -> float:
        """Return the score that `share` (0..1) of the rows do not exceed, to the width of a bin."""
        if not self.count:
            return 0.0
        bins, up_to = len(self.histogram), np.cumsum(self.histogram)
        place = int(np.searchsorted(up_to, share * up_to[-1]))
        return 2.0 * (min(place, bins - 1) + 1) / bins - 1.0


@dataclass(frozen=True)
class Hits:
    """The nearest pictures of each query, best first; equal scores in ascending order of id.

    `ids` is (n_queries, width) int64 and `scores` (n_queries, width) float32 (cosine similarity), width <= k. A query
    with fewer hits than another is padded at the end with id -1 and score -inf; an exact engine pads only in place of
    damaged rows (NaN), because every query has min(k, available) hits.
    """

    ids: Ids
    scores: npt.NDArray[np.float32]
    searched: int = 0  # how many vectors were allowed
    distribution: ScoreDistribution | None = None  # of a single query, by engines that say so

    def __len__(self) -> int:
        """Return the number of queries."""
        return len(self.ids)

    def of(self, query: int) -> "Hits":
        """Return the hits of one query, (n_hits,) each, without padding."""
        found = self.ids[query] != NO_ID
        return Hits(self.ids[query][found], self.scores[query][found], self.searched, self.distribution)

    @classmethod
    def none(cls, n_queries: int) -> Self:
        """Return no hit for each of `n_queries` queries."""
        return cls(ids=np.empty((n_queries, 0), dtype=np.int64), scores=np.empty((n_queries, 0), dtype=np.float32))


@dataclass(frozen=True)
class Capabilities:
    """What an engine can do, for callers to choose by and for the contract tests to skip by."""

    exact: bool  # finds the true nearest ones, always
    filters: bool  # `allowed` is part of the search: k hits come back whenever k exist
    incremental: bool  # `add` and `remove` cost about what they change, not the size of the index
    distribution: bool  # tells how the scores of a single query are spread
    shares_memory: bool  # serves maps that all processes share; the others hold a copy each


class Engine(Protocol):
    """Finds the vectors nearest to a query. Ids are image ids, 0 or more. Threads may search while one changes it."""

    name: str
    capabilities: Capabilities
    dimension: int

    def __len__(self) -> int:
        """Return the number of vectors that can be found."""
        ...

    def replace(self, *, matrix: Vectors, ids: Ids) -> None:
        """Forget everything and serve `matrix` (n, dimension), where row r is image `ids[r]`, or nothing if -1.

        Rows have length 1, or 0 where the id is -1. No image id may occur twice. The caller changes neither array
        afterwards, except for rows whose id is -1.
        """
        ...

    def serve(self, matrix: Vectors, codes: Codes) -> None:
        """As `replace`, with codes that exist already. Rows that were served before have not changed since, except that
        some may be empty now: an engine that holds a copy only adds the new ones.
        """
        ...

    def add(self, ids: Ids, vectors: Vectors) -> None:
        """Make vectors (n, dimension) findable; one whose id is already there takes its place."""
        ...

    def remove(self, ids: Ids) -> None:
        """Make ids unfindable; ids that are not there are ignored."""
        ...

    def search(self, queries: Vectors, k: int, allowed: Ids | RowMask | None = None) -> Hits:
        """Return the `k` best for each of `queries` (n_queries, dimension), only `allowed` ones if that is given.

        `allowed` are ids, sorted, without repeats, of which those that are not there are ignored; or a mask of the rows
        that `replace` was given. Raises ValueError for a query of
        another dimension or with a number that is not finite, and for k < 1.
        """
        ...


def checked_queries(queries: Vectors, *, dimension: int, k: int) -> Vectors:
    """Return `queries` as (n_queries, dimension) float32 in C order. Raises ValueError as Engine.search says."""
    if k < 1:
        raise ValueError(f"k is {k}; it must be at least 1")
    array = np.ascontiguousarray(queries, dtype=np.float32)
    if array.ndim != 2 or array.shape[1] != dimension:
        raise ValueError(f"the queries have the shape {array.shape}, not (count, {dimension})")
    if not np.isfinite(array).all():
        raise ValueError("a query has a number that is not finite")
    return array
