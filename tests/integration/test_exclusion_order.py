"""What may show something excluded comes last, also where scores lie between .15 and .35, as those of CLIP do."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from gallery.encoders import registry
from gallery.models import Image, Tag
from gallery.retrieval.request import Order, SearchRequest
from gallery.retrieval.tree import All, Any, Comparison, Field, Filter, Node, Not, Text
from gallery.search_index import search_index
from gallery.services import legs
from gallery.services.facets import facets_of
from gallery.services.search import ResultPage, find_images, list_images
from tests.conftest import acting
from tests.integration.test_models import stored
from tests.quick_encoder import QuickEncoder

KITCHEN, STREET, PEOPLE = Text("kitchen"), Text("street"), Text("people")
NAMES = ["kitchen", "street", "people"]
WITHOUT = All((KITCHEN, Not(PEOPLE)))
MISSING, FAINT, CLEAR = 0.18, 0.207, 0.27  # scores of what is not there, may be there, is there
SPREAD = 0.01
DIMENSION = 64


class NarrowEncoder(QuickEncoder):
    """Texts name one of three things; nobody calibrated it."""

    dimension = DIMENSION

    def __init__(self) -> None:
        super().__init__(revision="narrow")

    def encode_texts(self, texts):
        return np.stack([np.eye(DIMENSION, dtype=np.float32)[NAMES.index(text)] for text in texts])


@pytest.fixture(autouse=True)
def in_use() -> Iterator[None]:
    with registry.using(NarrowEncoder()):
        yield


@pytest.fixture
def library(alice) -> dict[str, set[int]]:
    """Ids by what the pictures show: kitchens alone, with people who are clear or faint, and neither, 60 of them."""
    kinds = {
        "kitchen": (8, CLEAR, MISSING),
        "faint": (6, CLEAR + 0.01, FAINT),
        "clear": (6, CLEAR + 0.02, CLEAR),
        "neither": (40, MISSING, MISSING),
    }
    random = np.random.default_rng(5)
    found: dict[str, set[int]] = {}
    for kind, (count, kitchen, people) in kinds.items():
        scores = np.stack([np.full(count, kitchen), np.full(count, MISSING), np.full(count, people)], axis=1)
        scores += random.uniform(-SPREAD, SPREAD, scores.shape) * (people != FAINT)
        images = [stored(alice) for _place in range(count)]
        search_index().add([image.pk for image in images], rows_of(scores, random), encoder=NarrowEncoder())
        found[kind] = {image.pk for image in images}
    return found


def rows_of(scores: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Return unit rows with these scores (n, 3), which have nothing else in common."""
    rest = random.normal(size=(len(scores), DIMENSION - 3))
    rest *= np.sqrt(1 - (scores**2).sum(axis=1, keepdims=True)) / np.linalg.norm(rest, axis=1, keepdims=True)
    return np.concatenate([scores, rest], axis=1).astype(np.float32)


def found(tree: Node, user, **values) -> ResultPage:
    return find_images(SearchRequest(tree, **({"top": 100} | values)), by=acting(user))


def test_plain_search_is_led_by_what_is_excluded(alice, library):
    assert set(found(KITCHEN, alice).image_ids[:12]) == library["clear"] | library["faint"]


def test_what_may_show_it_comes_last_and_what_surely_does_is_left_out(alice, library):
    page = found(WITHOUT, alice)

    assert set(page.image_ids) == library["kitchen"] | library["neither"] | library["faint"]
    assert set(page.image_ids[:8]) == library["kitchen"]
    assert set(page.image_ids[-6:]) == library["faint"]
    assert page.searched == 54


def test_nobody_is_confident_of_what_may_show_it(alice, library):
    page = found(WITHOUT, alice)

    confident = [result.image.pk for result in page.results if result.confident]
    assert set(confident) == library["kitchen"]
    assert page.confident_count == len(confident)
    assert found(WITHOUT, alice, top=3).confident_count == len(confident)


def test_other_orders_list_what_is_confident(alice, library):
    newest = found(WITHOUT, alice, order=Order.NEWEST)

    assert newest.image_ids == sorted(library["kitchen"], reverse=True)
    assert list(list_images(SearchRequest(WITHOUT), by=acting(alice)).values_list("pk", flat=True)) == newest.image_ids


def test_pages_fit_together_to_the_last_one(alice, library):
    whole, request, paged = found(WITHOUT, alice).image_ids, SearchRequest(WITHOUT, 7), []

    for _page in range(8):
        page = find_images(request, by=acting(alice))
        paged += page.image_ids
        request = replace(request, cursor=page.next)

    assert (paged, page.next) == (whole, None)


def test_in_the_better_of_two_it_comes_last_too(alice, library):
    page = found(All((Any((KITCHEN, STREET)), Not(PEOPLE))), alice)

    assert set(page.image_ids[:8]) == library["kitchen"]
    assert set(page.image_ids[-6:]) == library["faint"]


def test_without_anything_to_order_by_all_others_are_listed_newest_first(alice, library):
    others = library["kitchen"] | library["neither"] | library["faint"]

    assert found(Not(PEOPLE), alice).image_ids == sorted(others, reverse=True)


def test_what_is_excluded_together_with_a_tag_leaves_the_untagged_where_it_is(alice, library):
    tagged = Filter(Field.TAG, Comparison.EQUALS, "party")

    assert found(All((KITCHEN, Not(All((tagged, PEOPLE))))), alice).image_ids == found(KITCHEN, alice).image_ids
    assert Image.objects.count() == 60


OLD = Filter(Field.TAG, Comparison.EQUALS, "old")
SOMETIMES = [
    KITCHEN,
    WITHOUT,
    All((OLD, KITCHEN, Not(PEOPLE))),
    All((OLD, Not(PEOPLE))),
    All((Any((KITCHEN, STREET)), OLD, Not(PEOPLE))),
    All((KITCHEN, Any((OLD, PEOPLE)))),
    All((Not(OLD), KITCHEN, Not(All((OLD, PEOPLE))))),
]


@pytest.mark.parametrize("top", [1, 7, 100])
@pytest.mark.parametrize("tree", SOMETIMES)
def test_answers_are_the_same_however_many_images_one_scan_finds(tree, top, alice, library, monkeypatch):
    tag = Tag.objects.create(name="old", key="old", folded_name="old")
    tag.images.set(Image.objects.filter(pk__in=sorted(set.union(*library.values()))[::2]))

    def answers() -> list[object]:
        request, by = SearchRequest(tree, top), acting(alice)
        with_facets, without = (find_images(request, by=by, with_facets=each) for each in (True, False))
        assert with_facets.facets == facets_of(request, by=by)
        assert replace(with_facets, facets=(), milliseconds=0, encoding_milliseconds=0) == replace(
            without, milliseconds=0, encoding_milliseconds=0
        )
        return [with_facets.results, with_facets.searched, with_facets.confident_count, with_facets.facets]

    expected = answers()
    for count in (1, 5):
        monkeypatch.setattr(legs, "MEANT_OFTEN", count)
        assert answers() == expected
