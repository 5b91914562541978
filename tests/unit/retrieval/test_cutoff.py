import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gallery.encoders.abilities import Clarity
from gallery.encoders.base import EncoderKey
from gallery.retrieval.cutoff import Calibration, Calibrations, Evidence, calibrations_in
from gallery.vectors.hits import ScoreDistribution

KEY = EncoderKey("offline", "r1")
WEIGHTS = {"intercept": 8.0, "score": 3.5, "best": 0.5, "clarity": 3.5, "threshold": 0.6}
FITTED = Calibrations(shares=Calibration.of(WEIGHTS))
CLEAR, VAGUE = Clarity(sure_score=0.1, weight=0.9), Clarity(sure_score=0.1, weight=0.02)

some_scores = st.lists(st.floats(-1, 1, width=32), min_size=1, max_size=30)
clarities = st.builds(
    Clarity, sure_score=st.floats(1e-3, 1), weight=st.floats(0, 1), by_colour=st.just(0.0) | st.floats(0, 0.5)
)


def spread_of(scores):
    scores = np.asarray(scores, dtype=float)
    histogram = np.histogram(scores, bins=1024, range=(-1, 1))[0].astype(np.int64)
    return ScoreDistribution.of(histogram, count=len(scores), total=scores.sum(), squares=(scores**2).sum())


def judged(scores, clarity=None, *, among=None, calibrations=FITTED):
    evidence = Evidence(best=max(scores), searched=spread_of(among or scores), clarity=clarity)
    return calibrations.judge(scores, evidence)


def confident(scores, clarity=None, **others):
    return [each.confident for each in judged(scores, clarity, **others)]


@given(some_scores, st.none() | clarities, st.sampled_from([FITTED, Calibrations()]))
def test_a_better_score_is_never_less_probable(scores, clarity, calibrations):
    found = judged(sorted(scores), clarity, calibrations=calibrations)

    said = [each.probability for each in found]
    assert said == sorted(said)
    assert all(0 <= probability <= 1 for probability in said)


@given(some_scores, clarities, st.integers(2, 5))
def test_the_same_pictures_several_times_are_judged_alike(scores, clarity, times):
    assert judged(scores, clarity) == judged(scores, clarity, among=scores * times)


def test_scores_are_measured_by_what_a_sure_picture_would_get():
    broad = Clarity(sure_score=0.06, weight=0.9)

    assert confident([0.03, 0.004], broad) == [True, False]
    assert confident([0.03, 0.004], Clarity(sure_score=0.6, weight=0.9)) == [False, False]


def test_a_text_that_the_encoder_hardly_understands_needs_better_scores():
    assert confident([0.04], CLEAR) == [True]
    assert confident([0.04], VAGUE) == [False]


def test_what_a_colour_alone_may_give_counts_for_nothing():
    red_car = Clarity(sure_score=0.8, weight=0.9, by_colour=0.3)

    assert confident([0.7, 0.45, 0.3, 0.2], red_car) == [True, True, False, False]


def test_equal_scores_in_other_surroundings_get_another_line():
    """The best picture tells whether the thing is there at all."""
    assert confident([0.0145], CLEAR) == [False]
    assert confident([0.1, 0.0145], CLEAR) == [True, True]


@pytest.mark.parametrize("size", [12, 100_000])
def test_one_relevant_picture_is_found_in_a_library_of_any_size(size):
    others = np.random.default_rng(0).normal(0.2, 0.01, size - 1).tolist()

    assert confident([0.3], among=[0.3, *others], calibrations=Calibrations()) == [True]
    assert confident([0.21], among=[0.21, *others], calibrations=Calibrations()) == [False]
    assert confident([0.05], CLEAR, among=[0.05, *others]) == [True]


def test_a_library_of_one_kind_is_wholly_meant_where_the_encoder_knows_the_sure_score():
    assert confident([0.05, 0.049, 0.048], CLEAR) == [True, True, True]


def test_without_clarity_and_distribution_nothing_is_confident():
    assert [each.confident for each in Calibrations().judge([0.9], Evidence(best=0.9))] == [False]


@given(some_scores, st.none() | clarities, st.sampled_from([FITTED, Calibrations()]), st.booleans())
def test_the_line_is_where_confidence_begins(scores, clarity, calibrations, of_pictures):
    evidence = Evidence(max(scores), spread_of(scores), clarity, of_pictures)
    line = calibrations.line(evidence)

    judged = calibrations.judge(scores, evidence)

    assert [each.confident for each in judged] == [score >= line for score in scores]
    assert line == np.float32(line)
    threshold = FITTED.shares.threshold if calibrations is FITTED and clarity and not of_pictures else 0.5
    for each in judged:
        assert each.confident == (each.probability >= threshold) or each.probability == pytest.approx(
            threshold, abs=1e-4
        )


@given(some_scores, st.none() | clarities, st.sampled_from([FITTED, Calibrations()]), st.floats(0.01, 0.5))
def test_a_lower_line_is_where_a_probability_begins(scores, clarity, calibrations, probability):
    evidence = Evidence(max(scores), spread_of(scores), clarity)
    line = calibrations.line(evidence, probability=probability)

    assert line <= calibrations.line(evidence)
    for each, score in zip(calibrations.judge(scores, evidence), scores, strict=True):
        assert (score >= line) == (each.probability >= probability) or each.probability == pytest.approx(
            probability, abs=1e-3
        )


def test_pictures_have_a_line_of_their_own():
    calibrations = Calibrations(shares=FITTED.shares, pictures=Calibration.of({**WEIGHTS, "intercept": -50.0}))
    of_text = Evidence(best=0.09, clarity=CLEAR)
    of_picture = Evidence(best=0.09, clarity=CLEAR, of_pictures=True)

    assert [calibrations.judge([0.09], evidence)[0].confident for evidence in (of_text, of_picture)] == [True, False]


def test_equal_scores_and_other_surroundings_get_other_lines_without_a_calibration():
    quiet, loud = [0.3, *[0.1] * 50, *[0.12] * 50], [0.3, *[0.1] * 50, *[0.28] * 50]

    assert confident([0.3], among=quiet, calibrations=Calibrations()) == [True]
    assert confident([0.3], among=loud, calibrations=Calibrations()) == [False]


def test_calibration_file_counts_for_the_very_encoder_alone():
    said = {"encoder": {"id": "offline", "revision": "r1"}, "measure": "shares", "weights": WEIGHTS}

    assert calibrations_in(json.dumps(said), encoder=KEY) == FITTED
    assert calibrations_in(json.dumps(said), encoder=EncoderKey("offline", "r2")) is None
    with_pictures = {**said, "pictures": {"weights": WEIGHTS}}
    assert calibrations_in(json.dumps(with_pictures), encoder=KEY).pictures == FITTED.shares


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"encoder": {"id": "offline", "revision": "r1"}}',
        json.dumps(
            {"encoder": {"id": "offline", "revision": "r1"}, "measure": "shares", "weights": {**WEIGHTS, "score": -1}}
        ),
    ],
)
def test_calibration_file_that_is_none_is_none(text):
    assert calibrations_in(text, encoder=KEY) is None
