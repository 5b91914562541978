"""Fitting the line between what is meant and what is merely nearest, on labelled queries. Pure arithmetic.

A logistic regression of four weights by Newton's method with a slight ridge. Each query is also asked of smaller
libraries, drawn from the labelled one, and of what it means with hardly anything else: a library of 12 pictures of one
kind must get a line as good as that of a mixed one. The threshold and the quality come from folds: each question is
judged by weights that were fitted without it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gallery.encoders.abilities import Clarity
from gallery.retrieval.cutoff import Calibration, Evidence, features, probabilities
from gallery.vectors.hits import ScoreDistribution

from .quality.metrics import cutoff_measures

FloatArray = npt.NDArray[np.float64]

FOLDS = 5
SMALLER_LIBRARIES = (12, 40)
STRANGERS = 3  # beside what is meant, in a library of one kind
HISTOGRAM_BINS = 1024
RIDGE, STEPS = 0.01, 50
THRESHOLDS = tuple(place / 20 for place in range(4, 18))
SEED = 2014


@dataclass(frozen=True, slots=True)
class LabelledScores:
    """One query: its score for each picture, which pictures are relevant, both (pictures,), and its clarity.

    Equal `question`s ask for the same pictures and are never both fitted on and judged.
    """

    language: str
    question: int
    scores: FloatArray
    relevant: npt.NDArray[np.bool_]
    clarity: Clarity | None


@dataclass(frozen=True, slots=True)
class Quality:
    """Of questions that were held out: means of precision, recall, f1 and silence over the queries of something there,
    and the share of the queries of something absent with no confident result; None without any.
    """

    precision: float | None
    recall: float | None
    f1: float | None
    silent: float | None
    nothing_confident: float | None


def fit(queries: Sequence[LabelledScores]) -> tuple[Calibration, dict[str, Quality]]:
    """Return the calibration of all queries, and the quality per language of those held out in turn."""
    numbers = {question: place for place, question in enumerate(sorted({query.question for query in queries}))}
    folds = [numbers[query.question] % FOLDS for query in queries]
    examples = [_examples(query, np.random.default_rng(SEED + place)) for place, query in enumerate(queries)]
    fitted = {
        fold: _fitted([each for each, of in zip(examples, folds, strict=True) if of != fold]) for fold in set(folds)
    }
    held_out = [probabilities(_features(query), fitted[fold]) for query, fold in zip(queries, folds, strict=True)]
    threshold = max(THRESHOLDS, key=lambda line: _worth(_quality(queries, held_out, line)))
    languages = sorted({query.language for query in queries})
    quality = {
        language: _quality(
            [query for query in queries if query.language == language],
            [said for query, said in zip(queries, held_out, strict=True) if query.language == language],
            threshold,
        )
        for language in languages
    }
    intercept, score, best, clarity = _fitted(examples).tolist()
    return Calibration(intercept=intercept, score=score, best=best, clarity=clarity, threshold=threshold), quality


def _examples(query: LabelledScores, random: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """Return features and labels of one query over the whole library and over smaller ones."""
    everything = np.arange(len(query.scores))
    libraries = [everything, *(random.permutation(everything)[:size] for size in SMALLER_LIBRARIES)]
    if query.relevant.any():
        strangers = random.permutation(np.flatnonzero(~query.relevant))[:STRANGERS]
        libraries.append(np.concatenate([np.flatnonzero(query.relevant), strangers]))
    rows = [_features(query, library) for library in libraries]
    labels = [query.relevant[library].astype(np.float64) for library in libraries]
    return np.concatenate(rows), np.concatenate(labels)


def _features(query: LabelledScores, library: npt.NDArray[np.intp] | None = None) -> FloatArray:
    scores = query.scores if library is None else query.scores[library]
    histogram = np.histogram(scores, bins=HISTOGRAM_BINS, range=(-1.0, 1.0))[0].astype(np.int64)
    spread = ScoreDistribution.of(
        histogram, count=len(scores), total=float(scores.sum()), squares=float(scores @ scores)
    )
    return features(scores, Evidence(float(scores.max()), spread, query.clarity))


def _fitted(examples: Sequence[tuple[FloatArray, FloatArray]]) -> FloatArray:
    """Return the four weights, the intercept first."""
    rows, labels = (np.concatenate(part) for part in zip(*examples, strict=True))
    middle, width = rows.mean(axis=0), rows.std(axis=0)
    width[width == 0] = np.inf  # a feature that says nothing gets no weight
    design = np.column_stack([np.ones(len(rows)), (rows - middle) / width])
    weights = np.zeros(design.shape[1])
    ridge = np.diag([1e-6, *[RIDGE] * rows.shape[1]])
    for _step in range(STEPS):
        said = probabilities(design[:, 1:], weights)
        curvature = (design * (said * (1 - said))[:, np.newaxis]).T @ design + ridge
        step = np.linalg.solve(curvature, design.T @ (labels - said) - ridge @ weights)
        weights += step
        if np.abs(step).max() < 1e-8:
            break
    slopes = weights[1:] / width
    return np.array([weights[0] - slopes @ middle, *slopes])


def _worth(quality: Quality) -> float:
    """Return what a threshold is worth: what is shown and what is kept silent about count alike."""
    return sum(part for part in (quality.f1, quality.nothing_confident) if part is not None)


def _quality(queries: Sequence[LabelledScores], said: Sequence[FloatArray], threshold: float) -> Quality:
    there, absent = [], []
    for query, each in zip(queries, said, strict=True):
        confident = frozenset(np.flatnonzero(each >= threshold).tolist())
        if query.relevant.any():
            there.append(cutoff_measures(confident, frozenset(np.flatnonzero(query.relevant).tolist())))
        else:
            absent.append(float(not confident))
    precision, recall, f1, silent = np.mean(there, axis=0).tolist() if there else [None] * 4
    return Quality(precision, recall, f1, silent, float(np.mean(absent)) if absent else None)
