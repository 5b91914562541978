"""A remote engine without a network: its server is an object that outlives whoever asks it."""

import threading
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

import numpy as np

from gallery.vectors.allowed import Allowed, AllowedAs, Condition
from gallery.vectors.engines.contract import Capabilities, Watermark, checked_queries
from gallery.vectors.hits import Hits
from gallery.vectors.unit_vectors import NO_ID, Floats, Ids, Vectors


@dataclass
class HeldVectors:
    """What the server has of one epoch."""

    watermark: Watermark
    vectors: dict[int, Floats] = field(default_factory=dict)


@dataclass
class MemoryServer:
    """All collections, and how often they were searched. `die_at` a call for such words, as a server may."""

    held: dict[int, HeldVectors] = field(default_factory=dict)
    searches: int = 0
    die_at: str = ""
    changing: threading.Lock = field(default_factory=threading.Lock)

    def call(self, name: str) -> None:
        if name == self.die_at:
            self.die_at = ""
            raise ConnectionError(name)


class MemoryCollection:
    def __init__(self, engine: "MemoryEngine", epoch: int, dimension: int) -> None:
        self.capabilities = engine.capabilities
        self._engine = engine
        self._epoch = epoch
        self._dimension = dimension

    def watermark(self) -> Watermark:
        return self._held.watermark

    def ids(self) -> Ids:
        with self._engine.server.changing:
            return np.array(sorted(self._held.vectors), dtype=np.int64)

    def feed(self, ids: Ids, vectors: Vectors, *, then: Watermark) -> None:
        with self._engine.server.changing:
            self._held.vectors.update(zip(ids.tolist(), vectors.copy(), strict=True))
        self._engine.server.call("fed before watermark")
        self._held.watermark = then

    def forget(self, ids: Ids, *, then: Watermark) -> None:
        with self._engine.server.changing:
            for image_id in ids.tolist():
                self._held.vectors.pop(image_id, None)
        self._engine.server.call("forgotten before watermark")
        self._held.watermark = then

    def search(self, queries: Vectors, k: int, allowed: Allowed | None = None) -> Hits:
        queries = checked_queries(queries, dimension=self._dimension, k=k)
        self._engine.server.searches += 1
        ids, matrix = self._found(allowed)
        width = min(k, len(ids))
        found = Hits(np.full((len(queries), width), NO_ID), np.zeros((len(queries), width), np.float32), len(ids))
        for number, query in enumerate(queries):
            scores = self._scores(matrix, query)
            order = np.lexsort((ids, -scores))[:width]
            found.ids[number], found.scores[number] = ids[order], scores[order]
        return found

    def count_above(self, query: Floats, score: float, allowed: Allowed | None = None) -> int:
        [query] = checked_queries(query[np.newaxis], dimension=self._dimension, k=1)
        if np.isnan(score):
            raise ValueError("a score to count from is not a number")
        return int((self._scores(self._found(allowed)[1], query) >= np.float32(score)).sum())

    def counts_above(self, query: Floats, scores: Sequence[float], allowed: Allowed | None = None) -> list[int]:
        return [self.count_above(query, score, allowed) for score in scores]

    def hits_above(self, query: Floats, score: float, allowed: Allowed | None = None) -> Hits:
        [query] = checked_queries(query[np.newaxis], dimension=self._dimension, k=1)
        if np.isnan(score):
            raise ValueError("a score to look from is not a number")
        ids, matrix = self._found(allowed)
        scores = self._scores(matrix, query)
        reaching = scores >= np.float32(score)
        return Hits(ids[reaching], scores[reaching], len(ids))

    @property
    def _held(self) -> HeldVectors:
        return self._engine.server.held.setdefault(self._epoch, HeldVectors(Watermark(self._epoch)))

    def _found(self, allowed: Allowed | None) -> tuple[Ids, Vectors]:
        ids = self.ids()
        if allowed is not None:
            ids = np.intersect1d(ids, self._engine.allowed_ids(allowed))
        with self._engine.server.changing:
            ids = np.array([image_id for image_id in ids.tolist() if image_id in self._held.vectors], dtype=np.int64)
            rows = [self._held.vectors[image_id] for image_id in ids.tolist()]
        return ids, np.array(rows, dtype=np.float32).reshape(-1, self._dimension)

    def _scores(self, matrix: Vectors, query: Floats) -> Floats:
        return (matrix.astype(np.float64) * query.astype(np.float64)).sum(axis=1).astype(np.float32)


class MemoryEngine:
    """Takes ids, no more than `allowed_limit`; or a condition, where it is given what answers one."""

    name = "memory"

    def __init__(
        self,
        server: MemoryServer,
        *,
        allowed_limit: int | None = None,
        database: Callable[[Condition], Ids] | None = None,
    ) -> None:
        self.server = server
        self._database = database
        self.capabilities = Capabilities(
            exact=True,
            allowed_as=AllowedAs.IDS if database is None else AllowedAs.CONDITION,
            allowed_limit=allowed_limit,
            counts=True,
        )

    def open(self, epoch: int, dimension: int) -> MemoryCollection:
        return MemoryCollection(self, epoch, dimension)

    def drop_all_but(self, epochs: Collection[int]) -> None:
        for epoch in self.server.held.keys() - set(epochs):
            del self.server.held[epoch]

    def allowed_ids(self, allowed: Allowed) -> Ids:
        if self._database is not None:
            return self._database(allowed.condition)
        limit = self.capabilities.allowed_limit
        assert limit is None or len(allowed.ids) <= limit, "more ids than this engine takes"
        return allowed.ids
