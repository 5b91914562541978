from dataclasses import replace

import numpy as np
import pytest

from gallery.encoders.abilities import Clarity
from gallery.measuring import calibrating
from gallery.measuring.calibrating import LabelledScores, fit

PICTURES = 120  # of which each half is judged by the other


def labelled(place, *, relevant, clarity, data_set="photos"):
    """Return a query whose relevant pictures reach about half of the sure score, and others a twentieth."""
    random = np.random.default_rng(place)
    is_relevant = np.arange(PICTURES) < relevant
    sure = clarity.sure_score if clarity else 0.2
    shares = np.where(is_relevant, random.uniform(0.3, 0.7, PICTURES), random.uniform(0.0, 0.1, PICTURES))
    return LabelledScores(
        data_set=data_set,
        language=("en", "zh")[place % 2],
        concept=str(place // 2),
        scores=sure * shares,
        relevant=is_relevant,
        places=np.arange(PICTURES),
        clarity=clarity,
    )


@pytest.mark.parametrize("clarities", [(Clarity(0.05, 0.9), Clarity(0.5, 0.8)), (None,)])
def test_fit_finds_the_line_whatever_the_scale_of_a_query_is(clarities):
    queries = [
        labelled(place, relevant=(0, 3, 6)[place % 3], clarity=clarities[place % len(clarities)]) for place in range(30)
    ]

    calibration, quality = fit(queries)

    assert calibration.score > 0
    assert set(quality) == {"photos"}
    assert set(quality["photos"]) == {"en", "zh"}
    for found in quality["photos"].values():
        assert found.precision > 0.9
        assert found.recall > 0.9
        assert found.nothing_confident > 0.8


def test_fit_without_absent_things_says_nothing_of_silence():
    queries = [labelled(place, relevant=3, clarity=Clarity(0.1, 0.9)) for place in range(12)]

    _calibration, quality = fit(queries)

    assert quality["photos"]["en"].nothing_confident is None
    assert quality["photos"]["en"].silent == 0.0


def test_fit_is_the_same_at_every_run():
    queries = [labelled(place, relevant=place % 4, clarity=Clarity(0.1, 0.9)) for place in range(20)]

    assert fit(queries) == fit(queries)


def test_fit_on_two_sets_tells_the_quality_of_each():
    queries = [
        labelled(place, relevant=(0, 3, 6)[place % 3], clarity=Clarity(0.05, 0.9), data_set=data_set)
        for data_set, count in (("photos", 12), ("scenes", 24))
        for place in range(count)
    ]

    _calibration, quality = fit(queries)

    assert set(quality) == {"photos", "scenes"}
    assert all(found.precision > 0.9 for languages in quality.values() for found in languages.values())


def test_silence_that_is_asked_for_is_had_by_a_higher_threshold():
    """Half of what is absent looks like what is there."""
    queries = [
        replace(each, relevant=np.zeros(PICTURES, dtype=bool)) if place % 4 == 0 else each
        for place, each in enumerate(
            labelled(place, relevant=(0, 4)[place % 2 == 0], clarity=Clarity(0.05, 0.9)) for place in range(40)
        )
    ]

    lines = [fit(queries, silence=silence)[0].threshold for silence in (0.1, 0.5, 0.95)]

    assert lines == sorted(lines)
    assert lines[0] < lines[-1]


def test_what_is_judged_was_never_fitted_on(monkeypatch):
    fitted, judged = [], []
    fit_weights, judge = calibrating._fitted, calibrating._Judged
    queries = [labelled(place, relevant=place % 4, clarity=Clarity(0.1, 0.9)) for place in range(20)]
    monkeypatch.setattr(calibrating, "_fitted", lambda seen, *more: fitted.append(seen) or fit_weights(seen, *more))

    def noting(query, said, threshold):
        if threshold:
            judged.append((query, fitted[-1]))
        return judge(query, said, threshold)

    monkeypatch.setattr(calibrating, "_Judged", noting)

    fit(queries)

    assert len(judged) > len(queries)
    for query, seen in judged:
        assert query.concept not in {other.concept for other in seen}
        assert not set(query.places.tolist()) & {place for other in seen for place in other.places.tolist()}
