"""Searching with a part of a picture: where the form leads, and where it stands."""

import re
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from gallery.models import QueryPicture
from tests.conftest import drawn_picture
from tests.pages import as_user, images_on, text_of

PART = {"left": "10", "top_edge": "20.5", "width": "30", "height": "40"}


def address_of(**values: str) -> dict[str, list[str]]:
    answer = Client().get("/search/part/", PART | values)
    assert answer.status_code == 302
    assert urlsplit(answer.headers["Location"]).path == "/search/"
    return parse_qs(urlsplit(answer.headers["Location"]).query)


@pytest.mark.parametrize(
    ("asked", "address"),
    [
        ({}, {"q": ["like:5[0.1,0.205,0.3,0.4]"]}),
        ({"q": "red like:5 tag:x"}, {"q": ["red tag:x like:5[0.1,0.205,0.3,0.4]"]}),
        ({"q": "like:5[0,0,1,0.5]", "order": "name"}, {"q": ["like:5[0.1,0.205,0.3,0.4]"], "order": ["name"]}),
        ({"like": "5", "tag": "x"}, {"q": ["like:5[0.1,0.205,0.3,0.4]"], "tag": ["x"]}),
    ],
)
def test_a_part_of_a_picture_of_the_library_is_asked_for_in_the_query(db, asked, address):
    assert address_of(part_of_like="5", **asked) == address


def test_a_part_of_a_brought_picture_is_asked_for_beside_the_query(db):
    picture = str(UUID(int=7))

    found = address_of(part_of_picture=picture, q="red", picture=picture, box="0,0,1,0.5")

    assert found == {"q": ["red"], "picture": [picture], "box": ["0.1,0.205,0.3,0.4"]}


def test_a_part_that_reaches_beyond_the_edge_ends_there(db):
    assert address_of(part_of_like="5", left="80", width="50") == {"q": ["like:5[0.8,0.205,0.2,0.4]"]}


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"width": "0"}, "larger than nothing"),
        ({"left": "100"}, "larger than nothing"),
        ({"left": "abc"}, "number"),
        ({"height": "nan"}, "number"),
        ({"part_of_like": ""}, "Choose a picture."),
    ],
)
def test_what_is_no_part_is_said_and_the_search_stays(db, wrong, sentence):
    client = Client()

    answer = client.get("/search/part/", PART | {"part_of_like": "5", "q": "red"} | wrong)

    assert answer.headers["Location"] == "/search/?q=red"
    assert sentence in text_of(client.get("/search/"))


def test_the_form_stands_beside_the_picture_that_is_asked_with_and_on_its_page(alice, upload, quick_encoder):
    red, blue = (upload(alice, content=drawn_picture(colour)).pk for colour in ("red", "blue"))
    client = as_user(alice)
    client.post("/search/", {"picture": SimpleUploadedFile("sea.png", drawn_picture("blue"))})
    picture = QueryPicture.objects.get().pk

    like, brought = client.get(f"/search/?q=like:{red}"), client.get(f"/search/?picture={picture}")

    assert f'name="part_of_like" value="{red}"' in text_of(like)
    assert f'name="part_of_picture" value="{picture}"' in text_of(brought)
    assert f'name="part_of_like" value="{blue}"' in text_of(client.get(f"/images/{blue}/"))


def test_a_part_is_searched_with_and_shown_as_one(alice, upload, quick_encoder):
    red, blue = (upload(alice, content=drawn_picture(colour)).pk for colour in ("red", "blue"))
    client = as_user(alice)

    page = client.get("/search/part/", PART | {"part_of_like": str(red)}, follow=True)

    assert images_on(page) == [blue]
    assert "Similar to a part of" in text_of(page)


def fields_on(page: object) -> dict[str, list[str]]:
    """Return the numbers in the fields of each form, from left to height."""
    found = re.findall(r'<input type="number" id="([^"]*)" name="(\w+)"[^>]* value="([^"]*)"', text_of(page))
    assert len({field for field, _name, _value in found}) == len(found)
    return {name: [value for _id, other, value in found if other == name] for _id, name, _value in found}


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_the_form_starts_from_the_part_that_is_asked_with(alice, upload, quick_encoder, language):
    red, blue = (upload(alice, content=drawn_picture(colour)).pk for colour in ("red", "blue"))
    client, headers = as_user(alice), {"Accept-Language": language}

    whole = client.get(f"/search/?q=like:{red}", headers=headers)
    part = client.get(f"/search/?q=red like:{red}[0,0.125,0.5,0.0625]", headers=headers)
    both = client.get(f"/search/?q=like:{red}[0.1,0.2,0.3,0.4] like:{blue}", headers=headers)

    assert fields_on(whole) == {"left": ["25"], "top_edge": ["25"], "width": ["50"], "height": ["50"]}
    assert fields_on(part) == {"left": ["0"], "top_edge": ["12.5"], "width": ["50"], "height": ["6.25"]}
    assert fields_on(both) == {
        "left": ["10", "25"], "top_edge": ["20", "25"], "width": ["30", "50"], "height": ["40", "50"],
    }  # fmt: skip


def test_the_form_starts_from_the_part_of_a_brought_picture(alice, quick_encoder):
    client = as_user(alice)
    client.post("/search/", {"picture": SimpleUploadedFile("sea.png", drawn_picture("blue"))})
    picture = QueryPicture.objects.get().pk

    page = client.get(f"/search/?picture={picture}&box=0.1,0.205,0.3,0.4")

    assert fields_on(page) == {"left": ["10"], "top_edge": ["20.5"], "width": ["30"], "height": ["40"]}


def test_a_part_is_refined_by_one_number(alice, upload, quick_encoder):
    red = upload(alice, content=drawn_picture("red")).pk
    asked = f"snow like:{red}[0.1,0.2,0.3,0.4]"

    sent = {name: values[0] for name, values in fields_on(as_user(alice).get("/search/", {"q": asked})).items()}
    answer = as_user(alice).get("/search/part/", {**sent, "left": "15", "q": asked, "part_of_like": red})

    assert parse_qs(urlsplit(answer.headers["Location"]).query) == {"q": [f"snow like:{red}[0.15,0.2,0.3,0.4]"]}
