"""How often one may search with a picture, and how much one may send: pages and API counted together."""

from datetime import timedelta
from threading import Event
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from gallery.conf import gallery
from gallery.errors import PictureSearchUnderWay, UploadedTooMuch
from gallery.models import OPERATOR, Actor, CountedAct, Door, Image
from gallery.services.ingest import accept_upload
from gallery.services.labels import Labels
from gallery.services.limits import searching_with_picture
from tests.conftest import acting, drawn_picture
from tests.in_threads import at_once
from tests.integration.api_client import API, Api
from tests.pages import as_user, main_of, text_of

pytestmark = pytest.mark.usefixtures("quick_encoder")
RED = drawn_picture("red")
VISITOR = Actor.of(None, door=Door.PAGE)  # type: ignore[arg-type]
CHINESE = {"Accept-Language": "zh-hans"}


def search_page(client: Client, content: bytes = RED, **headers: Any) -> Any:
    return client.post("/search/", {"picture": SimpleUploadedFile("a.png", content)}, headers=headers)


def search_api(client: Client, content: bytes = RED) -> Any:
    return client.post(f"{API}/search/", {"image": SimpleUploadedFile("a.png", content)})


def test_defaults_limit_searches_with_a_picture_and_what_is_sent_but_no_library():
    limits = gallery()

    assert (limits.visitor_picture_searches_per_minute, limits.member_picture_searches_per_minute) == (20, 120)
    assert limits.upload_bytes_per_hour == 20_000_000_000
    assert (limits.quota_pictures, limits.quota_bytes) == (0, 0)


def test_a_visitors_searches_with_a_picture_count_together_by_page_and_api(alice, limits_of):
    limits_of(visitor_picture_searches_per_minute=2)
    visitor = Client(REMOTE_ADDR="203.0.113.9")

    allowed = [search_page(visitor).status_code, search_api(visitor).status_code]
    page, api = search_page(visitor), search_api(visitor)

    assert allowed == [302, 200]
    assert (page.status_code, api.status_code) == (429, 429)
    assert "You may search with a picture 2 times a minute." in text_of(page)
    assert "or sign in: members may search more often." in text_of(page)
    assert 0 < int(page.headers["Retry-After"]) <= 60
    assert 0 < int(api.headers["Retry-After"]) <= 60
    assert api.json()["code"] == "too_many_picture_searches"
    assert api.json()["details"]["limit"] == 2
    assert search_page(Client(REMOTE_ADDR="203.0.113.10")).status_code == 302
    assert search_page(as_user(alice)).status_code == 302


def test_refusal_is_said_in_chinese(db, limits_of):
    limits_of(visitor_picture_searches_per_minute=1)
    search_page(Client())

    assert "你每分钟最多可以用图片搜索 1 次。" in text_of(search_page(Client(), **CHINESE))


def test_a_refused_picture_is_not_decoded(db, limits_of, decoded):
    limits_of(visitor_picture_searches_per_minute=1)
    search_page(Client())
    decoded.clear()

    search_page(Client())
    search_api(Client())

    assert decoded == []


def test_broken_pictures_count_too(db, limits_of):
    limits_of(visitor_picture_searches_per_minute=2)

    assert [search_page(Client(), b"no picture").status_code for _ in range(3)] == [415, 415, 429]


def test_searches_by_words_are_not_counted(db, limits_of):
    limits_of(visitor_picture_searches_per_minute=1)
    statuses = [Client().get("/search/?q=red").status_code for _ in range(3)]
    statuses += [Api().get("/search/", q="red").status_code, Api().post("/search/", {"text": "red"}).status_code]

    assert statuses == [200] * 5
    assert not CountedAct.objects.exists()


def test_who_searches_too_often_is_offered_to_sign_in_not_a_new_password(alice, limits_of):
    limits_of(visitor_picture_searches_per_minute=1, member_picture_searches_per_minute=1)
    visitor, member = Client(REMOTE_ADDR="203.0.113.11"), as_user(alice)
    search_page(visitor)
    search_page(member)

    for_visitor, for_member = (main_of(search_page(client)) for client in (visitor, member))

    assert 'href="/accounts/login/"' in for_visitor
    assert 'href="/accounts/login/"' not in for_member
    assert "/accounts/password-reset/" not in for_visitor + for_member


