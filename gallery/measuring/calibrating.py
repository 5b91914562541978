"""Fitting the line between what is meant and what is merely nearest, on labelled queries. Pure arithmetic.

A logistic regression of four weights by Newton's method with a slight ridge, to which each set of pictures contributes
alike. Each query is also asked of smaller libraries, drawn from the labelled one, and of what it means with hardly
anything else: a library of 12 pictures of one kind must get a line as good as that of a mixed one.

The quality is of what was held out twice: each query is asked of one half of the pictures, and judged by weights and a
threshold that were fitted on other concepts over the other half.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt

from gallery.encoders.abilities import Clarity
from gallery.retrieval.cutoff import Calibration, Evidence, features, probabilities
from gallery.vectors.hits import ScoreDistribution

from .quality.metrics import cutoff_measures

FloatArray = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]

FOLDS = 5
HALVES = 2
SMALLER_LIBRARIES = (12, 40)
STRANGERS = 3  # beside what is meant, in a library of one kind
HISTOGRAM_BINS = 1024
RIDGE, STEPS = 0.01, 60
THRESHOLDS = tuple(place / 40 for place in range(4, 37))
SILENCE = 0.9  # of what is absent: docs/adr/0026
SEED = 2014


@dataclass(frozen=True, slots=True)
class LabelledScores:
    """One query over one set of pictures: its score for each picture that may be found, which of them are relevant, and
    their places in the set, each (pictures,); and how clear it is.

    Queries of equal `concept`s ask for the same, whatever their set is, and are never both fitted on and judged.
    """

    data_set: str
    language: str
    concept: str
    scores: FloatArray
    relevant: npt.NDArray[np.bool_]
    places: Places
    clarity: Clarity | None

    def among(self, chosen: npt.NDArray[Any]) -> "LabelledScores":
        """Return the query over the chosen ones of its pictures."""
        return replace(self, scores=self.scores[chosen], relevant=self.relevant[chosen], places=self.places[chosen])


@dataclass(frozen=True, slots=True)
class Quality:
    """Of what was held out: means of precision, recall, f1 and silence over the queries of something there, and the
    share of the queries of something absent with no confident result; None without any.
    """

    precision: float | None
    recall: float | None
    f1: float | None
    silent: float | None
    nothing_confident: float | None


def fit(
    queries: Sequence[LabelledScores], *, silence: float | None = None
) -> tuple[Calibration, dict[str, dict[str, Quality]]]:
    """Return the calibration of all queries, and the quality, held out, of each set of pictures and language.

    The threshold is the least that is silent about `silence` of what is absent, each set counting alike; without that,
    or where nothing is absent, the one of the best f1 and silence together.
    """
    concepts = {concept: place % FOLDS for place, concept in enumerate(sorted({query.concept for query in queries}))}
    halves = _halves(queries)
    held_out = []
    for fold, half in product(range(FOLDS), range(HALVES)):
        seen: list[LabelledScores] = []
        unseen: list[LabelledScores] = []
        for query in queries:
            is_here = halves[query.data_set][query.places] == half
            if concepts[query.concept] == fold:
                unseen += _still_asked(query, ~is_here)
            else:
                seen += _still_asked(query, is_here)
        if seen and unseen:
            weights, threshold = _fitted(seen, silence)
            held_out += [_Judged(query, probabilities(_features(query), weights), threshold) for query in unseen]
    weights, threshold = _fitted(queries, silence)
    intercept, score, best, clarity = weights.tolist()
    calibration = Calibration(intercept=intercept, score=score, best=best, clarity=clarity, threshold=threshold)
    return calibration, _qualities(held_out)


@dataclass(frozen=True, slots=True)
class _Judged:
    """A query, how probable each of its pictures is called, and from where on that is confident."""

    query: LabelledScores
    said: FloatArray
    threshold: float


def _halves(queries: Sequence[LabelledScores]) -> Mapping[str, npt.NDArray[np.intp]]:
    """Return which half each picture of each set belongs to."""
    found = {}
    for data_set in {query.data_set for query in queries}:
        count = 1 + max(int(query.places.max(initial=0)) for query in queries if query.data_set == data_set)
        found[data_set] = np.random.default_rng(SEED).permutation(count) % HALVES
    return found


def _still_asked(query: LabelledScores, chosen: npt.NDArray[np.bool_]) -> Iterator[LabelledScores]:
    """Yield the query over the chosen pictures, but if it was of something there and none of that is left."""
    part = query.among(chosen)
    if len(part.scores) and (part.relevant.any() or not query.relevant.any()):
        yield part


def _fitted(queries: Sequence[LabelledScores], silence: float | None) -> tuple[FloatArray, float]:
    """Return the four weights, the intercept first, and the threshold."""
    asked_of = [query.data_set for query in queries]
    worth = [len(queries) / (len(set(asked_of)) * asked_of.count(data_set)) for data_set in asked_of]
    weights = _regression([_examples(query, one) for query, one in zip(queries, worth, strict=True)])
    said = [probabilities(_features(query), weights) for query in queries]
    return weights, _threshold([_Judged(*each, 0.0) for each in zip(queries, said, strict=True)], silence)


@dataclass(frozen=True, slots=True)
class _Examples:
    """(n, 3) features, and as many labels and worths."""

    rows: FloatArray
    labels: FloatArray
    worths: FloatArray


def _examples(query: LabelledScores, worth: float) -> _Examples:
    """Return what one query says over all its pictures and over smaller libraries."""
    random = np.random.default_rng(SEED)
    everything = np.arange(len(query.scores))
    libraries = [everything, *(random.permutation(everything)[:size] for size in SMALLER_LIBRARIES)]
    if query.relevant.any():
        strangers = random.permutation(np.flatnonzero(~query.relevant))[:STRANGERS]
        libraries.append(np.concatenate([np.flatnonzero(query.relevant), strangers]))
    asked = [query.among(library) for library in libraries]
    labels = np.concatenate([each.relevant for each in asked]).astype(np.float64)
    return _Examples(np.concatenate([_features(each) for each in asked]), labels, np.full(len(labels), worth))


def _features(query: LabelledScores) -> FloatArray:
    scores = query.scores
    histogram = np.histogram(scores, bins=HISTOGRAM_BINS, range=(-1.0, 1.0))[0].astype(np.int64)
    spread = ScoreDistribution.of(
        histogram, count=len(scores), total=float(scores.sum()), squares=float(scores @ scores)
    )
    return features(scores, Evidence(float(scores.max()), spread, query.clarity))


def _regression(examples: Sequence[_Examples]) -> FloatArray:
    """Return the four weights, the intercept first."""
    rows = np.concatenate([each.rows for each in examples])
    labels = np.concatenate([each.labels for each in examples])
    worths = np.concatenate([each.worths for each in examples])
    middle, width = rows.mean(axis=0), rows.std(axis=0)
    width[width == 0] = np.inf  # a feature that says nothing gets no weight
    design = np.column_stack([np.ones(len(rows)), (rows - middle) / width])
    weights = np.zeros(design.shape[1])
    ridge = np.diag([1e-6, *[RIDGE] * rows.shape[1]])
    for _step in range(STEPS):
        said = probabilities(design[:, 1:], weights)
        curvature = (design * (worths * said * (1 - said))[:, np.newaxis]).T @ design + ridge
        step = np.linalg.solve(curvature, design.T @ (worths * (labels - said)) - ridge @ weights)
        weights += step
        if np.abs(step).max() < 1e-8:
            break
    slopes = weights[1:] / width
    return np.array([weights[0] - slopes @ middle, *slopes])


def _threshold(judged: Sequence[_Judged], silence: float | None) -> float:
    qualities = {
        line: [_quality(of_set) for of_set in _by_set([replace(each, threshold=line) for each in judged])]
        for line in THRESHOLDS
    }
    for line, found in qualities.items():
        silent = [one.nothing_confident for one in found if one.nothing_confident is not None]
        if silence is not None and silent and np.mean(silent) >= silence:
            return line
    worths = {line: sum(map(_worth, found)) for line, found in qualities.items()}
    best = [line for line, worth in worths.items() if worth == max(worths.values())]
    return best[len(best) // 2]


def _by_set(judged: Sequence[_Judged]) -> list[list[_Judged]]:
    sets = sorted({each.query.data_set for each in judged})
    return [[each for each in judged if each.query.data_set == data_set] for data_set in sets]


def _worth(quality: Quality) -> float:
    """Return what a threshold is worth: what is shown and what is kept silent about count alike."""
    return sum(part for part in (quality.f1, quality.nothing_confident) if part is not None)


def _qualities(judged: Sequence[_Judged]) -> dict[str, dict[str, Quality]]:
    """Return the quality of each set of pictures and language."""
    return {
        of_set[0].query.data_set: {
            language: _quality([each for each in of_set if each.query.language == language])
            for language in sorted({each.query.language for each in of_set})
        }
        for of_set in _by_set(judged)
    }


def _quality(judged: Sequence[_Judged]) -> Quality:
    there, absent = [], []
    for each in judged:
        confident = frozenset(np.flatnonzero(each.said >= each.threshold).tolist())
        relevant = frozenset(np.flatnonzero(each.query.relevant).tolist())
        if relevant:
            there.append(cutoff_measures(confident, relevant))
        else:
            absent.append(float(not confident))
    precision, recall, f1, silent = np.mean(there, axis=0).tolist() if there else [None] * 4
    return Quality(precision, recall, f1, silent, float(np.mean(absent)) if absent else None)
