"""How far a mean can be trusted: the percentile bootstrap over questions (Efron and Tibshirani 1993, chapter 13).

The questions are drawn again, with replacement, as many as there are, RESAMPLES times; the interval holds the middle
95 % of the means. It says how much the figure would change with other questions of the same kind, not with other
pictures. Queries that ask for the same pictures ("a dog" and "dogs", or the five captions of a picture) are one
question in several words: they are drawn together, for they are right or wrong together, and asking in more words
must not make a figure look more certain.

The draws depend on nothing but the number of questions, so two encoders are compared on the very same draws (a paired
bootstrap: what makes a question hard is hard for both and cancels out).
"""

from collections.abc import Sequence

import numpy as np

from .metrics import FloatArray

RESAMPLES = 5_000
SEED = 1979  # the year of Efron's paper; any fixed number does
CONFIDENCE = 0.95
# Of five coins one throw in sixteen shows five equal sides: too often for an interval of 95 % to rest on so few signs,
# and from so few values the bootstrap cannot know the tails.
FEWEST_QUESTIONS = 6
ROUNDING_NOISE = 1e-9  # means of equal values may differ in the last binary digit


def mean_intervals(values: FloatArray, questions: Sequence[int]) -> FloatArray | None:
    """Return the (columns, 2) lower and upper ends for the means of `values` (queries, columns).

    `questions` has a number per query, the same for those that are drawn together. None for fewer than
    FEWEST_QUESTIONS.
    """
    sums, sizes = _by_question(values, questions)
    count = len(sizes)
    if count < FEWEST_QUESTIONS:
        return None
    generator = np.random.default_rng(SEED)
    means = np.empty((RESAMPLES, values.shape[1]))
    for row in means:
        drawn = generator.integers(count, size=count)
        row[:] = sums[drawn].sum(axis=0) / sizes[drawn].sum()
    tail = (1 - CONFIDENCE) / 2
    ends: FloatArray = np.quantile(means, (tail, 1 - tail), axis=0).T
    return ends


def _by_question(values: FloatArray, questions: Sequence[int]) -> tuple[FloatArray, FloatArray]:
    """Return the (questions, columns) sums of the values, and how many queries each question has."""
    _numbers, places, sizes = np.unique(np.asarray(questions), return_inverse=True, return_counts=True)
    sums = np.zeros((len(sizes), values.shape[1]))
    np.add.at(sums, places, values)
    return sums, sizes.astype(np.float64)


def verdict(interval: FloatArray | None) -> str:
    """Say what an interval of differences shows: `better`, `worse`, or `not shown` if it holds 0 or there is none."""
    if interval is None:
        return "not shown"
    low, high = interval
    if low > ROUNDING_NOISE:
        return "better"
    return "worse" if high < -ROUNDING_NOISE else "not shown"