def test_a_members_searches_count_by_account_wherever_he_is(alice, bob, limits_of):
    limits_of(member_picture_searches_per_minute=2)

    statuses = [search_page(as_user(alice)).status_code, search_api(Api(alice).client).status_code]
    refused = search_api(Api(alice).client)

    assert statuses == [302, 200]
    assert refused.status_code == 429
    assert refused.json()["message"].startswith("You may search with a picture 2 times a minute. Wait ")
    assert "sign in" not in refused.json()["message"]
    assert search_page(as_user(bob)).status_code == 302


def test_no_limit_lets_everybody_search_with_pictures(db, limits_of):
    limits_of(visitor_picture_searches_per_minute=0)

    assert {search_page(Client()).status_code for _ in range(25)} == {302}
    assert not CountedAct.objects.exists()


def test_addresses_of_searches_are_not_kept(db):
    search_page(Client(REMOTE_ADDR="203.0.113.9"))

    assert "203.0.113" not in str(CountedAct.objects.values().get())


def test_one_visitor_has_one_search_with_a_picture_under_way(transactional_db):
    all_asked = Event()
    others = iter(range(4))

    def search(number: int) -> str:
        client = "203.0.113.9" if number < 4 else "203.0.113.10"
        try:
            with searching_with_picture(by=VISITOR, client=client):
                assert all_asked.wait(60)
                return "searched"
        except PictureSearchUnderWay as error:
            if next(others) == 2:
                all_asked.set()
            return f"{error.http_status} {error.retry_after_seconds}"

    assert sorted(at_once(5, search)) == ["429 2"] * 3 + ["searched"] * 2
    with searching_with_picture(by=VISITOR, client="203.0.113.9"):
        pass


def sent(client: Client, colour: str, url: str = "/upload/file/") -> Any:
    return client.post(url, {"files": SimpleUploadedFile(f"{colour}.png", drawn_picture(colour))})


def test_what_a_member_sends_counts_by_the_hour_by_page_and_api(alice, bob, limits_of):
    limits_of(upload_bytes_per_hour=len(RED) + 1)

    first, second = sent(as_user(alice), "red"), Api(alice).upload(drawn_picture("blue"))
    by_script, by_form, by_api = (
        sent(as_user(alice), "green"),
        sent(as_user(alice), "green", "/upload/"),
        Api(alice).upload(drawn_picture("green")),
    )

    assert (first.status_code, second.status_code) == (201, 201)
    assert [by_script.status_code, by_form.status_code, by_api.status_code] == [429] * 3
    assert all(0 < int(answer.headers["Retry-After"]) <= 3_600 for answer in (by_script, by_form, by_api))
    assert by_api.json()["code"] == by_script.json()["code"] == "uploaded_too_much"
    assert "Go on in 60 minutes." in text_of(by_form)
    assert Image.objects.count() == 2
    assert sent(as_user(bob), "green").status_code == 201


def test_what_is_refused_is_not_decoded_and_an_hour_later_it_may_come(alice, limits_of, decoded):
    limits_of(upload_bytes_per_hour=1)
    sent(as_user(alice), "red")
    decoded.clear()
    refused = sent(as_user(alice), "green")
    was_decoded = list(decoded)

    CountedAct.objects.update(began_at=timezone.now() - timedelta(hours=1))

    assert (refused.status_code, was_decoded) == (429, [])
    assert sent(as_user(alice), "green").status_code == 201


def test_operators_send_without_limit(alice, limits_of):
    limits_of(upload_bytes_per_hour=1)

    for colour in ("red", "green", "blue"):
        file = SimpleUploadedFile("a.png", drawn_picture(colour))
        accept_upload(file, owner=alice, name="a.png", labels=Labels(), by=OPERATOR)  # type: ignore[arg-type]

    assert Image.objects.count() == 3


def test_many_uploads_at_once_pass_the_limit_by_one_file_at_most(alice, limits_of):
    limits_of(upload_bytes_per_hour=2 * len(RED))
    colours = ["red", "green", "blue", "black", "white", "pink"]

    def send(number: int) -> bool:
        file = SimpleUploadedFile("a.png", drawn_picture(colours[number]))
        try:
            accept_upload(file, owner=alice, name="a.png", labels=Labels(), by=acting(alice))  # type: ignore[arg-type]
        except UploadedTooMuch:
            return False
        return True

    let_through = at_once(6, send).count(True)

    assert let_through == Image.objects.count()
    assert 2 <= let_through <= 3
