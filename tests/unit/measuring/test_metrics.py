import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from gallery.measuring.quality.bootstrap import RESAMPLES, SEED, verdict
from gallery.measuring.quality.bootstrap import mean_intervals as intervals_by_question
from gallery.measuring.quality.metrics import CUTOFF_METRICS, METRICS, cutoff_measures, measures


def named(ranks, relevant):
    return dict(zip(METRICS, measures(np.array(ranks, dtype=np.int64), relevant=relevant).tolist(), strict=True))


@pytest.mark.parametrize(
    ("ranks", "relevant", "expected"),
    [
        ([1, 2], 2, 1.0),
        ([2], 1, 1 / 2),
        ([1, 3], 2, (1 + 2 / 3) / 2),
        ([1], 2, 1 / 2),  # a relevant picture that was never found counts as nothing
        ([], 3, 0.0),
    ],
)
def test_average_precision_is_the_mean_precision_at_relevant_ranks(ranks, relevant, expected):
    assert named(ranks, relevant)["map"] == pytest.approx(expected)


def test_measures_of_one_ranking_by_hand():
    """Four relevant pictures, at the ranks 1, 3, 7 and 12."""
    found = named([1, 3, 7, 12], 4)

    assert found == {
        "map": pytest.approx((1 / 1 + 2 / 3 + 3 / 7 + 4 / 12) / 4),
        "recall_at_1": 1 / 4,
        "recall_at_5": 2 / 4,
        "recall_at_10": 3 / 4,
        "precision_at_10": 3 / 10,
        "hit_at_1": 1.0,
        "r_precision": 2 / 4,
    }


def test_only_a_perfect_ranking_has_r_precision_one():
    assert named([1, 2, 3], 3)["r_precision"] == 1.0
    assert named([1, 2, 4], 3)["r_precision"] == 2 / 3


@given(st.lists(st.booleans(), min_size=1, max_size=40).filter(any), st.integers(0, 5))
def test_measures_are_what_their_definitions_say(is_relevant, never_found):
    """The definitions of the textbook, word by word: over the list of results instead of over ranks."""
    total = sum(is_relevant) + never_found
    precisions = [sum(is_relevant[: k + 1]) / (k + 1) for k in range(len(is_relevant))]

    found = named(np.flatnonzero(is_relevant) + 1, total)

    assert found == {
        "map": pytest.approx(sum(p for p, relevant in zip(precisions, is_relevant, strict=True) if relevant) / total),
        "recall_at_1": sum(is_relevant[:1]) / total,
        "recall_at_5": sum(is_relevant[:5]) / total,
        "recall_at_10": sum(is_relevant[:10]) / total,
        "precision_at_10": sum(is_relevant[:10]) / 10,
        "hit_at_1": float(is_relevant[0]),
        "r_precision": sum(is_relevant[:total]) / total,
    }
    assert all(0 <= value <= 1 for value in found.values())


# Intervals


def mean_intervals(values):
    """Return the intervals where every query is a question of its own."""
    return intervals_by_question(values, range(len(values)))


def sample(count, seed=0):
    return np.random.default_rng(seed).beta(2, 1, size=(count, 1))


def test_interval_is_that_of_another_implementation():
    values = sample(30)
    theirs = stats.bootstrap((values[:, 0],), np.mean, n_resamples=20_000, method="percentile", rng=5)

    (ours,) = mean_intervals(values)

    assert ours == pytest.approx(theirs.confidence_interval, abs=0.01)


def test_intervals_hold_the_true_mean_about_as_often_as_they_promise():
    """Of 60 samples of 30 some 57 should; the percentile bootstrap of such small samples is a little too narrow."""
    intervals = [mean_intervals(sample(30, seed))[0] for seed in range(60)]

    held = sum(low <= 2 / 3 <= high for low, high in intervals)
    assert 52 <= held < 60


