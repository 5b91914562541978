"""The trash page: what lies there, bringing it back, deleting it forever."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from gallery.models import OPERATOR, AccessState, Image, IndexState, User
from gallery.services.curation import move_to_trash
from gallery.services.maintenance import verify
from tests.conftest import acting, drawn_picture

TRASH, RESTORE, DELETE, EMPTY = "/trash/", "/trash/restore/", "/trash/delete/", "/trash/empty/"
COLOURS = ("red", "green", "blue")


def browser_of(user: User | None) -> Client:
    client = Client()
    if user is not None:
        client.force_login(user)
    return client


def post(user: User | None, url: str, images: list[Image], **fields: Any) -> Any:
    return browser_of(user).post(url, {"ids": [image.pk for image in images], **fields}, follow=True)


@pytest.fixture(autouse=True)
def unencoded(quick_worker) -> None:
    """Let pictures stay in the queue: encoding would take most of the time, and these tests do not need it."""
    quick_worker.works = False


@pytest.fixture
def three(alice, upload) -> list[Image]:
    """Three pictures of alice, all of them in the trash."""
    images = [upload(alice, f"{colour}.png", content=drawn_picture(colour)) for colour in COLOURS]
    move_to_trash(Image.objects.all(), by=OPERATOR)
    return images


@pytest.mark.django_db
@pytest.mark.parametrize("url", [TRASH, EMPTY])
def test_page_sends_anonymous_to_the_sign_in_page(url):
    response = browser_of(None).get(url)

    assert (response.status_code, response["Location"]) == (302, f"/accounts/login/?next={url}")


@pytest.mark.django_db
@pytest.mark.parametrize("url", [RESTORE, DELETE, EMPTY])
def test_change_sends_anonymous_to_the_sign_in_page(url):
    assert browser_of(None).post(url).status_code == 302


@pytest.mark.parametrize("url", [RESTORE, DELETE])
def test_reading_a_change_leads_to_the_trash(alice, url):
    response = browser_of(alice).get(url, {"page": "2"})

    assert (response.status_code, response["Location"]) == (302, "/trash/?page=2")
    assert browser_of(alice).put(url).status_code == 405


def test_trash_shows_what_i_deleted_and_how_long_it_stays(alice, three, limits_of):
    limits_of(trash_days=10)
    now = timezone.now()
    for image, age in zip(three, (timedelta(hours=1), timedelta(days=9, hours=1), timedelta(days=40)), strict=True):
        Image.objects.filter(pk=image.pk).update(trashed_at=now - age)

    response = browser_of(alice).get(TRASH)

    shown = [(picture.image.original_name, picture.days_left) for picture in response.context["pictures"]]
    assert shown == [("red.png", 10), ("green.png", 1), ("blue.png", 0)]
    assert "Deleted pictures stay here for at least 10 days." in response.content.decode()
    assert "1 day left" in response.content.decode()


@pytest.mark.parametrize("who", ["bob", "charlie", "staff"])
def test_trash_shows_nothing_of_other_people(three, who, request):
    response = browser_of(request.getfixturevalue(who)).get(TRASH)

    assert response.status_code == 200
    assert "The trash is empty" in response.content.decode()


@pytest.mark.usefixtures("never_at_rest")
def test_trash_asks_as_much_for_three_pictures_as_for_one(alice, upload):
    AccessState.objects.current()  # made by whoever asks first, as the other one
    IndexState.objects.current()
    counts = []
    for colour in COLOURS:
        upload(alice, content=drawn_picture(colour))
        move_to_trash(Image.objects.all(), by=OPERATOR)
        browser = browser_of(alice)
        with CaptureQueriesContext(connection) as queries:
            browser.get(TRASH)
        counts.append(len(queries))

    assert counts[2] == counts[0]


# Bringing back


def test_restore_brings_back_what_is_ticked(alice, three):
    page = post(alice, RESTORE, three[:2])

    assert "2 pictures are back." in page.content.decode()
    assert list(Image.objects.in_trash_of(acting(alice))) == [three[2]]


def test_restore_of_one_leaves_the_ticked_ones(alice, three):
    post(alice, RESTORE, three[:2], only=three[2].pk)

    assert list(Image.objects.live()) == [three[2]]


def test_restore_all_brings_back_every_picture_of_mine_only(alice, bob, three, upload):
    upload(bob, content=drawn_picture("red"))
    move_to_trash(Image.objects.filter(owner=bob), by=OPERATOR)

    page = post(alice, RESTORE, [], all="1")

    assert "3 pictures are back." in page.content.decode()
    assert Image.objects.in_trash_of(acting(bob)).count() == 1


@pytest.mark.parametrize("url", [RESTORE, DELETE])
def test_nothing_ticked_is_said(alice, three, url):
    response = post(alice, url, [], confirmed="1")

    assert response.status_code == 400
    assert "No picture is selected. Select at least one." in response.content.decode()
    assert Image.objects.in_trash_of(acting(alice)).count() == 3


@pytest.mark.parametrize("who", ["bob", "charlie", "staff"])
@pytest.mark.parametrize("url", [RESTORE, DELETE])
def test_the_trash_of_another_is_not_found_and_nothing_changes(three, upload, who, url, request):
    user = request.getfixturevalue(who)
    own = upload(user, content=drawn_picture("white"))
    move_to_trash(Image.objects.filter(pk=own.pk), by=OPERATOR)

    response = post(user, url, [own, three[0]], confirmed="1")

    assert response.status_code == 404
    assert Image.objects.filter(trashed_at__isnull=False).count() == 4


@pytest.mark.parametrize("value", ["x", "-1", "9" * 30])
def test_what_is_no_id_is_not_found(alice, three, value):
    assert browser_of(alice).post(RESTORE, {"ids": [value]}).status_code == 404


def test_one_picture_comes_back_by_its_own_address(alice, three):
    response = browser_of(alice).post(f"/images/{three[0].pk}/restore/")

    assert (response.status_code, response["Location"]) == (302, f"/images/{three[0].pk}/")
    assert list(Image.objects.live()) == [three[0]]


# Deleting forever


def test_delete_asks_first(alice, three):
    page = post(alice, DELETE, three[:2])

    assert "2 pictures will be deleted forever. It cannot be undone." in page.content.decode()
    assert Image.objects.count() == 3


def test_delete_removes_what_was_confirmed(alice, three, data_dir):
    page = post(alice, DELETE, three[:2], confirmed="1")

    assert "2 pictures are deleted forever." in page.content.decode()
    assert Image.objects.get() == three[2]
    assert len([path for path in (data_dir / "media" / "originals").rglob("*") if path.is_file()]) == 1
    assert verify().problems == ()


def test_delete_never_takes_a_picture_that_is_not_in_the_trash(alice, three, upload):
    live = upload(alice, content=drawn_picture("white"))

    response = post(alice, DELETE, [live], confirmed="1")

    assert response.status_code == 404
    assert Image.objects.count() == 4


def test_empty_asks_first_and_then_empties_my_trash_only(alice, bob, three, upload):
    kept = [upload(alice, content=drawn_picture("white")), upload(bob, content=drawn_picture("black"))]
    move_to_trash(Image.objects.filter(pk=kept[1].pk), by=OPERATOR)
    browser = browser_of(alice)

    asked = browser.get(EMPTY).content.decode()
    assert "3 pictures will be deleted forever." in asked
    assert Image.objects.count() == 5

    done = browser.post(EMPTY, follow=True).content.decode()
    assert "3 pictures are deleted forever." in done
    assert list(Image.objects.order_by("pk")) == kept


def test_trash_has_pages(alice, three, monkeypatch):
    monkeypatch.setattr("gallery.views.trash.PAGE_SIZE", 2)

    assert len(browser_of(alice).get(TRASH).context["pictures"]) == 2
    assert len(browser_of(alice).get(TRASH + "?page=2").context["pictures"]) == 1
