"""Page, API, command and `evaluate` search by one plan: who replaces the planner changes the answers of all of them."""

import json
from io import StringIO

import pytest
from django.core.management import call_command
from django.test import Client

from gallery.measuring.quality import LabelledQuery, as_report, compare
from gallery.models import Visibility
from gallery.retrieval.plan import Plan, plan
from gallery.retrieval.request import SearchRequest
from gallery.retrieval.tree import Comparison, Field, Filter, Text
from tests.conftest import drawn_picture
from tests.integration.api_client import Api, ids
from tests.pages import images_on

COLOURS = ("red", "lime", "blue")
RED = Filter(Field.TAG, Comparison.EQUALS, "red")


def plan_for_blue(_request: SearchRequest) -> Plan:
    """Ask for blue, whatever is asked."""
    return plan(Text("blue"))


@pytest.fixture
def images(alice, upload, quick_encoder) -> dict[str, int]:
    public = Visibility.PUBLIC
    return {
        colour: upload(alice, f"{colour}.png", content=drawn_picture(colour), visibility=public, tags=colour).pk
        for colour in COLOURS
    }


def found_by_command(text: str) -> list[int]:
    out = StringIO()
    call_command("search_images", text, "--top", "1", "--json", stdout=out)
    return [result["id"] for result in json.loads(out.getvalue())["results"]]


def first_of_all_doors(image_id: int) -> list[int]:
    """Return what comes first where red, and where what resembles this image, is asked for."""
    return [
        images_on(Client().get("/search/?q=red"))[0],
        images_on(Client().get(f"/search/?like={image_id}"))[0],
        ids(Api().json("/search/", q="red"))[0],
        ids(Api().post("/search/", {"text": "red"}).json())[0],
        ids(Api().json(f"/images/{image_id}/similar/"))[0],
        found_by_command("red")[0],
    ]


def test_pages_api_and_command_answer_by_the_one_plan(images, monkeypatch):
    monkeypatch.setattr(SearchRequest, "plan", plan_for_blue)

    assert first_of_all_doors(images["lime"]) == [images["blue"]] * 6


def test_a_list_of_tags_is_planned_too(images, monkeypatch):
    monkeypatch.setattr(SearchRequest, "plan", lambda _request: plan(RED))

    assert images_on(Client().get("/search/?tag=nothing")) == [images["red"]]


def test_evaluate_answers_by_the_one_plan(tmp_path, monkeypatch):
    for colour in COLOURS:
        (tmp_path / f"{colour}.png").write_bytes(drawn_picture(colour))
    queries = [LabelledQuery("red", "en", frozenset({"red.png"})), LabelledQuery("x", "en", frozenset({"blue.png"}))]

    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "tests.quick_settings_for_blue")
    report = as_report(compare(queries, folder=tmp_path, encoders=["offline"]))

    assert report["map"] == {"en": round((1 / 3 + 1) / 2, 4)}  # blue comes first, lime and red are equally far from it
