"""What every search engine promises. Each one is a cache of the `.npy` store: losing it loses nothing.

A **local** engine opens snapshots of the files in each process. A **remote** one has a server that all processes ask;
one of them feeds it. Both give a `Searcher`. What an engine can do differently its capabilities say: callers choose the
way to the answer by them, never another answer. No engine judges who may see what: it is told what it may find.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from gallery.vectors.allowed import Allowed, AllowedAs
from gallery.vectors.hits import Hits
from gallery.vectors.snapshot import Snapshot
from gallery.vectors.unit_vectors import Floats, Ids, Vectors


@dataclass(frozen=True)
class Capabilities:
    """What an engine can do, for callers to choose by and for the contract tests to skip by."""

    exact: bool  # finds the true nearest ones, always
    allowed_as: AllowedAs = AllowedAs.BITMAP  # how it is told what it may find
    allowed_limit: int | None = None  # how many ids it can be told at most; None: any number
    distribution: bool = False  # tells how the scores of a single query are spread
    counts: bool = False  # counts exactly how many images score at least so much

    def can_be_told(self, count: int) -> bool:
        """Say whether that many images can be allowed by name."""
        return self.allowed_limit is None or count <= self.allowed_limit


class Searcher(Protocol):
    """Searches one version of the vectors. Ids are image ids, 0 or more. Safe to share between threads."""

    capabilities: Capabilities

    def search(self, queries: Vectors, k: int, allowed: Allowed | None = None) -> Hits:
        """Return the `k` best for each of `queries` (n_queries, dimension), only `allowed` ones if that is given.

        The filter is part of the search: k hits come back whenever k exist. Raises ValueError for a query of another
        dimension or with a number that is not finite, and for k < 1.
        """
        ...

    def count_above(self, query: Floats, score: float, allowed: Allowed | None = None) -> int:
        """Return how many images `search` would give `query` (dimension,) a score of at least `score`, if k were
        large enough; exact also where the search is not. Only where `capabilities.counts`.

        Raises ValueError as `search` does, and for a score that is not a number.
        """
        ...

    def counts_above(self, query: Floats, scores: Sequence[float], allowed: Allowed | None = None) -> list[int]:
        """Return what `count_above` does for each of `scores`, at about the price of one."""
        ...

    def hits_above(self, query: Floats, score: float, allowed: Allowed | None = None) -> Hits:
        """Return the images that `count_above` counts, ascending by id, with their scores: (n,) each."""
        ...


class LocalEngine(Protocol):
    """Searches the files themselves, or a copy of its own that it makes of them in each process."""

    name: str
    capabilities: Capabilities

    def open(self, snapshot: Snapshot, *, after: Searcher | None = None) -> Searcher:
        """Return what searches `snapshot`. Raises ValueError for a dimension that the engine cannot have.

        `after` searches an earlier snapshot of the same epoch, and goes on doing so: an engine that keeps a copy grows
        it by the rows that are new. An engine without a copy costs nothing to open, at any size.
        """
        ...


@dataclass(frozen=True)
class Watermark:
    """What a remote engine holds: the images of the first `rows` rows of an epoch, without those that had left them
    when pictures had left rows `departures` times (`AccessState.departures`; -1: nothing was ever said).
    """

    epoch: int
    rows: int = 0
    departures: int = -1

    def covers(self, other: "Watermark") -> bool:
        """Say whether an engine that holds this answers for a library that is at `other`."""
        return (self.epoch, self.departures) == (other.epoch, other.departures) and self.rows >= other.rows


class RemoteCollection(Searcher, Protocol):
    """The vectors of one epoch at the server; its dimension and its encoder are those of the epoch.

    Whoever feeds it holds the store's writer lock, so that there is one at a time. Each call is durable when it
    returns, the watermark last: a feeder that dies leaves a watermark that says less than what is there, and what is
    told again changes nothing. Searches go on meanwhile, and may find some of what is being fed.
    """

    def watermark(self) -> Watermark:
        """Return what was noted last; that of an empty collection if it was never fed."""
        ...

    def ids(self) -> Ids:
        """Return the ids of all images that it holds, ascending: (n,) int64."""
        ...

    def feed(self, ids: Ids, vectors: Vectors, *, then: Watermark) -> None:
        """Hold these vectors, (n, dimension), an image's new one in the place of its old one, and then note `then`."""
        ...

    def forget(self, ids: Ids, *, then: Watermark) -> None:
        """Hold these images no more, if it did, and then note `then`."""
        ...


class RemoteEngine(Protocol):
    """A server that searches for all processes. Nothing is asked of it before it is needed."""

    name: str
    capabilities: Capabilities

    def open(self, epoch: int, dimension: int) -> RemoteCollection:
        """Return the collection of an epoch, which need not exist yet. Costs nothing."""
        ...

    def drop_all_but(self, epochs: Collection[int]) -> None:
        """Remove the collections of all other epochs."""
        ...


def checked_queries(queries: Vectors, *, dimension: int, k: int) -> Vectors:
    """Return `queries` as (n_queries, dimension) float32 in C order. Raises ValueError as Searcher.search says."""
    if k < 1:
        raise ValueError(f"k is {k}; it must be at least 1")
    array = np.ascontiguousarray(queries, dtype=np.float32)
    if array.ndim != 2 or array.shape[1] != dimension:
        raise ValueError(f"the queries have the shape {array.shape}, not (count, {dimension})")
    if not np.isfinite(array).all():
        raise ValueError("a query has a number that is not finite")
    return array
