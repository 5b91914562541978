"""What OR joins, each with conditions of its own: the best of those counts that find a picture."""

import pytest

from gallery.models import Image
from gallery.retrieval.cutoff import Calibration, Calibrations
from gallery.retrieval.request import Order, SearchRequest
from gallery.services import legs
from gallery.services.search import find_images
from tests.conftest import acting, drawn_picture
from tests.searches import request_for

ALL_ARE_MEANT = Calibrations(deviations=Calibration(intercept=9.0, score=0.1, best=0.0, clarity=0.0, threshold=0.5))


@pytest.fixture
def red(alice, upload, quick_encoder) -> Image:
    """A red picture without tags, beside others."""
    for colour in ("blue", "black", "white"):
        upload(alice, f"{colour}.png", content=drawn_picture(colour), tags="x")
    return upload(alice, "red.png", content=drawn_picture("red"))


@pytest.mark.parametrize("order", Order)
def test_a_score_is_of_an_alternative_that_finds_the_picture(red, alice, monkeypatch, order):
    monkeypatch.setattr(legs, "calibrations_of", lambda _key: ALL_ARE_MEANT)
    [lime] = [each for each in find_images(request_for("lime"), by=acting(alice)).results if each.image == red]
    asked = SearchRequest.of(query="(red tag:x) OR lime", order=order, max_top=100)

    [found] = [each for each in find_images(asked, by=acting(alice)).results if each.image == red]

    assert found.score == pytest.approx(lime.score)