def test_intervals_are_the_same_at_every_run_and_one_per_column():
    values = np.hstack([sample(20), 1 - sample(20)])

    once, again = mean_intervals(values), mean_intervals(values)

    assert once.shape == (2, 2)
    assert (once == again).all()
    assert (once[:, 0] < values.mean(axis=0)).all()
    assert (once[:, 1] > values.mean(axis=0)).all()
    assert mean_intervals(values[:, :1])[0] == pytest.approx(once[0], abs=1e-12)  # whatever is measured beside it


def test_more_queries_narrow_the_interval():
    widths = [np.ptp(mean_intervals(sample(count))[0]) for count in (10, 40, 160)]

    assert widths == sorted(widths, reverse=True)
    assert widths[0] > 2 * widths[2]


def test_asking_the_same_in_more_words_makes_nothing_more_certain():
    values = sample(20)
    alone = mean_intervals(values)

    assert intervals_by_question(np.repeat(values, 3, axis=0), np.repeat(range(20), 3))[0] == pytest.approx(alone[0])
    assert np.ptp(mean_intervals(np.repeat(values, 3, axis=0))[0]) < 0.7 * np.ptp(alone[0])
    assert intervals_by_question(values, [7] * 20) is None  # one question, however often it is asked


def test_questions_of_several_queries_weigh_by_their_queries():
    """The definition, word by word: draw questions, put their queries on a heap, take the heap's mean."""
    questions = [0, 0, 0, 1, 2, 2, 3, 4, 4, 4, 4, 5]
    values = sample(len(questions))
    heaps = [values[np.array(questions) == number, 0] for number in range(6)]
    generator = np.random.default_rng(SEED)
    draws = [generator.integers(6, size=6) for _ in range(RESAMPLES)]
    means = [np.concatenate([heaps[number] for number in drawn]).mean() for drawn in draws]

    found = intervals_by_question(values, questions)[0]

    assert found == pytest.approx(np.quantile(means, (0.025, 0.975)))


def test_equal_values_have_an_interval_without_width():
    assert mean_intervals(np.full((8, 1), 0.3))[0] == pytest.approx([0.3, 0.3])


def test_fewer_than_six_questions_have_no_interval():
    """That five gains are all above zero happens by chance once in sixteen times, for either encoder."""
    assert mean_intervals(sample(1)) is mean_intervals(sample(5)) is None
    assert intervals_by_question(sample(30), list(range(5)) * 6) is None
    assert mean_intervals(sample(6)) is not None


def test_differences_are_judged_in_pairs():
    """Hard and easy queries spread far more than the encoders differ; in pairs the small gain shows all the same."""
    first = sample(40)
    second = first + 0.01

    (low, high), (gain,) = mean_intervals(first)[0], mean_intervals(second - first)

    assert low < second.mean() < high  # apart, nobody could tell
    assert verdict(gain) == "better"
    assert verdict(mean_intervals(first - second)[0]) == "worse"


def test_no_difference_is_shown_without_enough_queries_or_where_the_interval_holds_zero():
    values = sample(40)

    assert verdict(None) == "not shown"
    assert verdict(mean_intervals(values - values)[0]) == "not shown"
    assert verdict(mean_intervals(values - values[::-1])[0]) == "not shown"
    assert verdict(np.array([1e-17, 1e-16])) == "not shown"  # nothing but rounding


def test_a_search_that_is_confident_of_nothing_says_nothing_wrong():
    assert cutoff_measures(set(), {1, 2}).tolist() == [1.0, 0.0, 0.0, 1.0]


@given(st.sets(st.integers(0, 20), min_size=1), st.sets(st.integers(0, 20), min_size=1))
def test_cutoff_measures_are_what_their_definitions_say(confident, relevant):
    found = dict(zip(CUTOFF_METRICS, cutoff_measures(confident, relevant).tolist(), strict=True))

    precision = sum(number in relevant for number in confident) / len(confident)
    recall = sum(number in confident for number in relevant) / len(relevant)
    f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    assert found == {
        "precision": pytest.approx(precision),
        "recall": pytest.approx(recall),
        "f1": pytest.approx(f1),
        "silent": 0.0,
    }
