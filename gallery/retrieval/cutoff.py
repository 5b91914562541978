"""Which results are meant, and which are only the nearest there are."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from gallery.vectors.hits import ScoreDistribution

# For encoders that nobody calibrated: a score is judged by how far it stands out from those of all rows, in deviations.
# Of normally distributed scores one in 2,000 reaches 3.3.
USUAL_DEVIATIONS = 3.3
STEEPNESS = 2.0  # of the probability, per deviation
FEWEST_COMPARED = 2
LEAST_DEVIATION = 1e-3  # half a bin of the histogram


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of one search, whichever picture is judged: how the scores of all searched rows are spread."""

    searched: ScoreDistribution | None


@dataclass(frozen=True, slots=True)
class Judgement:
    """How probable it is that a picture is meant, 0..1, and whether that is enough to say so."""

    probability: float
    confident: bool


def judge(scores: Sequence[float], evidence: Evidence) -> list[Judgement]:
    """Return for each score whether its picture is meant: the higher the score, the more probable."""
    return [_judged(score, evidence) for score in scores]


def _judged(score: float, evidence: Evidence) -> Judgement:
    probability = _logistic(STEEPNESS * (_deviations(score, evidence.searched) - USUAL_DEVIATIONS))
    return Judgement(probability, probability >= 0.5)


def _deviations(score: float, spread: ScoreDistribution | None) -> float:
    """Return how many deviations a score lies above the middle. The lower half says how wide scores spread: the upper
    one holds those that are meant.
    """
    if spread is None or spread.count < FEWEST_COMPARED:
        return 0.0
    middle = spread.quantile(0.5)
    return (score - middle) / max(middle - spread.quantile(0.16), LEAST_DEVIATION)


def _logistic(value: float) -> float:
    return 1 / (1 + math.exp(-max(-50.0, min(50.0, value))))
