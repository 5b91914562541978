import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gallery.measuring.quality.confidence import RELIABILITY_BINS, confidence_of
from gallery.measuring.quality.library import Ranked

probabilities = st.lists(st.floats(0, 1), max_size=30)


def ranked(said, confident=()):
    return Ranked(list(range(len(said))), list(said), frozenset(confident), encoding_seconds=0.0)


def test_pictures_that_do_not_count_are_neither_right_nor_wrong():
    found = confidence_of([ranked([0.9, 0.8, 0.7], {0, 1})], [ranked([0.9], {0})], wanted=[{0, 2}], among={0, 2})

    assert found.values.tolist() == [[1.0, 0.5, 2 / 3, 0.0]]
    assert found.nothing_confident.tolist() == [0.0]


def test_absent_things_count_in_nothing_else():
    found = confidence_of([], [ranked([0.9], {0}), ranked([0.1])], wanted=[], among={0})

    assert found.values.shape == (0, 4)
    assert found.nothing_confident.tolist() == [0.0, 1.0]


@given(probabilities, st.sets(st.integers(0, 29), min_size=1))
def test_reliability_holds_every_result_once(said, relevant):
    found = confidence_of([ranked(said)], [ranked(said)], wanted=[relevant], among=set(range(30))).reliability

    counts, sums, right = found.sum(axis=0)
    assert counts == 2 * len(said)
    assert np.isclose(sums, 2 * sum(said))
    assert right == sum(number in relevant for number in range(len(said)))
    filled = found[:, 0] > 0
    means = found[filled, 1] / found[filled, 0]
    edges = np.flatnonzero(filled) / RELIABILITY_BINS
    assert ((means >= edges - 1e-9) & (means <= edges + 1 / RELIABILITY_BINS + 1e-9)).all()
