"""Which results are meant, and which are only the nearest there are: the probability of each, and a line.

A flat line cannot be right: `offline` gives a right dog .04 and a right pizza .22. What is comparable between searches
is how near a score comes to that of a picture which surely shows what is asked, where the encoder can say so, or else
how many deviations it stands out from the scores of all that was searched. On that, on the best result's and on how
clear the text is to the encoder a logistic regression says how probable a result is (docs/adr/0026).
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from gallery.encoders.abilities import Clarity
from gallery.encoders.base import EncoderKey
from gallery.vectors.hits import ScoreDistribution

FloatArray = npt.NDArray[np.float64]

LEAST_SHARE = 1e-4  # of the sure score: below it all are equally improbable
FEWEST_COMPARED = 2
LEAST_DEVIATION = 1e-3  # half a bin of the histogram
STEEPEST = 50.0  # beyond it a float holds no difference


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of one search, whichever picture is judged: its best score, how the scores of all searched rows are
    spread, and how clear the text is; None where the engine or the encoder cannot say, or a picture is asked with.
    """

    best: float
    searched: ScoreDistribution | None = None
    clarity: Clarity | None = None

    @property
    def measures_shares(self) -> bool:
        return self.clarity is not None


@dataclass(frozen=True, slots=True)
class Judgement:
    """How probable it is that a picture is meant, 0..1, and whether that is enough to say so."""

    probability: float
    confident: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """Weights of `features`, and from which probability on a result is confident."""

    intercept: float
    score: float  # above 0: a better score is never less probable
    best: float
    clarity: float
    threshold: float

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> Self:
        """Return what a file says. Raises KeyError, TypeError, ValueError for what is none."""
        found = cls(**{name: float(said[name]) for name in cls.__slots__})
        if not (found.score > 0 and 0 < found.threshold < 1 and all(map(math.isfinite, found.weights))):
            raise ValueError("the weights are no calibration")
        return found

    @property
    def weights(self) -> tuple[float, float, float, float]:
        return self.intercept, self.score, self.best, self.clarity

    def judge(self, scores: Sequence[float], evidence: Evidence) -> list[Judgement]:
        """Return for each score whether its picture is meant."""
        said = probabilities(features(scores, evidence), np.array(self.weights))
        return [Judgement(each, each >= self.threshold) for each in said.tolist()]


# Of normally distributed scores one in 2,000 stands out by 3.3 deviations.
UNCALIBRATED = Calibration(intercept=-6.6, score=2.0, best=0.0, clarity=0.0, threshold=0.5)


@dataclass(frozen=True, slots=True)
class Calibrations:
    """How to judge the searches of one encoder: by shares of the sure score, and by deviations."""

    shares: Calibration | None = None
    deviations: Calibration = UNCALIBRATED

    def judge(self, scores: Sequence[float], evidence: Evidence) -> list[Judgement]:
        if self.shares is not None and evidence.measures_shares:
            return self.shares.judge(scores, evidence)
        return self.deviations.judge(scores, Evidence(evidence.best, evidence.searched))


def calibrations_in(text: str, *, encoder: EncoderKey) -> Calibrations | None:
    """Return what a calibration file holds; None where it is of another encoder or no calibration at all."""
    try:
        said = json.loads(text)
        if (said["encoder"]["id"], said["encoder"]["revision"]) != (encoder.id, encoder.revision):
            return None
        found = Calibration.of(said["weights"])
        return Calibrations(shares=found) if said["measure"] == "shares" else Calibrations(deviations=found)
    except (KeyError, TypeError, ValueError):
        return None


def features(scores: Sequence[float] | FloatArray, evidence: Evidence) -> FloatArray:
    """Return (len(scores), 3): how far each score comes, how far the best one does, and how clear the text is."""
    given = np.append(np.asarray(scores, dtype=np.float64), evidence.best)
    if evidence.clarity is None:
        reached, clear = _deviations(given, evidence.searched), 0.0
    else:
        reached = np.log(np.maximum(given / max(evidence.clarity.sure_score, LEAST_SHARE), LEAST_SHARE))
        clear = math.log(max(evidence.clarity.weight, LEAST_SHARE))
    best = np.full(len(scores), reached[-1])
    return np.stack([reached[:-1], best, np.full(len(scores), clear)], axis=1)


def probabilities(rows: FloatArray, weights: FloatArray) -> FloatArray:
    """Return (n,) probabilities for (n, 3) features and the four weights, the intercept first."""
    said: FloatArray = 1 / (1 + np.exp(-np.clip(weights[0] + rows @ weights[1:], -STEEPEST, STEEPEST)))
    return said


def _deviations(scores: FloatArray, spread: ScoreDistribution | None) -> FloatArray:
    """Return how many deviations scores lie above the middle. The lower half says how wide they spread: the upper one
    holds those that are meant.
    """
    if spread is None or spread.count < FEWEST_COMPARED:
        return np.zeros(len(scores))
    middle = spread.quantile(0.5)
    found: FloatArray = (scores - middle) / max(middle - spread.quantile(0.16), LEAST_DEVIATION)
    return found
