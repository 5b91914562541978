"""Which results are meant, and which are only the nearest there are: the probability of each, and a line.

A flat line cannot be right: `offline` gives a right dog .04 and a right pizza .22. What is comparable between searches
is how near a score comes to that of a picture which surely shows what is asked, where the encoder can say so, or else
how many deviations it stands out from the scores of all that was searched. On that, on the best result's and on how
clear the query is to the encoder a logistic regression says how probable a result is (docs/adr/0026).
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from gallery.encoders.abilities import Clarity
from gallery.encoders.base import EncoderKey
from gallery.vectors.hits import ScoreDistribution

FloatArray = npt.NDArray[np.float64]

LEAST_SHARE = 1e-4  # of the sure score: below it all are equally improbable
FEWEST_COMPARED = 2
POSSIBLE = 0.08  # from this probability on a picture may show what is excluded: docs/adr/0030
LEAST_DEVIATION = 1e-3  # half a bin of the histogram
STEEPEST = 50.0  # beyond it a float holds no difference


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of one search, whichever picture is judged: its best score, how the scores of all searched rows are
    spread, and how clear the query is; None where the engine or the encoder cannot say.

    `of_pictures` says that pictures alone are asked with, and whatever resembles them is meant.
    """

    best: float
    searched: ScoreDistribution | None = None
    clarity: Clarity | None = None
    of_pictures: bool = False


@dataclass(frozen=True, slots=True)
class Judgement:
    """How probable it is that a picture shows what is searched for, 0..1, and whether that is enough to say that it is
    meant. What may show something that is excluded is never confident.
    """

    probability: float
    confident: bool
    may_be_excluded: bool = False


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
        said = probabilities(features(scores, evidence), np.array(self.weights)).tolist()
        line = self.line(evidence)
        return [Judgement(each, score >= line) for each, score in zip(said, scores, strict=True)]

    def line(self, evidence: Evidence, *, probability: float | None = None) -> float:
        """Return the least score that is confident, or at least so probable: a float32, so that whoever counts from it
        counts what is judged so.

        Minus or plus infinity where every score is confident, or none.
        """
        [(_score, best, clear)] = features([evidence.best], evidence).tolist()
        least = self.threshold if probability is None else min(probability, self.threshold)
        wanted = math.log(least / (1 - least))
        reached = (wanted - self.intercept - self.best * best - self.clarity * clear) / self.score
        return float(np.float32(_score_reaching(reached, evidence)))


# Of normally distributed scores one in 2,000 stands out by 3.3 deviations.
UNCALIBRATED = Calibration(intercept=-6.6, score=2.0, best=0.0, clarity=0.0, threshold=0.5)


@dataclass(frozen=True, slots=True)
class Calibrations:
    """How to judge the searches of one encoder: with texts by shares of the sure score, with pictures by the same, and
    all others by deviations.
    """

    shares: Calibration | None = None
    deviations: Calibration = UNCALIBRATED
    pictures: Calibration | None = None

    def judge(self, scores: Sequence[float], evidence: Evidence) -> list[Judgement]:
        calibration, judged_by = self._of(evidence)
        return calibration.judge(scores, judged_by)

    def line(self, evidence: Evidence, *, probability: float | None = None) -> float:
        """Return the least score that is confident, or at least so probable: see `Calibration.line`."""
        calibration, judged_by = self._of(evidence)
        return calibration.line(judged_by, probability=probability)

    def _of(self, evidence: Evidence) -> tuple[Calibration, Evidence]:
        """Return the calibration for a search, and what it judges by."""
        fitted = self.pictures if evidence.of_pictures else self.shares
        if fitted is not None and evidence.clarity is not None:
            return fitted, evidence
        return self.deviations if not evidence.of_pictures else UNCALIBRATED, replace(evidence, clarity=None)


def calibrations_in(text: str, *, encoder: EncoderKey) -> Calibrations | None:
    """Return what a calibration file holds; None where it is of another encoder or no calibration at all."""
    try:
        said = json.loads(text)
        if (said["encoder"]["id"], said["encoder"]["revision"]) != (encoder.id, encoder.revision):
            return None
        found = Calibration.of(said["weights"])
        pictures = Calibration.of(said["pictures"]["weights"]) if said.get("pictures") else None
        if said["measure"] == "shares":
            return Calibrations(shares=found, pictures=pictures)
        return Calibrations(deviations=found, pictures=pictures)
    except (KeyError, TypeError, ValueError):
        return None


def features(scores: Sequence[float] | FloatArray, evidence: Evidence) -> FloatArray:
    """Return (len(scores), 3): how far each score comes, how far the best one does, and how clear the query is."""
    given = np.append(np.asarray(scores, dtype=np.float64), evidence.best)
    if evidence.clarity is None:
        reached, clear = _deviations(given, evidence.searched), 0.0
    else:
        beyond = given - evidence.clarity.by_colour
        reached = np.log(np.maximum(beyond / _sure(evidence.clarity), LEAST_SHARE))
        clear = math.log(max(evidence.clarity.weight, LEAST_SHARE))
    best = np.full(len(scores), reached[-1])
    return np.stack([reached[:-1], best, np.full(len(scores), clear)], axis=1)


def probabilities(rows: FloatArray, weights: FloatArray) -> FloatArray:
    """Return (n,) probabilities for (n, 3) features and the four weights, the intercept first."""
    said: FloatArray = 1 / (1 + np.exp(-np.clip(weights[0] + rows @ weights[1:], -STEEPEST, STEEPEST)))
    return said


def _score_reaching(reached: float, evidence: Evidence) -> float:
    """Return the least score whose own feature is `reached` or more."""
    if evidence.clarity is not None:
        if reached <= math.log(LEAST_SHARE):
            return -math.inf
        return evidence.clarity.by_colour + _sure(evidence.clarity) * math.exp(min(reached, STEEPEST))
    middle, width = _spread(evidence.searched)
    if math.isinf(width):
        return -math.inf if reached <= 0 else math.inf
    return middle + reached * width


def _deviations(scores: FloatArray, searched: ScoreDistribution | None) -> FloatArray:
    """Return how many deviations scores lie above the middle: 0 where nothing is known of others."""
    middle, width = _spread(searched)
    found: FloatArray = (scores - middle) / width
    return found


def _spread(searched: ScoreDistribution | None) -> tuple[float, float]:
    """Return the middle of all scores and their deviation, infinite where nothing is known of others. The lower half
    says how wide they spread: the upper one holds those that are meant.
    """
    if searched is None or searched.count < FEWEST_COMPARED:
        return 0.0, math.inf
    middle = searched.quantile(0.5)
    return middle, max(middle - searched.quantile(0.16), LEAST_DEVIATION)


def _sure(clarity: Clarity) -> float:
    return max(clarity.sure_score - clarity.by_colour, LEAST_SHARE)
