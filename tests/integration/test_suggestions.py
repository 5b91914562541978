"""Suggestions while typing: what they replace, and that they tell of nothing that one may not see."""

from datetime import date

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import connection
from django.db.models import Q
from django.test.utils import CaptureQueriesContext
from django.utils import timezone, translation

from gallery.models import Album, Image, Tag
from gallery.models.text_parts import BeginsWith
from gallery.models.user import AnyUser
from gallery.retrieval.language import MAX_CHARACTERS, parse
from gallery.retrieval.tree import All, Comparison, Field, Filter, Not
from gallery.services.saved_searches import remember_search, save_search
from gallery.services.suggestions import Suggestion, suggestions_for
from tests.conftest import acting, drawn_picture
from tests.integration.api_client import Api
from tests.pages import as_user

COLOURS = ("red", "lime", "blue", "yellow", "black", "white")
TODAY = date(2026, 11, 28)
VISITOR = AnonymousUser()
NAMES = ['say "hi"', "a:b", "(x)", "-dash", "x^2", "back\\slash", "emoji 😀", "「引」", "or", "me too"]


@pytest.fixture
def today(monkeypatch) -> date:
    monkeypatch.setattr(timezone, "localdate", lambda: TODAY)
    return TODAY


@pytest.fixture
def pictures(alice, bob, upload, share, quick_encoder) -> dict[str, Image]:
    """Of alice a public one, one that bob sees by an album, and a private one; each with tags of its own."""
    made = {
        visibility: upload(
            alice, f"{visibility}.png", content=drawn_picture(colour), visibility=visibility, tags=f"snow, {tags}"
        )
        for visibility, colour, tags in [
            ("public", "red", "snow white, snowman, 雪景"),
            ("shared", "lime", "snowball fight"),
            ("private", "blue", "snow secret"),
        ]
    }
    share(made["shared"], bob, title="Snow with bob")
    Album.objects.create(owner=alice, title="Snow alone")
    return made


def offered(text: str, by: AnyUser, *, at: int | None = None) -> list[str]:
    """Return the box as each suggestion would leave it."""
    found = suggestions_for(text, at=len(text) if at is None else at, by=acting(by))
    return [taken(text, suggestion) for suggestion in found]


def taken(text: str, suggestion: Suggestion) -> str:
    return text[: suggestion.start] + suggestion.text + text[suggestion.end :]


# What one may see


def test_tags_are_those_of_pictures_that_one_may_see(pictures, alice, bob, charlie, staff):
    of_all = {"tag:snow", 'tag:"snow white"', "tag:snowman"}
    everything = of_all | {'tag:"snow secret"', 'tag:"snowball fight"'}

    seen = {by.username: set(offered("tag:snow", by)) for by in (alice, bob, charlie, staff)}

    assert seen == {  # what stands there already is no suggestion
        "alice": everything - {"tag:snow"},
        "bob": of_all - {"tag:snow"} | {'tag:"snowball fight"'},
        "charlie": of_all - {"tag:snow"},
        "staff": everything - {"tag:snow"},
    }
    assert set(offered("tag:sno", VISITOR)) == of_all


@pytest.mark.parametrize("typed", ["snow se", "walk in snow se", 'tag:"snow,snow se', 'tag:"snow se', "sn", "tag:"])
def test_nobody_is_told_of_private_pictures(pictures, visitors, typed):
    told = {
        name: "secret" in client.get("/api/v1/suggestions/", {"q": typed}).content.decode()
        for name, client in visitors.items()
    }

    assert told == {"alice": True, "bob": False, "charlie": False, "staff": True, "anonymous": False}


def test_albums_are_those_that_one_may_see(pictures, alice, bob, charlie, staff):
    assert offered("album:sn", alice) == ['album:"Snow alone"', 'album:"Snow with bob"']
    assert offered("album:sn", bob) == ['album:"Snow with bob"']
    assert offered("album:sn", charlie) == []
    assert offered("album:sn", staff) == ['album:"Snow alone"', 'album:"Snow with bob"']
    assert offered("album:sn", VISITOR) == []


def test_owners_are_those_of_pictures_that_one_may_see(pictures, alice, bob, charlie, upload):
    upload(bob, content=drawn_picture("white"))

    assert offered("owner:", alice) == ["owner:me"]
    assert offered("owner:", bob) == ["owner:me", "owner:alice"]
    assert offered("owner:bo", charlie) == []
    assert offered("owner:b", bob) == ["owner:me"]
    assert offered("owner:", VISITOR) == ["owner:alice"]
    assert offered("主人:", bob) == ["主人:我", "主人:alice"]


def test_an_owner_is_suggested_no_more_when_nothing_of_theirs_can_be_seen(pictures, charlie):
    assert offered("owner:al", charlie) == ["owner:alice"]

    Image.objects.filter(visibility="public").update(visibility="private")

    assert offered("owner:al", charlie) == []
    assert offered("tag:", charlie) == []


