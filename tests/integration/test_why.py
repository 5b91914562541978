"""Each result says why it is here, at every door, by what the asker may know."""

import json
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from gallery.encoders import registry
from gallery.models import OPERATOR
from gallery.retrieval.request import SearchRequest
from gallery.services.embedding import encoder_child
from gallery.services.search import find_images
from tests.conftest import acting, drawn_picture
from tests.integration.api_client import Api
from tests.seeing_encoder import SeeingEncoder


@pytest.fixture(autouse=True)
def seeing(monkeypatch):
    monkeypatch.setattr(encoder_child, "CHILD_MODULE", "tests.seeing_encoder")
    with registry.using(SeeingEncoder()) as encoder:
        yield encoder


def why(query, by) -> dict[str, list[tuple[str, str]]]:
    page = find_images(SearchRequest.of(query=query, max_top=100), by=by)
    return {result.image.original_name: [(each.kind, each.detail) for each in result.why] for result in page.results}


def test_result_looks_like_what_was_recognised_in_it_else_like_the_sentence(alice, upload):
    upload(alice, "dog.png", content=drawn_picture("red"))
    upload(alice, "sky.png", content=drawn_picture("blue"))

    assert why("a red dog", OPERATOR) == {
        "dog.png": [("looks_like", "dog")],
        "sky.png": [("looks_like", "a red dog")],
    }


def test_doubtful_thing_is_no_reason(alice, upload):
    upload(alice, "a.png", content=drawn_picture("gray"))

    assert why("dog", OPERATOR) == {"a.png": [("looks_like", "dog")]}
    assert why("puppy", OPERATOR) == {"a.png": [("looks_like", "puppy")]}


def test_filters_name_what_they_found_and_of_alternatives_what_holds(alice, upload):
    upload(alice, "a.png", content=drawn_picture("red"), tags="Sea")
    upload(alice, "b.png", content=drawn_picture("blue"), description="the SEA in may")

    assert why('tag:sea OR "sea"', OPERATOR) == {
        "a.png": [("tag", "Sea")],
        "b.png": [("description", "the SEA in may")],
    }
    assert why("-tag:sea", OPERATOR) == {"b.png": [("filter", "-tag:sea")]}


def test_album_that_may_not_be_seen_is_no_reason(alice, bob, charlie, upload, share):
    image = upload(alice, "a.png", content=drawn_picture("red"), visibility="public", tags="trip")
    share(image, bob, title="Secret trip")

    assert why('"trip"', acting(bob)) == {"a.png": [("tag", "trip"), ("album", "Secret trip")]}
    assert why('"trip"', acting(charlie)) == {"a.png": [("tag", "trip")]}


def test_reasons_are_there_for_programs_and_operators(alice, upload):
    upload(alice, "a.png", content=drawn_picture("red"), tags="x", visibility="public")
    out = StringIO()

    call_command("search_images", "tag:x dog", "--json", stdout=out)
    [told] = Api().json("/search/", q="tag:x dog")["results"]

    expected = [{"kind": "tag", "detail": "x"}, {"kind": "looks_like", "detail": "dog"}]
    assert json.loads(out.getvalue())["results"][0]["why"] == expected
    assert told["why"] == expected


@pytest.mark.usefixtures("never_at_rest")
def test_reasons_ask_as_often_for_one_as_for_three(alice, upload, share, bob):
    query = 'tag:a OR "red" OR width:>5'

    def queries() -> int:
        why(query, OPERATOR)
        with CaptureQueriesContext(connection) as asked:
            why(query, OPERATOR)
        return len(asked)

    share(upload(alice, content=drawn_picture("red"), tags="a"), bob, title="Red")
    of_one = queries()
    share(upload(alice, content=drawn_picture("blue"), tags="b"), bob, title="Red and blue")
    share(upload(alice, content=drawn_picture("lime"), tags="a, c"), bob, title="Lime")

    assert queries() == of_one
