"""The home page: whose pictures it shows, its parts, and what it says when there is nothing to show."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from gallery.models import Image, Visibility
from gallery.views import paging
from tests.conftest import drawn_picture
from tests.pages import as_user, images_on, text_of


@pytest.fixture
def coloured(upload: Any) -> Any:
    def make(owner: Any, count: int, **labels: Any) -> list[Image]:
        return [upload(owner, f"{n}.png", content=drawn_picture(f"rgb({n * 9},{n},0)"), **labels) for n in range(count)]

    return make


def test_home_shows_each_visitor_what_they_may_see(alice, bob, visitors, upload, share):
    public = upload(alice, "coffee.png", visibility=Visibility.PUBLIC)
    shared = upload(alice, "rocket.jpg", visibility=Visibility.SHARED)
    share(shared, bob)
    private = upload(alice, "chelsea.png")

    seen = {name: images_on(client.get("/")) for name, client in visitors.items()}

    assert seen == {
        "alice": [private.pk, shared.pk, public.pk],
        "bob": [shared.pk, public.pk],
        "charlie": [public.pk],
        "staff": [private.pk, shared.pk, public.pk],
        "anonymous": [public.pk],
    }


def test_home_without_public_pictures_invites_to_sign_in(db):
    page = Client().get("/")

    assert page.status_code == 200
    assert "No public pictures yet" in text_of(page)
    assert "/accounts/sign-up/" in text_of(page)


def test_home_hides_sign_up_where_it_is_closed(db, limits_of):
    limits_of(sign_up_open=False)

    assert "/accounts/sign-up/" not in text_of(Client().get("/"))


def test_home_of_an_empty_library_invites_to_upload(alice):
    text = text_of(as_user(alice).get("/"))

    assert "Your library is empty" in text
    assert 'href="/upload/"' in text


def test_home_says_which_encoder_is_in_use(db):
    assert "Encoder: offline." in text_of(Client().get("/"))


def test_home_says_when_clip_is_missing(db, limits_of, monkeypatch):
    limits_of(encoder="auto")
    monkeypatch.setattr("gallery.views.context.choose_encoder_name", lambda _: "offline")
    monkeypatch.setattr("gallery.services.embedding.encoder_in_use.choose_encoder_name", lambda _: "offline")

    assert "The weights of CLIP are not at hand" in text_of(Client().get("/"))


def test_home_says_when_no_search_is_possible(alice, upload, limits_of):
    upload(alice)
    limits_of(encoder="clip")

    page = Client().get("/")

    assert page.status_code == 200
    assert "Search is not available" in text_of(page)


def test_load_more_gives_the_next_part_as_a_page_and_as_a_part(alice, coloured, monkeypatch):
    monkeypatch.setattr(paging, "PAGE_SIZE", 2)
    first, second, third = coloured(alice, 3)
    client = as_user(alice)

    whole, part = client.get("/?page=2"), client.get("/?page=2", headers={"HX-Request": "true"})

    assert images_on(client.get("/")) == [third.pk, second.pk]
    assert f"?cursor={client.get('/').context['page'].next.replace(':', '%3A')}" in text_of(client.get("/"))
    assert images_on(whole) == images_on(part) == [first.pk]
    assert "<html" in text_of(whole)
    assert "<html" not in text_of(part)
    assert "HX-Request" in part.headers["Vary"]


@pytest.mark.parametrize("page", ["0", "-1", "2", "abc", "", "9" * 30, "１"])
def test_a_part_that_does_not_exist_is_not_found(db, page):
    assert Client().get("/", {"page": page}).status_code == 404


@pytest.mark.usefixtures("never_at_rest")
def test_home_asks_the_database_as_often_for_three_pictures_as_for_one(alice, coloured):
    client = as_user(alice)
    coloured(alice, 1)
    with CaptureQueriesContext(connection) as one:
        client.get("/")
    coloured(alice, 3)
    with CaptureQueriesContext(connection) as three:
        client.get("/")

    assert len(images_on(client.get("/"))) == 3
    assert len(three) == len(one)


def test_the_language_is_switched_without_a_script(db):
    client = Client()

    answer = client.post("/i18n/setlang/", {"language": "zh-hans", "next": "/search/?q=x"})

    assert answer.headers["Location"] == "/search/?q=x"
    assert '<html lang="zh-hans">' in text_of(client.get("/"))
