"""Sentences that exclude in words find at every door what a dash finds, and say what they exclude."""

import json
from io import StringIO

import pytest
from django.core.management import call_command
from django.test import Client

from gallery.models import Visibility
from tests.conftest import drawn_picture
from tests.integration.api_client import Api, ids
from tests.pages import images_on, text_of

COLOURS = ("red", "lime", "blue")


@pytest.fixture
def images(alice, upload, quick_encoder) -> dict[str, int]:
    """One public picture of each colour, which its tag says."""
    public = Visibility.PUBLIC
    return {
        colour: upload(alice, f"{colour}.png", content=drawn_picture(colour), visibility=public, tags=colour).pk
        for colour in COLOURS
    }


def commanded(*words: str):
    out = StringIO()
    call_command("search_images", *words, "--json", stdout=out)
    return json.loads(out.getvalue())


@pytest.mark.parametrize(("sentence", "signs"), [("blue without red", "blue -red"), ("没有red的blue", "blue -red")])
def test_sentence_finds_what_the_signs_find(images, sentence, signs):
    found, expected = Api().json("/search/", q=sentence), Api().json("/search/", q=signs)

    assert [(row["id"], row["score"], row["confident"]) for row in found["results"]] == [
        (row["id"], row["score"], row["confident"]) for row in expected["results"]
    ]
    assert (
        ids(found)
        == ids(Api().json("/search/", words=sentence))
        == [row["id"] for row in commanded(sentence)["results"]]
    )
    assert ids(found) == images_on(Client().get("/search/", {"q": sentence}))
    assert images["red"] not in ids(found)


def test_doors_say_what_was_excluded(images):
    assert Api().json("/search/", q="blue without red")["excluded"] == ["red"]
    assert Api().json("/search/", q="blue -red")["excluded"] == []
    assert commanded("blue without red")["excluded"] == ["red"]


def test_what_was_excluded_can_be_searched_as_it_was_typed(images):
    page = Client().get("/search/", {"q": "blue without red"})

    assert "Without: red" in text_of(page)
    assert "as_typed=1" in page.content.decode()
    back = Client().get("/search/", {"q": "blue without red", "as_typed": "1"})
    assert sorted(images_on(back)) == sorted(images.values())
    assert "Without:" not in text_of(back)
    assert Api().json("/search/", q="blue without red", as_typed="true")["excluded"] == []


def test_sentence_that_only_excludes_lists_all_others_newest_first(images):
    found = Api().json("/search/", q="no red")

    assert ids(found) == ids(Api().json("/search/", q="-red")) == [images["blue"], images["lime"]]
    page = Client().get("/search/", {"q": "no red"})
    assert images_on(page) == ids(found)
    assert "Without: red" in text_of(page)


def test_command_tells_people_what_was_excluded(images):
    out = StringIO()
    call_command("search_images", "blue without red", stdout=out)

    assert "Without: red." in out.getvalue()
