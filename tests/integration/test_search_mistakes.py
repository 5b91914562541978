"""A search that cannot be carried out says why, and where in the query, at every door and in both languages."""

import json
import re
from dataclasses import dataclass
from html import unescape
from io import StringIO
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import translation

from gallery.models import Album, AlbumImage, Image, User, Visibility
from gallery.models.cursor import numbered_cursor
from tests.conftest import drawn_picture
from tests.integration.api_client import API, Api
from tests.integration.test_models import stored
from tests.pages import as_user, text_of

LANGUAGES = ("en", "zh-hans")
PLACES_TOLD = {"en": "It stands at characters {} to {}: “{}”.", "zh-hans": "位置：第 {} 至 {} 个字符“{}”。"}
GONE = UUID(int=7, version=4)


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is typed, what is wrong with it and where: the code points from `start` up to `end`."""

    query: str
    code: str
    start: int
    end: int
    status: int = 400


def mistake(query: str, code: str, place: str, *, status: int = 400) -> Mistake:
    """Return a mistake at the last time that `place` stands in the query."""
    start = query.rindex(place)
    return Mistake(query, code, start, start + len(place), status)


def whole(query: str, code: str) -> Mistake:
    return Mistake(query, code, 0, len(query))


MISTAKES = {
    "a quote that is not closed": mistake('red "car', "unclosed_quote", '"'),
    "a Chinese quote that is not closed": mistake("海滩 「红色", "unclosed_quote", "「"),
    "a bracket that is not closed": mistake("red (car is:public", "unclosed_bracket", "("),
    "a wide bracket that is not closed": mistake("猫 （狗", "unclosed_bracket", "（"),
    "nothing between quotes": mistake('red ""', "empty_quote", '""'),
    "nothing between brackets": mistake("red ()", "empty_brackets", "()"),
    "a state that there is none of": mistake("red is:portrat", "invalid_filter_value", "is:portrat"),
    "a state in Chinese that there is none of": mistake("猫 是:圆图", "invalid_filter_value", "是:圆图"),
    "a colour that there is none of": mistake("colour:beautiful red", "invalid_filter_value", "colour:beautiful"),
    "a format that there is none of": mistake("format:word", "invalid_filter_value", "format:word"),
    "a width that is no number": mistake("width:wide", "invalid_filter_value", "width:wide"),
    "a range that falls": mistake("height:9..1", "invalid_filter_value", "height:9..1"),
    "a size of an unknown unit": mistake("size:>3litres", "invalid_filter_value", "size:>3litres"),
    "a day that there is none of": mistake("taken:2023-02-30", "invalid_filter_value", "taken:2023-02-30"),
    "a date in words": mistake("before:christmas", "invalid_filter_value", "before:christmas"),
    "a number that is none": mistake("like:abc", "invalid_filter_value", "like:abc"),
    "an id that is none": mistake("picture:123", "invalid_filter_value", "picture:123"),
    "a dash behind which there is nothing": mistake("red -", "nothing_to_exclude", "-"),
    "NOT behind which there is nothing": mistake("red NOT", "nothing_to_exclude", "NOT"),
    "an empty phrase that is excluded": mistake('red -""', "nothing_to_exclude", '-""'),
    "empty brackets that are excluded": mistake("猫 非 ()", "nothing_to_exclude", "非 ()"),
    "OR without a second side": mistake("red OR", "nothing_to_join", "OR"),
    "OR without a first side": mistake("或 猫", "nothing_to_join", "或"),
    "a weight of what is excluded": mistake("red -dog^2", "weight_on_exclusion", "^2"),
    "10,000 characters": whole("x" * 10_000, "query_too_long"),
    "a sentence that is too long": whole("x" * 501, "query_too_long"),
    "200 parts": Mistake('"a" ' * 200, "too_many_clauses", 796, 799),
    "brackets 50 deep": Mistake("(" * 50 + "red" + ")" * 50, "query_nested_too_deep", 49, 50),
    "nine meanings": mistake("(a) (b) (c) (d) (e) (f) (g) (h) (i)", "too_many_meanings", "i"),
    "sums that multiply": whole("(a OR b) (c OR d) (e OR f) (g OR h)", "too_many_meanings"),
    "a box beyond the picture": mistake("like:1[0.9,0.1,0.2,0.1]", "invalid_filter_value", "like:1[0.9,0.1,0.2,0.1]"),
    "a box of no width": mistake("like:1[0.1,0.1,0,0.2]", "invalid_filter_value", "like:1[0.1,0.1,0,0.2]"),
    "a box of no height": mistake("like:1[0.1,0.1,0.2,0]", "invalid_filter_value", "like:1[0.1,0.1,0.2,0]"),
    "a box that begins before the picture": mistake(
        "like:1[-0.1,0,0.5,0.5]", "invalid_filter_value", "like:1[-0.1,0,0.5,0.5]"
    ),
    "a box of three numbers": mistake("like:1[0,0,1]", "invalid_filter_value", "like:1[0,0,1]"),
    "words that are none": mistake("tag:x ?!", "query_without_words", "?!"),
    "one's own pictures, of a visitor": mistake("red owner:me", "nobody_signed_in", "owner:me"),
    "one's own pictures, of a visitor, in Chinese": mistake("猫 主人:我", "nobody_signed_in", "主人:我"),
    "a picture that there is none of": mistake("red like:123", "unknown_image", "like:123", status=404),
    "a picture that is not there, excluded": mistake("red -like:123", "unknown_image", "like:123", status=404),
    "a part of one that there is none of": mistake(
        "red like:123[0,0,1,0.5]", "unknown_image", "like:123[0,0,1,0.5]", status=404
    ),
    "an album that there is none of": mistake('red album:"Trip 1"', "unknown_album", 'album:"Trip 1"', status=404),
    "an album in Chinese": mistake("猫 OR 相册:旅行", "unknown_album", "相册:旅行", status=404),
    "a forgotten picture": mistake(f"red picture:{GONE}", "query_picture_forgotten", f"picture:{GONE}", status=404),
}
"""Of a visitor to an empty library."""


def has_chinese(text: str) -> bool:
    return re.search("[\u4e00-\u9fff]", text) is not None


def by_api(asked: Mistake, language: str, *, user: User | None = None) -> dict[str, object]:
    """Return the body of a refusal, which GET and POST must say alike."""
    client, headers = Api(user).client, {"Accept-Language": language}
    got = client.get(f"{API}/search/", {"q": asked.query}, headers=headers)
    posted = client.post(f"{API}/search/", {"q": asked.query}, content_type="application/json", headers=headers)

    assert (got.status_code, posted.status_code) == (asked.status, asked.status)
    assert got.json() == posted.json()
    return got.json()


@pytest.mark.parametrize("name", MISTAKES)
def test_the_api_names_a_mistake_and_its_place(db, name):
    asked = MISTAKES[name]

    bodies = {language: by_api(asked, language) for language in LANGUAGES}

    for body in bodies.values():
        assert body["code"] == asked.code
        assert (body["details"]["start"], body["details"]["end"]) == (asked.start, asked.end)
        assert body["details"].keys() >= {"suggestion"}
    assert bodies["en"]["message"] != bodies["zh-hans"]["message"]
    assert has_chinese(str(bodies["zh-hans"]["message"]))


@pytest.mark.parametrize("name", MISTAKES)
def test_the_page_marks_a_mistake_and_says_it(db, name):
    asked = MISTAKES[name]
    for language in LANGUAGES:
        message = str(by_api(asked, language)["message"])

        page = Client().get("/search/", {"q": asked.query}, headers={"Accept-Language": language})

        assert page.status_code == asked.status
        assert " ".join(message.split()) in unescape(text_of(page))
        [marked] = re.findall("<mark>(.*?)</mark>", unescape(text_of(page)))
        typed = asked.query[asked.start : asked.end]
        assert marked == typed or (len(typed) > 120 and marked == typed[:120] + "…")


@pytest.mark.parametrize("name", [name for name, each in MISTAKES.items() if each.code != "nobody_signed_in"])
def test_the_command_says_a_mistake_and_its_place_and_fails(db, name):
    asked = MISTAKES[name]
    for language, where in PLACES_TOLD.items():
        message = str(by_api(asked, language)["message"])
        if (asked.start, asked.end) != (0, len(asked.query)):
            message += " " + where.format(asked.start + 1, asked.end, asked.query[asked.start : asked.end])
        out = StringIO()

        with translation.override(language), pytest.raises(CommandError) as caught:
            call_command("search_images", asked.query, "--json", stdout=out)

        assert " ".join(str(caught.value).split()) == " ".join(message.split())
        assert out.getvalue() == ""


@pytest.mark.parametrize("query", ["red owner:me", "is:favourite"])
def test_the_command_asks_whose_own_is_meant(db, query):
    with pytest.raises(CommandError) as caught:
        call_command("search_images", query, "--json", stdout=StringIO())

    assert str(caught.value) == f"“{query.split()[-1]}” means what is somebody's own. Say whose: --user NAME."


# What one may not see is as if it did not exist


@pytest.fixture
def secret(alice) -> Image:
    """A private picture of alice in an album that nobody else knows of."""
    image = stored(alice, pk=71_234, visibility=Visibility.PRIVATE)
    AlbumImage.objects.create(album=Album.objects.create(owner=alice, title="Secret trip"), image=image)
    return image


@pytest.mark.parametrize("query", ["like:{}", "red -like:{}", "like:{}[0,0,0.5,0.5] snow", "tag:x OR like:{}"])
@pytest.mark.parametrize("address", ["/api/v1/search/", "/search/"])
def test_a_picture_one_may_not_see_is_as_if_it_did_not_exist(secret, visitors, address, query):
    for name in ("anonymous", "bob", "charlie"):
        hidden, absent = (told_of(visitors[name], address, query, pk) for pk in (secret.pk, secret.pk + 1))

        assert hidden == absent
        assert hidden[0] == 404


def told_of(client: Client, address: str, query: str, image_id: int) -> tuple[int, str]:
    """Return the answer, with ID for the picture that is asked with, without what is random."""
    response = client.get(address, {"q": query.format(image_id)})
    said = re.sub(r'(nonce|value)="[^"]{20,}"', "", text_of(response))
    return response.status_code, said.replace(str(image_id), "ID")


def test_an_album_one_may_not_see_is_as_if_it_did_not_exist(secret, visitors):
    for name in ("anonymous", "bob", "charlie"):
        hidden = visitors[name].get("/api/v1/search/", {"q": 'red album:"Secret trip"'})
        absent = visitors[name].get("/api/v1/search/", {"q": 'red album:"Absent trip"'})

        assert hidden.status_code == absent.status_code == 404
        assert hidden.json() == json.loads(absent.content.decode().replace("Absent", "Secret"))


# A place in a list, and an order


@pytest.mark.parametrize("cursor", ["nonsense", numbered_cursor(1, narrowed_by=["another search"])])
@pytest.mark.parametrize("query", ["tag:red", "red"])
def test_a_cursor_of_another_search_is_refused_at_every_door(alice, upload, quick_encoder, query, cursor):
    upload(alice, "red.png", content=drawn_picture(), tags="red", visibility=Visibility.PUBLIC)

    got = Api().get("/search/", q=query, cursor=cursor)
    posted = Api().post("/search/", {"q": query, "cursor": cursor})
    page = Client().get("/search/", {"q": query, "cursor": cursor})

    code, status = ("invalid_cursor", 404) if cursor == "nonsense" else ("cursor_of_another_list", 400)
    assert (got.status_code, posted.status_code, page.status_code) == (status, status, status)
    assert got.json() == posted.json()
    assert got.json()["code"] == code
    assert got.json()["message"] in unescape(text_of(page))


def test_an_order_that_there_is_none_of_is_refused_at_every_door(db):
    for language in LANGUAGES:
        headers = {"Accept-Language": language}

        got = Client().get("/api/v1/search/", {"q": "red", "order": "beauty"}, headers=headers)
        page = Client().get("/search/", {"q": "red", "order": "beauty"}, headers=headers)
        with translation.override(language), pytest.raises(CommandError) as caught:
            call_command("search_images", "red", "--order", "beauty")

        assert (got.status_code, page.status_code) == (400, 400)
        assert got.json()["code"] == "invalid_order"
        assert got.json()["message"] == str(caught.value)
        assert got.json()["message"] in unescape(text_of(page))
        assert has_chinese(got.json()["message"]) == (language == "zh-hans")


def test_a_picture_that_waits_has_its_place_in_the_query(alice, upload, quick_worker, quick_encoder):
    upload(alice, "blue.png", content=drawn_picture("blue"))
    quick_worker.works = False
    waiting = upload(alice, "red.png", content=drawn_picture())

    error = Api(alice).get("/search/", q=f"snow like:{waiting.pk}").json()

    assert error["code"] == "not_searchable"
    assert (error["details"]["start"], error["details"]["end"]) == (5, len(f"snow like:{waiting.pk}"))


@pytest.mark.usefixtures("quick_encoder")
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_picture_that_waits_is_refused_at_every_door(alice, staff, upload, quick_worker, language):
    upload(alice, "blue.png", content=drawn_picture("blue"))
    quick_worker.works = False
    waiting = upload(alice, "red.png", content=drawn_picture())
    asked = mistake(f"snow like:{waiting.pk}", "not_searchable", f"like:{waiting.pk}", status=409)
    headers = {"Accept-Language": language}

    told = str(by_api(asked, language, user=alice)["message"])
    page = as_user(alice).get("/search/", {"q": asked.query}, headers=headers)
    listed = as_user(staff).get("/admin/gallery/image/", {"q": asked.query}, headers=headers)
    with translation.override(language), pytest.raises(CommandError) as caught:
        call_command("search_images", asked.query, "--user", "alice")

    where = PLACES_TOLD[language].format(asked.start + 1, asked.end, f"like:{waiting.pk}")
    assert str(caught.value) == f"{told} {where}"
    for shown in (page, listed):
        assert shown.status_code == 409
        assert told in unescape(text_of(shown))
        assert re.findall("<mark>(.*?)</mark>", text_of(shown)) == [f"like:{waiting.pk}"]
