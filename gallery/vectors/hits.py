"""What a search finds."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from .unit_vectors import NO_ID, Ids


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
