import numpy as np
import pytest

from gallery.encoders.abilities import Clarity
from gallery.measuring.calibrating import LabelledScores, fit

PICTURES = 60


def labelled(place, *, relevant, clarity):
    """Return a query whose relevant pictures reach about half of the sure score, and others a twentieth."""
    random = np.random.default_rng(place)
    is_relevant = np.arange(PICTURES) < relevant
    sure = clarity.sure_score if clarity else 0.2
    shares = np.where(is_relevant, random.uniform(0.3, 0.7, PICTURES), random.uniform(0.0, 0.1, PICTURES))
    return LabelledScores(("en", "zh")[place % 2], place // 2, sure * shares, is_relevant, clarity)


@pytest.mark.parametrize("clarities", [(Clarity(0.05, 0.9), Clarity(0.5, 0.8)), (None,)])
def test_fit_finds_the_line_whatever_the_scale_of_a_query_is(clarities):
    queries = [
        labelled(place, relevant=(0, 3, 6)[place % 3], clarity=clarities[place % len(clarities)]) for place in range(30)
    ]

    calibration, quality = fit(queries)

    assert calibration.score > 0
    assert set(quality) == {"en", "zh"}
    for found in quality.values():
        assert found.precision > 0.9
        assert found.recall > 0.9
        assert found.nothing_confident > 0.8


def test_fit_without_absent_things_says_nothing_of_silence():
    queries = [labelled(place, relevant=3, clarity=Clarity(0.1, 0.9)) for place in range(12)]

    _calibration, quality = fit(queries)

    assert quality["en"].nothing_confident is None
    assert quality["en"].silent == 0.0


def test_fit_is_the_same_at_every_run():
    queries = [labelled(place, relevant=place % 4, clarity=Clarity(0.1, 0.9)) for place in range(20)]

    assert fit(queries) == fit(queries)
