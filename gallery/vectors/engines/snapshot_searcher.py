"""What searching a snapshot is for every local engine: what is asked is checked, and only the best rows differ."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from gallery.vectors.allowed import Allowed
from gallery.vectors.hits import Hits
from gallery.vectors.row_mask import RowMask
from gallery.vectors.snapshot import Snapshot
from gallery.vectors.unit_vectors import Floats, Vectors

from .contract import Capabilities, checked_queries
from .counting import counts_above, hits_above
from .rescoring import stacked


class SnapshotSearcher(ABC):
    """A `Searcher` of one snapshot. Subclasses say how the best rows are found.

    It counts with `threads` threads and keeps the machine code for that in `code_folder`, if there is one.
    """

    def __init__(
        self, snapshot: Snapshot, capabilities: Capabilities, *, threads: int, code_folder: Path | None
    ) -> None:
        self.snapshot = snapshot
        self.capabilities = capabilities
        self._threads = threads
        self._code_folder = code_folder

    def search(self, queries: Vectors, k: int, allowed: Allowed | None = None) -> Hits:
        queries = checked_queries(queries, dimension=self.snapshot.dimension, k=k)
        mask = self.snapshot.mask_of(allowed)
        width = min(k, mask.count)
        if width == 0 or len(queries) == 0:
            return Hits.none(len(queries))
        return stacked(self._answers(queries, width, mask), width, searched=mask.count)

    def count_above(self, query: Floats, score: float, allowed: Allowed | None = None) -> int:
        return self.counts_above(query, [score], allowed)[0]

    def counts_above(self, query: Floats, scores: Sequence[float], allowed: Allowed | None = None) -> list[int]:
        [query] = checked_queries(query[np.newaxis], dimension=self.snapshot.dimension, k=1)
        mask = self.snapshot.mask_of(allowed)
        return counts_above(self.snapshot, query, scores, mask, threads=self._threads, code_folder=self._code_folder)

    def hits_above(self, query: Floats, score: float, allowed: Allowed | None = None) -> Hits:
        [query] = checked_queries(query[np.newaxis], dimension=self.snapshot.dimension, k=1)
        mask = self.snapshot.mask_of(allowed)
        return hits_above(self.snapshot, query, score, mask, threads=self._threads, code_folder=self._code_folder)

    @abstractmethod
    def _answers(self, queries: Vectors, k: int, mask: RowMask) -> list[Hits]:
        """Return the `k` best rows of `mask` for each of one or more queries; `mask` has at least `k` rows."""
