"""What a search's own judgement of its results is worth: what it is confident of, and how likely it calls each one."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from .library import Ranked
from .metrics import CUTOFF_METRICS, FloatArray, cutoff_measures

RELIABILITY_BINS = 10  # of equal width, from 0 to 1


@dataclass(frozen=True, slots=True)
class ConfidenceResult:
    """`values` is (queries, len(CUTOFF_METRICS)); `nothing_confident` (absent queries,), 1 where nothing was.

    `reliability` is (RELIABILITY_BINS, 3): of all results of all queries whose probability lies in the bin, how many
    there are, the sum of their probabilities, and how many are relevant.
    """

    values: FloatArray
    nothing_confident: FloatArray
    reliability: FloatArray = field(default_factory=lambda: np.zeros((RELIABILITY_BINS, 3)))


def confidence_of(
    rankings: Sequence[Ranked],
    absent: Sequence[Ranked],
    *,
    wanted: Sequence[AbstractSet[int]],
    among: AbstractSet[int],
) -> ConfidenceResult:
    """Judge the rankings, of whose pictures only `among` count, by what each of them is `wanted` to find.

    `absent` are rankings of queries that nothing is relevant for.
    """
    values = [
        cutoff_measures(ranked.confident & among, relevant) for ranked, relevant in zip(rankings, wanted, strict=True)
    ]
    silent = [float(not ranked.confident & among) for ranked in absent]
    pairs = [*zip(rankings, wanted, strict=True), *((ranked, frozenset[int]()) for ranked in absent)]
    return ConfidenceResult(
        values=np.array(values, dtype=np.float64).reshape(-1, len(CUTOFF_METRICS)),
        nothing_confident=np.array(silent, dtype=np.float64),
        reliability=sum((_reliability(*pair, among) for pair in pairs), np.zeros((RELIABILITY_BINS, 3))),
    )


def _reliability(ranked: Ranked, relevant: AbstractSet[int], among: AbstractSet[int]) -> FloatArray:
    counted: npt.NDArray[np.bool_] = np.array([number in among for number in ranked.numbers], dtype=bool)
    said = np.asarray(ranked.probabilities, dtype=np.float64)[counted]
    right = np.array([number in relevant for number in ranked.numbers], dtype=np.float64)[counted]
    bins = np.minimum((said * RELIABILITY_BINS).astype(np.intp), RELIABILITY_BINS - 1)
    columns = [np.bincount(bins, weights=weights, minlength=RELIABILITY_BINS) for weights in (None, said, right)]
    return np.stack(columns, axis=1).astype(np.float64)