def test_what_lies_in_the_trash_suggests_nothing(pictures, alice):
    Image.objects.update(trashed_at=timezone.now())

    assert offered("tag:", alice) == []


def test_searches_are_one_s_own(alice, bob, staff):
    save_search("q=beach+tag%3Atrip&order=newest", name="At the sea", by=acting(alice))
    remember_search("q=beach+house", by=acting(alice))

    assert offered("", alice)[:2] == ["beach tag:trip", "beach house"]
    assert offered("be", alice) == ["beach house", "before:"]
    assert offered("se", alice) == ["beach tag:trip"]
    for other in (bob, staff, VISITOR):
        assert not any("beach" in text for typed in ("", "be", "se", "at") for text in offered(typed, other))


# What is offered where


def test_before_anything_is_typed_fields_are_named_in_the_language_of_the_reader(alice):
    assert offered("", alice) == ["tag:", "taken:", "colour:"]
    with translation.override("zh-hans"):
        assert offered("", alice) == ["标签:", "拍摄:", "颜色:"]


def test_words_become_a_tag_an_album_or_a_field(pictures, alice):
    assert offered("walk in snow w", alice) == ['walk in tag:"snow white"', 'walk in album:"Snow with bob"']
    assert offered("ta", alice) == ["tag:", "taken:"]
    assert offered("a", alice) == []
    assert offered("-snowm", alice) == ["-tag:snowman"]
    assert offered("(dog OR snowm) red", alice, at=13) == ["(dog OR tag:snowman) red"]


def test_chinese_words_become_filters_in_chinese_though_nothing_parts_them(pictures, alice):
    assert offered("雪", alice) == ["标签:雪景"]
    assert offered("红色的雪景", alice) == ["红色的 标签:雪景"]
    assert offered("标签：雪", alice) == ["标签：雪景"]
    assert offered("标", alice) == ["标签:"]


def test_traditional_characters_find_what_is_written_in_simplified_ones(alice, upload, quick_encoder):
    upload(alice, content=drawn_picture(), tags="猫咪")

    assert offered("tag:貓", alice) == ["tag:猫咪"]


def test_tags_that_are_one_to_who_searches_are_suggested_once(alice, upload, quick_encoder):
    upload(alice, content=drawn_picture("red"), tags="café")
    upload(alice, content=drawn_picture("blue"), tags="cafe, cafeteria")

    found = suggestions_for("tag:caf", at=7, by=acting(alice))

    assert sorted((suggestion.text, suggestion.count) for suggestion in found) == [
        ("tag:cafe", None),
        ("tag:cafeteria", 1),
    ]


def test_the_commonest_tags_come_first(alice, upload, quick_encoder):
    for number, colour in enumerate(COLOURS, start=1):
        upload(alice, content=drawn_picture(colour), tags=",".join(f"t{tag}" for tag in range(number)))

    assert offered("tag:", alice) == [f"tag:t{tag}" for tag in range(6)]
    assert [each.count for each in suggestions_for("tag:t", at=5, by=acting(alice))] == [6, 5, 4, 3, 2, 1]


def test_of_more_tags_than_are_looked_at_the_commonest_are_found(pictures, alice, monkeypatch):
    monkeypatch.setattr("gallery.services.suggested_names.FEW", 2)

    assert offered("tag:sno", alice)[0] == "tag:snow"
    assert offered("owner:al", VISITOR) == ["owner:alice"]


def test_behind_a_comma_the_next_tag_is_suggested(pictures, alice):
    assert offered("tag:snow,snowm", alice) == ["tag:snow,snowman"]
    assert offered('-tag:"snow,snow w', alice) == ['-(tag:snow tag:"snow white")']


def test_fields_with_a_few_values_name_them_all(alice):
    assert offered("is:po", alice) == ["is:portrait"]
    assert offered("是:竖", alice) == ["是:竖图"]
    assert "is:favourite" in offered("is:", alice)
    assert "is:favourite" not in offered("is:", VISITOR)
    assert "colour:brown" in offered("colour:", alice)
    assert offered("size:", alice) == ["size:>5MB", "size:<500KB"]
    assert offered("size:>1", alice) == []


@pytest.mark.usefixtures("today")
def test_days_in_words_are_suggested_as_what_they_mean(alice):
    assert offered("beach last su", alice) == ["beach taken:2026-06..2026-08"]
    assert offered("海边 去年夏", alice) == ["海边 拍摄:2025-06..2025-08"]
    assert offered("taken:last y", alice) == []  # a value ends at a space
    assert offered('taken:"last y', alice) == ["taken:2025"]
    assert offered("after:last-y", alice) == ["after:2025"]
    assert offered("before:last-y", alice) == ["before:2025"]
    assert offered("la", alice) == []


