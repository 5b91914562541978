"""What every search engine promises. Each one is a cache of the `.npy` store: losing it loses nothing."""

from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np
import numpy.typing as npt

from gallery.vectors.unit_vectors import Ids, Vectors

NO_ID = -1


@dataclass(frozen=True)
class Hits:
    """The nearest pictures of each query, best first; equal scores in ascending order of id.

    `ids` is (n_queries, width) int64 and `scores` (n_queries, width) float32 (cosine similarity), width <= k. A query
    with fewer hits than another is padded at the end with id -1 and score -inf; an exact engine pads only in place of
    damaged rows (NaN), because every query has min(k, available) hits.
    """

    ids: Ids
    scores: npt.NDArray[np.float32]

    def __len__(self) -> int:
        """Return the number of queries."""
        return len(self.ids)

    def of(self, query: int) -> "Hits":
        """Return the hits of one query, (n_hits,) each, without padding."""
        found = self.ids[query] != NO_ID
        return Hits(ids=self.ids[query][found], scores=self.scores[query][found])

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
    maps_store: bool  # `replace` keeps the matrix it is given, without a copy, so it is cheap at any size


class Engine(Protocol):
    """Finds the vectors nearest to a query. Ids are image ids, 0 or more. Threads may search while one changes it."""

    name: str
    capabilities: Capabilities

    def __len__(self) -> int:
        """Return the number of vectors that can be found."""
        ...

    def replace(self, *, matrix: Vectors, ids: Ids) -> None:
        """Forget everything and serve `matrix` (n, dimension), where row r is image `ids[r]`, or nothing if -1.

        No image id may occur twice. The caller changes neither array afterwards, except for rows whose id is -1.
        """
        ...

    def add(self, ids: Ids, vectors: Vectors) -> None:
        """Make vectors (n, dimension) findable; one whose id is already there takes its place."""
        ...

    def remove(self, ids: Ids) -> None:
        """Make ids unfindable; ids that are not there are ignored."""
        ...

    def search(self, queries: Vectors, k: int, allowed: Ids | None = None) -> Hits:
        """Return the `k` best for each of `queries` (n_queries, dimension), only ids in `allowed` if it is given.

        `allowed` is sorted, without repeats; ids that are not there are ignored. Raises ValueError for a query of
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
