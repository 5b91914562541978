"""Searches that ask for things by number or colour: ordered by what was recognised, never narrowed."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from gallery.encoders import registry
from gallery.models import Image, RecognisedThings
from gallery.retrieval.asked_things import thing_named
from gallery.retrieval.cutoff import Judgement
from gallery.retrieval.plan import plan
from gallery.retrieval.request import SearchRequest
from gallery.retrieval.tree import All, Not, Text
from gallery.services import search
from gallery.services.legs import answer_of
from gallery.services.search import find_images
from tests.conftest import acting, drawn_picture
from tests.integration.api_client import Api, ids
from tests.searches import request_for
from tests.seeing_encoder import SHOWN, SeeingEncoder


@pytest.fixture(autouse=True)
def seeing() -> Iterator[SeeingEncoder]:
    encoder = SeeingEncoder()
    with registry.using(encoder):
        yield encoder


@pytest.fixture
def library(alice, upload) -> dict[str, Image]:
    """One picture of each colour: red shows a dog, lime a dog and two chairs, yellow two dogs, blue nothing."""
    return {colour: upload(alice, f"{colour}.png", content=drawn_picture(colour)) for colour in SHOWN}


@pytest.fixture
def judged(monkeypatch) -> dict[int, bool]:
    """Whether each picture is confident, by its id; none is at first."""
    confident: dict[int, bool] = {}

    def answer(leg, candidates, **wanted):
        answered = answer_of(leg, candidates, **wanted)
        judgements = {hit.image_id: Judgement(0.5, confident.get(hit.image_id, False)) for hit in answered.hits}
        return replace(answered, judgements=judgements)

    monkeypatch.setattr(search, "answer_of", answer)
    return confident


def found(text: str, user, **values) -> list[str]:
    page = find_images(request_for(text, **values), by=acting(user))
    return [result.image.original_name.removesuffix(".png") for result in page.results]


@pytest.mark.parametrize("text", ["two dogs", "两只狗"])
def test_pictures_with_that_number_come_first_and_none_is_left_out(text, alice, library, judged):
    assert found(text, alice)[0] == "yellow"
    assert sorted(found(text, alice)) == sorted(SHOWN)


def test_number_decides_beyond_the_results_that_are_wanted(alice, library, judged):
    nearest = [found(text, alice, top=1) for text in ("two dogs", "two chairs", "one dog")]

    assert nearest[:2] == [["yellow"], ["lime"]]
    assert nearest[2][0] in ("red", "lime")


def test_colour_is_that_of_the_thing_itself(alice, library, judged):
    assert found("brown chair", alice)[0] == found("棕色的椅子", alice)[0] == "lime"


def test_pictures_of_both_come_before_pictures_of_one(alice, library, judged):
    assert found("a dog and a chair", alice)[0] == found("一只狗和一把椅子", alice)[0] == "lime"


@pytest.mark.parametrize("excluded", ["dogs", "a dog", "狗"])
def test_pictures_in_which_something_excluded_was_recognised_come_last(excluded, alice, library, judged):
    tree = All((Text("chair"), Not(Text(excluded))))
    page = find_images(SearchRequest(tree), by=acting(alice))

    names = [result.image.original_name.removesuffix(".png") for result in page.results]
    assert names[0] == "blue"
    assert len(names) == len(set(names))


def test_what_says_more_of_a_thing_than_its_name_excludes_no_other_one(alice, library, judged):
    excluded = [
        plan(All((Text("chair"), Not(Text(text))))).alternatives[0].excluded_texts for text in ("dog", "red dog")
    ]

    assert excluded == [("dog",), ("red dog",)]
    assert [thing_named(text) for [text] in excluded] == ["dog", None]


def test_what_is_confident_stays_before_what_is_not(alice, library, judged):
    judged[library["red"].pk] = judged[library["blue"].pk] = True

    assert set(found("two dogs", alice)[:2]) == {"red", "blue"}
    assert found("two dogs", alice)[2] == "yellow"


def test_picture_that_nobody_looked_at_keeps_its_place(alice, library, judged):
    RecognisedThings.objects.all().delete()
    before = found("two dogs", alice)

    RecognisedThings.objects.write({library["yellow"].pk: SHOWN["yellow"]}, encoder=SeeingEncoder().key)

    assert found("two dogs", alice) == before


def test_only_what_may_be_seen_is_ordered(alice, bob, library, upload, judged):
    upload(bob, "yellow.png", content=drawn_picture("yellow"))
    upload(bob, "red.png", content=drawn_picture("red"))

    assert found("two dogs", bob) == ["yellow", "red"]


def test_order_costs_one_query_for_any_number_of_pictures(alice, library, judged):
    with CaptureQueriesContext(connection) as plain:
        found("sunset", alice)
    with CaptureQueriesContext(connection) as ordered:
        found("two dogs", alice)

    table = RecognisedThings._meta.db_table
    said_of_results, and_ordered = (
        sum(table in query["sql"] for query in some.captured_queries) for some in (plain, ordered)
    )
    assert (said_of_results, and_ordered) == (1, 2)


def test_api_gives_the_same_order(alice, library, judged):
    body = Api(alice).json("/search/", q="two dogs")

    assert ids(body)[0] == library["yellow"].pk
    assert len(ids(body)) == len(SHOWN)