@pytest.mark.parametrize("name", NAMES)
def test_a_suggestion_is_a_filter_whatever_its_name_is(alice, upload, quick_encoder, name):
    upload(alice, content=drawn_picture()).tags.set(Tag.objects.named([name, "other"]))
    Album.objects.create(owner=alice, title=name)

    tags = [parse(text, TODAY) for text in offered("tag:", alice)]
    both = [parse(text, TODAY) for text in offered("-tag:other,", alice)]
    albums = [parse(text, TODAY) for text in offered("album:", alice)]

    tag = Filter(Field.TAG, Comparison.EQUALS, name.casefold())
    other = Filter(Field.TAG, Comparison.EQUALS, "other")
    assert tag in tags
    assert Not(All((other, tag))) in both
    assert albums == [Filter(Field.ALBUM, Comparison.EQUALS, name)]


# What it costs


@pytest.mark.usefixtures("never_at_rest")
@pytest.mark.parametrize("typed", ["", "tag:", "tag:sn", "album:sn", "owner:", "snow sn", "is:", "taken:"])
def test_suggestions_ask_as_often_of_many_as_of_few(alice, upload, quick_encoder, typed):
    def queries() -> int:
        suggestions_for(typed, at=len(typed), by=acting(alice))
        with CaptureQueriesContext(connection) as asked:
            suggestions_for(typed, at=len(typed), by=acting(alice))
        return len(asked)

    def add(colour: str) -> None:
        upload(alice, content=drawn_picture(colour), tags=f"snow, snow {colour}")
        Album.objects.create(owner=alice, title=f"Snow {colour}")
        save_search(f"q=snow+{colour}", name=f"Snow {colour}", by=acting(alice))
        remember_search(f"q=sn+{colour}", by=acting(alice))

    add("red")
    of_one = queries()
    for colour in ("lime", "blue"):
        add(colour)

    assert queries() == of_one <= 10


def test_tags_that_begin_so_are_found_by_their_index(db):
    condition = Q(BeginsWith("folded_name", "sn")) | Q(BeginsWith("folded_name", "猫"))
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET enable_seqscan = off")  # of a table of nothing it would read all
        plan = Tag.objects.filter(condition).order_by().explain()
        if connection.vendor == "postgresql":
            cursor.execute("RESET enable_seqscan")

    assert "SCAN gallery_tag" not in plan
    assert "Seq Scan" not in plan


@pytest.mark.parametrize("beginning", ["sn", "s%", "s_", "a\\", "猫", "😀", "\ud7ff"])
def test_a_text_begins_so_as_python_says(db, beginning):
    names = [
        "sn",
        "snow",
        "so",
        "Sn",
        "s%x",
        "sax",
        "s_x",
        "a\\b",
        "猫咪",
        "貓",
        "😀x",
        "\ud7ffa",
        "\ue000",
        "\U0010ffff",
    ]
    Tag.objects.bulk_create([Tag(name=str(at), key=str(at), folded_name=name) for at, name in enumerate(names)])

    found = Tag.objects.filter(BeginsWith("folded_name", beginning)).values_list("folded_name", flat=True)

    assert sorted(found) == sorted(name for name in names if name.startswith(beginning))


# For programs


def test_suggestions_are_there_for_programs(alice, charlie, pictures):
    body = Api(charlie).json("/suggestions/", q="red tag:snowm 2", at=13)

    assert body == {
        "suggestions": [
            {
                "kind": "tag",
                "start": 4,
                "end": 13,
                "text": "tag:snowman",
                "label": "tag:snowman",
                "detail": "1 picture",
                "count": 1,
                "page": None,
            }
        ]
    }
    assert Api().json("/suggestions/")["suggestions"][0]["kind"] == "field"


def test_a_search_of_one_s_own_leads_to_its_page(alice):
    save_search("q=beach&order=newest", name="Sea", by=acting(alice))

    [found] = Api(alice).json("/suggestions/", q="se")["suggestions"]

    assert (found["label"], found["detail"], found["text"]) == ("Sea", "Saved search", "beach")
    assert found["page"] == "http://testserver/search/?q=beach&order=newest"


def test_what_a_suggestion_is_stands_in_the_language_of_the_reader(alice):
    answer = as_user(alice).get("/api/v1/suggestions/?q=is:po", headers={"Accept-Language": "zh-hans"})

    assert answer.json()["suggestions"][0]["detail"] == "竖图"


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"q": "a" * (MAX_CHARACTERS + 1)}, "query_too_long"),
        ({"q": "a\x00"}, "invalid"),
        ({"q": "a\x07"}, "query_with_control_characters"),
        ({"q": "a", "at": "-1"}, "invalid"),
        ({"q": "a", "at": "b"}, "invalid"),
    ],
)
def test_what_cannot_be_answered_is_refused_in_the_shape_of_errors(db, query, code):
    answer = Api().get("/suggestions/", **query)

    assert answer.status_code == 400
    assert answer.json()["code"] == code
    assert answer.json().keys() == {"code", "message", "details"}


def test_the_box_names_where_suggestions_are(db, client):
    for path in ("/", "/search/"):
        assert 'data-suggestions="/api/v1/suggestions/"' in client.get(path).content.decode()
