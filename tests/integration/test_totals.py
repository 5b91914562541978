"""How many pictures a search finds and how many it is sure of, also beyond what it lists: the same at every door."""

import json

import numpy as np
import pytest
from django.core.management import call_command

from gallery.encoders import registry
from gallery.models import OPERATOR, Image
from gallery.retrieval.cutoff import Calibration, Calibrations
from gallery.retrieval.request import Order, SearchRequest
from gallery.retrieval.tree import Like, tree_of
from gallery.search_index import search_index
from gallery.services import legs
from gallery.services import search as search_service
from gallery.services.search import ResultPage, find_images
from tests.conftest import acting
from tests.integration.api_client import Api
from tests.integration.test_models import stored
from tests.integration.test_similar import SeeingEncoder
from tests.pages import as_user, text_of
from tests.searches import request_for

PICTURES = 40
LINE = Calibration(intercept=-0.6, score=1.0, best=0.0, clarity=0.0, threshold=0.5)  # 0.6 deviations above the middle
TEXTS = [request_for(word, top=PICTURES) for word in ("red", "lime", "blue", "white")]


@pytest.fixture(autouse=True)
def encoder():
    encoder = SeeingEncoder()
    with registry.using(encoder):
        yield encoder


@pytest.fixture(autouse=True)
def lenient(monkeypatch):
    """The line lies low, so that many are above it."""
    pictures = Calibration(intercept=1.0, score=4.0, best=0.0, clarity=0.0, threshold=0.5)  # e^-0.25 of the sure score
    monkeypatch.setattr(legs, "calibrations_of", lambda _key: Calibrations(deviations=LINE, pictures=pictures))


@pytest.fixture
def library(alice, bob, encoder) -> list[Image]:
    """Pictures of alice, and as many of bob: every fourth one is all but a copy of the first."""
    images = [stored((alice, bob)[place % 2]) for place in range(2 * PICTURES)]
    corners = np.random.default_rng(5).uniform(-0.5, 0.5, size=(2 * PICTURES, encoder.dimension)).astype(np.float32)
    corners[:, :3] *= 1.5
    corners[4::8] = corners[0] + corners[4::8] / 10
    rows = corners / np.linalg.norm(corners, axis=1, keepdims=True)
    search_index().add([image.pk for image in images], rows, encoder=encoder)
    return images


def counts(page: ResultPage) -> tuple[int, int, bool]:
    return page.total, page.confident_total, page.total_is_at_least


def truth(request: SearchRequest, by) -> int:
    """Return how many are meant where all are listed."""
    return sum(result.confident for result in find_images(SearchRequest(request.tree, 2 * PICTURES), by=by).results)


@pytest.mark.parametrize("top", [1, 3, PICTURES])
def test_total_counts_all_that_may_be_found_and_the_confident_ones_of_them(library, alice, top):
    for request in TEXTS:
        page = find_images(SearchRequest(request.tree, top), by=acting(alice))

        assert counts(page) == (PICTURES, truth(request, acting(alice)), False)
        assert 0 < page.confident_total < PICTURES


@pytest.mark.parametrize("top", [1, 2, 5, PICTURES])
def test_pictures_count_copies_and_what_shows_the_same_once(library, alice, bob, top):
    for image, user in ((library[0], alice), (library[2], alice), (library[3], bob), (library[4], alice)):
        page = find_images(SearchRequest(Like(image.pk), top), by=acting(user))

        assert counts(page) == (PICTURES - 1, truth(SearchRequest(Like(image.pk)), acting(user)), False)
    assert page.confident_total >= PICTURES // 4 - 1  # the copies


def test_an_order_that_lists_the_confident_ones_only_counts_no_others(library, alice):
    page = find_images(SearchRequest(TEXTS[0].tree, top=3, order=Order.NEWEST), by=acting(alice))

    confident = truth(TEXTS[0], acting(alice))
    assert counts(page) == (confident, confident, False)
    assert page.searched == PICTURES


def test_filters_leave_fewer(library, alice):
    assert find_images(SearchRequest(tree_of(text="red", tags=["nobody has it"]), 3), by=acting(alice)).total == 0


def test_more_than_are_counted_are_at_least_so_many(library, alice, monkeypatch):
    monkeypatch.setattr(search_service, "COUNTED_UP_TO", 30)

    page = find_images(request_for("red", top=2), by=OPERATOR)

    assert (page.total, page.total_is_at_least) == (30, True)
    assert page.confident_total == min(30, truth(TEXTS[0], OPERATOR))


def test_copies_beyond_those_that_are_counted_do_not_count(library, monkeypatch):
    monkeypatch.setattr(legs, "MOST_COPIES", 3)

    page = find_images(SearchRequest(Like(library[0].pk), 2), by=OPERATOR)

    assert page.confident_total >= 3


@pytest.mark.parametrize(("top", "scans"), [(1, 1), (PICTURES, 0)])
def test_nothing_is_counted_where_the_results_tell(library, alice, monkeypatch, top, scans):
    counted = []
    count = search_index().count_above
    monkeypatch.setattr(search_index(), "count_above", lambda *some, **more: counted.append(1) or count(*some, **more))

    find_images(SearchRequest(TEXTS[0].tree, top), by=acting(alice))

    assert len(counted) == scans


def test_every_door_tells_the_same(library, alice, capsys):
    page = find_images(SearchRequest(TEXTS[0].tree, 2), by=acting(alice))
    said = {"total": PICTURES, "confident_total": page.confident_total, "total_is_at_least": False}

    call_command("search_images", "red", "--top", "2", "--user", "alice", "--json")

    assert said.items() <= json.loads(capsys.readouterr().out).items()
    assert said.items() <= Api(alice).json("/search/", q="red", top=2).items()
    assert f"{page.confident_total} results of {PICTURES} pictures" in text_of(
        as_user(alice).get("/search/?q=red&top=2")
    )
    assert said.keys() <= Api(alice).json(f"/images/{library[0].pk}/similar/", top=2).keys()
