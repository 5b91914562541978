"""What one ranking is worth, by the measures that the field uses. Pure arithmetic: no database, no encoder.

With R relevant pictures, h(k) of them among the first k results, and the i-th of them at rank r(i):

- `map`: average precision, the mean over the R of i / r(i); its mean over queries is mAP
- `recall_at_k`: h(k) / R, so with many relevant pictures recall@1 stays small whatever the encoder
- `precision_at_10`: h(10) / 10
- `hit_at_1`: whether the first result is relevant (the same as precision@1)
- `r_precision`: h(R) / R, which is 1 only for a perfect ranking, whatever R is

With C results that the search is confident of, c of them relevant:

- `precision`: c / C, and 1 where C is 0: what nobody says is not wrong
- `recall`: c / R
- `f1`: 2 c / (C + R)
- `silent`: whether C is 0
"""

from collections.abc import Set as AbstractSet

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

MAP, HIT_AT_1, RECALL_AT_10 = "map", "hit_at_1", "recall_at_10"
PRECISION, RECALL, F1, SILENT = "precision", "recall", "f1", "silent"
CUTOFF_METRICS = (PRECISION, RECALL, F1, SILENT)
METRICS = (MAP, "recall_at_1", "recall_at_5", RECALL_AT_10, "precision_at_10", HIT_AT_1, "r_precision")


def measures(ranks: npt.NDArray[np.int64], *, relevant: int) -> FloatArray:
    """Return the (len(METRICS),) measures of one query, each 0..1.

    `ranks` are those of the relevant pictures that were found, from 1, ascending; one that was not found counts as
    nothing. `relevant` is how many there are, at least 1.
    """

    def found_within(k: int) -> int:
        return int(np.count_nonzero(ranks <= k))

    recalls = [found_within(k) / relevant for k in (1, 5, 10)]
    return np.array(
        [
            average_precision(ranks, relevant),
            *recalls,
            found_within(10) / 10,
            found_within(1),
            found_within(relevant) / relevant,
        ]
    )


def average_precision(ranks: npt.NDArray[np.int64], relevant: int) -> float:
    """Return `map` of one ranking alone, 0..1: see `measures`."""
    return float((np.arange(1, len(ranks) + 1) / ranks).sum()) / relevant


def cutoff_measures(confident: AbstractSet[int], relevant: AbstractSet[int]) -> FloatArray:
    """Return the (len(CUTOFF_METRICS),) measures of what one search is confident of; `relevant` is not empty."""
    right = len(confident & relevant)
    precision = right / len(confident) if confident else 1.0
    f1 = 2 * right / (len(confident) + len(relevant))
    return np.array([precision, right / len(relevant), f1, float(not confident)])
