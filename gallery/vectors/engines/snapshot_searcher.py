"""What searching a snapshot is for every local engine: what is asked is checked, and only the best rows differ."""

from abc import ABC, abstractmethod

import numpy as np

from gallery.vectors.allowed import Allowed
from gallery.vectors.hits import Hits
from gallery.vectors.row_mask import RowMask
from gallery.vectors.snapshot import Snapshot
from gallery.vectors.unit_vectors import Floats, Vectors

from .contract import Capabilities, checked_queries
from .counting import count_above
from .rescoring import stacked


class SnapshotSearcher(ABC):
    """A `Searcher` of one snapshot. Subclasses say how the best rows are found."""

    def __init__(self, snapshot: Snapshot, capabilities: Capabilities) -> None:
        self.snapshot = snapshot
        self.capabilities = capabilities

    def search(self, queries: Vectors, k: int, allowed: Allowed | None = None) -> Hits:
        queries = checked_queries(queries, dimension=self.snapshot.dimension, k=k)
        mask = self.snapshot.mask_of(allowed)
        width = min(k, mask.count)
        if width == 0 or len(queries) == 0:
            return Hits.none(len(queries))
        return stacked(self._answers(queries, width, mask), width, searched=mask.count)

    def count_above(self, query: Floats, score: float, allowed: Allowed | None = None) -> int:
        [query] = checked_queries(query[np.newaxis], dimension=self.snapshot.dimension, k=1)
        return count_above(self.snapshot, query, score, self.snapshot.mask_of(allowed))

    @abstractmethod
    def _answers(self, queries: Vectors, k: int, mask: RowMask) -> list[Hits]:
        """Return the `k` best rows of `mask` for each of one or more queries; `mask` has at least `k` rows."""
