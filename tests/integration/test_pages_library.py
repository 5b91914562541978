"""The library page: numbers, list, filter, bulk changes, the queue, and clearing everything."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from gallery.forms.library import BulkForm
from gallery.models import OPERATOR, Claim, Image, User
from gallery.models.claim import NOBODY
from gallery.services.curation import move_to_trash, restore
from gallery.services.maintenance import verify
from gallery.services.media import original_path
from gallery.services.search import find_images
from tests.conftest import acting, drawn_picture, sample_bytes
from tests.searches import request_for

LIBRARY, BULK, CLEAR, EMBED, RETRY = (
    "/library/",
    "/library/bulk/",
    "/library/clear/",
    "/library/embed/",
    "/library/retry/",
)
COLOURS = ("red", "green", "blue")


def browser_of(user: User | None) -> Client:
    client = Client()
    if user is not None:
        client.force_login(user)
    return client


def bulk(user: User | None, images: list[Image], action: str, **fields: str) -> Any:
    return browser_of(user).post(BULK, {"ids": [image.pk for image in images], "action": action, **fields})


@pytest.fixture
def unencoded(quick_worker) -> None:
    """Let pictures stay in the queue: encoding would take most of the time, and these tests do not need it."""
    quick_worker.works = False


@pytest.fixture
def three(alice, upload, unencoded) -> list[Image]:
    return [upload(alice, f"{colour}.png", content=drawn_picture(colour)) for colour in COLOURS]


def listed(user: User, query: str = "") -> list[str]:
    response = browser_of(user).get(LIBRARY + query)
    assert response.status_code == 200
    return [image.original_name for image in response.context["page"].object_list]


# Who may


@pytest.mark.django_db
@pytest.mark.parametrize("url", [LIBRARY, CLEAR])
def test_page_sends_anonymous_to_the_sign_in_page(url):
    response = browser_of(None).get(url)

    assert (response.status_code, response["Location"]) == (302, f"/accounts/login/?next={url}")


@pytest.mark.django_db
@pytest.mark.parametrize("url", [BULK, EMBED, RETRY])
def test_change_sends_anonymous_to_the_sign_in_page(url):
    assert browser_of(None).post(url).status_code == 302


@pytest.mark.parametrize("url", [BULK, EMBED, RETRY])
def test_reading_a_change_leads_to_the_library(alice, url):
    response = browser_of(alice).get(url, {"page": "2"})

    assert (response.status_code, response["Location"]) == (302, f"{LIBRARY}?page=2")
    assert browser_of(alice).put(url).status_code == 405


@pytest.mark.parametrize("who", ["bob", "charlie", "staff"])
@pytest.mark.usefixtures("unencoded")
def test_library_shows_nothing_of_other_people(alice, upload, who, request, share):
    user = request.getfixturevalue(who)
    public = upload(alice, content=drawn_picture("red"), visibility="public")
    share(upload(alice, content=drawn_picture("blue"), visibility="shared"), user)

    page = browser_of(user).get(LIBRARY)

    assert page.status_code == 200
    assert page.context["statistics"].images == 0
    assert public.original_name not in page.content.decode()


# Numbers


@pytest.mark.usefixtures("unencoded")
def test_library_tells_the_numbers(alice, upload):
    contents = [drawn_picture("red"), drawn_picture("green"), drawn_picture("blue", format="JPEG")]
    for content in contents:
        upload(alice, content=content)
    trashed = upload(alice, content=drawn_picture("white"))
    move_to_trash(Image.objects.filter(pk=trashed.pk), by=OPERATOR)

    context = browser_of(alice).get(LIBRARY).context

    assert context["statistics"].images == 3
    assert context["statistics"].size_bytes == sum(len(content) for content in contents)
    assert [(share.name, share.images, share.percent) for share in context["formats"]] == [
        ("PNG", 2, 67),
        ("JPEG", 1, 33),
    ]
    assert context["trash_count"] == 1


@pytest.mark.usefixtures("unencoded")
@pytest.mark.usefixtures("never_at_rest")
def test_library_asks_as_much_for_three_pictures_as_for_one(alice, upload):
    browser_of(alice).get(LIBRARY)  # reads the columns, as whoever asks first
    counts = []
    for number, colour in enumerate(COLOURS):
        upload(alice, content=drawn_picture(colour), tags=f"tag{number}, colour")
        browser = browser_of(alice)
        with CaptureQueriesContext(connection) as queries:
            browser.get(LIBRARY)
        counts.append(len(queries))

    assert counts[2] == counts[0]


def test_empty_library_says_what_to_do(alice):
    page = browser_of(alice).get(LIBRARY).content.decode()

    assert "Your library is empty" in page
    assert "Clear everything" not in page


# Filter and order


@pytest.fixture
def mixed(alice, upload, unencoded) -> None:
    """Three pictures that differ in everything one can filter or order by."""
    cat = upload(alice, "Cat.png", content=drawn_picture("red", size=(9, 9)), tags="Tier, 猫", description="on a Sofa")
    dog = upload(alice, "a dog.jpg", content=drawn_picture("blue", format="JPEG", size=(500, 500)), visibility="public")
    bird = upload(alice, "bird.gif", content=drawn_picture("green", format="GIF"), tags="tier")
    for image, day in ((cat, 1), (dog, 2), (bird, 3)):
        Image.objects.filter(pk=image.pk).update(created_at=datetime(2026, 1, day, 12, tzinfo=UTC))
    Image.objects.filter(pk=cat.pk).update(taken_at=datetime(2020, 1, 1, tzinfo=UTC))
    Image.objects.filter(pk=cat.pk).update(embedding_row=0)
    Image.objects.filter(pk=bird.pk).update(embed_error="The original file is gone.")


@pytest.mark.usefixtures("mixed")
@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", ["bird.gif", "a dog.jpg", "Cat.png"]),
        ("?q=cat", ["Cat.png"]),
        ("?q=sofa", ["Cat.png"]),
        ("?q=%25", []),
        ("?tag=TIER", ["bird.gif", "Cat.png"]),
        ("?tag=猫", ["Cat.png"]),
        ("?format=JPEG", ["a dog.jpg"]),
        ("?visibility=private", ["bird.gif", "Cat.png"]),
        ("?status=searchable", ["Cat.png"]),
        ("?status=pending", ["a dog.jpg"]),
        ("?status=failed", ["bird.gif"]),
        ("?added_from=2026-01-02", ["bird.gif", "a dog.jpg"]),
        ("?added_to=2026-01-02", ["a dog.jpg", "Cat.png"]),
        ("?added_from=2026-01-02&added_to=2026-01-02", ["a dog.jpg"]),
        ("?tag=tier&format=PNG", ["Cat.png"]),
        ("?sort=oldest", ["Cat.png", "a dog.jpg", "bird.gif"]),
        ("?sort=name", ["a dog.jpg", "bird.gif", "Cat.png"]),
        ("?sort=size", ["a dog.jpg", "bird.gif", "Cat.png"]),
        ("?sort=taken", ["Cat.png", "bird.gif", "a dog.jpg"]),
        ("?sort=name&status=pending", ["a dog.jpg"]),
        ("?page=99", ["bird.gif", "a dog.jpg", "Cat.png"]),
        ("?page=x", ["bird.gif", "a dog.jpg", "Cat.png"]),
    ],
)
def test_library_lists_what_was_asked_for(alice, query, names):
    assert listed(alice, query) == names


@pytest.mark.parametrize(
    "query", ["?format=EXE", "?visibility=x", "?status=x", "?added_from=soon", "?sort=x", "?q=%00", "?tag=" + "x" * 201]
)
def test_wrong_filter_is_said_and_never_looks_like_an_empty_library(alice, three, query):
    response = browser_of(alice).get(LIBRARY + query)

    page = response.content.decode()
    assert response.status_code == 400
    assert "This filter cannot be used" in page
    assert 'aria-invalid="true"' in page
    assert response.context["statistics"].images == 3


def test_filter_without_a_hit_says_so(alice, three):
    page = browser_of(alice).get(LIBRARY + "?q=nothing").content.decode()

    assert "No pictures match this filter" in page
    assert "Your library is empty" not in page


def test_library_has_pages(alice, three, monkeypatch):
    monkeypatch.setattr("gallery.views.library.PAGE_SIZE", 2)

    assert listed(alice, "?sort=oldest") == ["red.png", "green.png"]
    assert listed(alice, "?sort=oldest&page=2") == ["blue.png"]
    assert "?sort=oldest&amp;page=2" in browser_of(alice).get(LIBRARY + "?sort=oldest").content.decode()


# Bulk


def test_bulk_moves_to_the_trash_and_undo_brings_back(alice, three):
    browser = browser_of(alice)

    page = browser.post(
        BULK, {"ids": [three[0].pk, three[1].pk], "action": "trash", "back": "sort=name&page=1"}, follow=True
    )
    assert page.redirect_chain == [("/library/?sort=name&page=1", 302)]
    assert "2 pictures are in the trash." in page.content.decode()
    assert Image.objects.live().get() == three[2]

    undo_url = page.content.decode().split('action="/trash/restore/?undo=')[1].split('"')[0]
    back = browser.post(f"/trash/restore/?undo={undo_url}", follow=True)
    assert "2 pictures are back." in back.content.decode()
    assert Image.objects.live().count() == 3


def test_undo_works_once_and_only_for_the_one_who_did_it(alice, charlie, three):
    browser = browser_of(alice)
    page = browser.post(BULK, {"ids": [three[0].pk], "action": "trash"}, follow=True)
    token = page.content.decode().split('action="/trash/restore/?undo=')[1].split('"')[0]

    stolen = browser_of(charlie).post(f"/trash/restore/?undo={token}", follow=True)
    assert "There is nothing to undo any more." in stolen.content.decode()
    assert Image.objects.live().count() == 2

    browser.post(f"/trash/restore/?undo={token}")
    move_to_trash(Image.objects.filter(pk=three[0].pk), by=OPERATOR)
    again = browser.post(f"/trash/restore/?undo={token}", follow=True)
    assert "There is nothing to undo any more." in again.content.decode()
    assert Image.objects.live().count() == 2


def test_undo_leaves_alone_what_was_brought_back_and_trashed_anew(alice, three):
    browser = browser_of(alice)
    page = browser.post(BULK, {"ids": [three[0].pk, three[1].pk], "action": "trash"}, follow=True)
    token = page.content.decode().split('action="/trash/restore/?undo=')[1].split('"')[0]
    restore(Image.objects.filter(pk=three[1].pk), by=OPERATOR)
    move_to_trash(Image.objects.filter(pk=three[1].pk), by=OPERATOR)

    back = browser.post(f"/trash/restore/?undo={token}", follow=True)

    assert "1 picture is back." in back.content.decode()
    assert list(Image.objects.trashed()) == [three[1]]


def test_undo_that_a_former_version_remembers_leads_to_the_trash(alice, three):
    browser = browser_of(alice)
    session = browser.session
    session["undo"] = {"x": [three[0].pk]}
    session.save()

    back = browser.post("/trash/restore/?undo=x", follow=True)

    assert "There is nothing to undo any more." in back.content.decode()


def test_the_button_of_one_picture_trashes_only_that_one(alice, three):
    browser_of(alice).post(BULK, {"only": three[1].pk, "ids": [three[0].pk, three[2].pk]})

    assert list(Image.objects.in_trash_of(acting(alice))) == [three[1]]


def test_bulk_changes_visibility(alice, three):
    bulk(alice, three[:2], "visibility", visibility="public")

    assert list(Image.objects.order_by("pk").values_list("visibility", flat=True)) == ["public", "public", "private"]


def test_bulk_adds_and_removes_tags(alice, three):
    bulk(alice, three[:2], "add_tags", tags="Colour, 颜色")
    bulk(alice, three[:1], "remove_tags", tags="colour")

    names = [sorted(tag.name for tag in image.tags.all()) for image in Image.objects.order_by("pk")]
    assert names == [["颜色"], ["Colour", "颜色"], []]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"action": "add_tags", "tags": ""}, "Type at least one tag."),
        ({"action": "remove_tags", "tags": " ， "}, "Type at least one tag."),
        ({"action": "add_tags", "tags": "x" * 200}, "has 200 characters; the limit is 64."),
        ({"action": "visibility", "visibility": ""}, "Choose who may see the pictures."),
        ({"action": "visibility", "visibility": "everybody"}, "everybody is not one of the available choices."),
        ({"action": "explode"}, "explode is not one of the available choices."),
        ({}, "Choose what to do with the pictures."),
    ],
)
def test_wrong_bulk_change_is_said_and_changes_nothing(alice, three, fields, words):
    response = browser_of(alice).post(BULK, {"ids": [image.pk for image in three], "back": "sort=name", **fields})

    page = response.content.decode()
    assert response.status_code == 400
    assert words in page
    assert page.count(" checked>") == 3
    assert Image.objects.live().filter(visibility="private", tags__isnull=True).count() == 3


def test_bulk_change_that_the_view_does_not_know_changes_nothing(alice, three, monkeypatch):
    bulk(alice, three, "add_tags", tags="colour")
    action = BulkForm.base_fields["action"]
    monkeypatch.setattr(action, "choices", [*action.choices, ("explode", "explode")])

    response = bulk(alice, three, "explode", tags="colour")

    assert response.status_code == 400
    assert Image.objects.tagged(["colour"]).count() == 3


def test_bulk_without_a_tick_is_said(alice, three):
    response = bulk(alice, [], "trash")

    assert response.status_code == 400
    assert "No picture is selected. Select at least one." in response.content.decode()
    assert Image.objects.live().count() == 3


@pytest.fixture
def seen_by_bob(alice, bob, upload, share) -> Image:
    image = upload(alice, content=drawn_picture("red"), visibility="shared", tags="b")
    share(image, bob)
    return image


ACTIONS = pytest.mark.parametrize(
    ("action", "fields"),
    [
        ("trash", {}),
        ("visibility", {"visibility": "public"}),
        ("add_tags", {"tags": "a"}),
        ("remove_tags", {"tags": "b"}),
    ],
)


def state() -> list[Any]:
    rows = Image.objects.order_by("pk").values_list("pk", "visibility", "trashed_at", "tags__name")
    return list(rows)


@ACTIONS
@pytest.mark.usefixtures("unencoded")
def test_bulk_with_a_hidden_picture_is_not_found_and_changes_nothing(alice, charlie, upload, action, fields):
    hidden = upload(alice, content=drawn_picture("red"), tags="b")
    own = upload(charlie, content=drawn_picture("blue"), tags="b")
    before = state()

    response = bulk(charlie, [own, hidden], action, **fields)

    assert (response.status_code, state()) == (404, before)


@ACTIONS
@pytest.mark.usefixtures("unencoded")
def test_bulk_with_a_picture_one_only_sees_is_forbidden_and_changes_nothing(bob, seen_by_bob, upload, action, fields):
    own = upload(bob, content=drawn_picture("blue"), tags="b")
    before = state()

    response = bulk(bob, [own, seen_by_bob], action, **fields)

    assert (response.status_code, state()) == (403, before)


def test_a_curator_changes_pictures_of_others(alice, staff, three):
    assert bulk(staff, three, "visibility", visibility="public").status_code == 302
    assert Image.objects.filter(visibility="public").count() == 3


def test_a_curator_undoes_what_went_into_the_trash_of_another(alice, staff, three):
    browser = browser_of(staff)
    page = browser.post(BULK, {"ids": [three[0].pk], "action": "trash"}, follow=True)
    token = page.content.decode().split('action="/trash/restore/?undo=')[1].split('"')[0]

    browser.post(f"/trash/restore/?undo={token}")

    assert Image.objects.live().count() == 3


@pytest.mark.parametrize("value", ["x", "-1", "0", "1.5", "9" * 30, "٣", ""])
def test_bulk_with_what_is_no_id_is_not_found(alice, three, value):
    response = browser_of(alice).post(BULK, {"ids": [three[0].pk, value], "action": "trash"})

    assert response.status_code == 404
    assert Image.objects.live().count() == 3


def test_bulk_with_a_picture_in_the_trash_is_not_found(alice, three):
    move_to_trash(Image.objects.filter(pk=three[0].pk), by=OPERATOR)

    assert bulk(alice, three, "visibility", visibility="public").status_code == 404


@pytest.mark.parametrize("back", ["//evil.example/", "https://evil.example/", "a=1\r\nSet-Cookie: x=1"])
def test_bulk_returns_to_the_library_whatever_back_says(alice, three, back):
    response = bulk(alice, three[:1], "visibility", visibility="public", back=back)

    assert response["Location"].startswith("/library/?")
    assert "\r" not in response["Location"]


# The queue


@pytest.fixture
def worker_comes(limits_of, monkeypatch) -> None:
    """A site that may start workers; the fixture quick_worker stands for them."""
    limits_of(starts_worker=True)
    monkeypatch.setattr("gallery.jobs.see_to_worker", lambda: None)


@pytest.mark.usefixtures("three", "worker_comes")
def test_embed_leaves_ones_own_pictures_to_a_worker(alice, bob, upload, quick_worker):
    bobs = upload(bob, content=drawn_picture("white"))
    Image.objects.update(embedding_row=None)

    quick_worker.works = False
    first = browser_of(alice).post(EMBED, follow=True).content.decode()
    left = Image.objects.pending().count()
    quick_worker.works = True
    browser_of(alice).post(EMBED)
    last = browser_of(alice).post(EMBED, follow=True).content.decode()

    assert "3 waiting pictures will be tried in a moment." in first
    assert left == 4
    assert "No picture waits to be tried." in last
    assert list(Image.objects.pending()) == [bobs]


def test_embed_has_pictures_tried_that_were_put_off(alice, bob, three, upload, quick_worker):
    quick_worker.works = False
    bobs = upload(bob, content=drawn_picture("white"))
    Image.objects.update(embedding_row=None)
    Claim.objects.add([three[0].pk, bobs.pk], holder=NOBODY)
    Claim.objects.add([three[1].pk], holder="a worker")

    browser_of(alice).post(EMBED)

    assert set(Claim.objects.values_list("image_id", flat=True)) == {three[1].pk, bobs.pk}


@pytest.mark.parametrize("path", [EMBED, RETRY])
def test_page_says_when_no_worker_will_come(alice, three, quick_worker, path):
    quick_worker.works = False
    Image.objects.update(embedding_row=None, embed_error="gone" if path == RETRY else "")

    page = browser_of(alice).post(path, follow=True).content.decode()

    assert "No worker runs here, and the site may start none" in page
    assert "in a moment" not in page


def test_failures_are_shown_with_their_reason_and_retried(alice, upload, data_dir: Path, worker_comes):
    cat = upload(alice, "cat.png", content=sample_bytes("chelsea.png"))
    original = data_dir / "media" / original_path(cat.sha256, cat.format)
    content = original.read_bytes()
    original.unlink()
    Image.objects.update(embedding_row=None)
    browser = browser_of(alice)

    failed = browser.post(EMBED, follow=True).content.decode()
    assert "The original file of this picture is no longer in the storage." in failed

    original.write_bytes(content)
    retried = browser.post(RETRY, follow=True).content.decode()
    assert "1 picture will be tried again in a moment." in retried
    assert find_images(request_for("a cat"), by=acting(alice)).image_ids == [cat.pk]


def test_retry_leaves_the_failures_of_others_alone(alice, charlie, three):
    Image.objects.filter(pk=three[0].pk).update(embedding_row=None, embed_error="gone")

    browser_of(charlie).post(RETRY)

    three[0].refresh_from_db()
    assert three[0].embed_error == "gone"


# Clearing everything


def test_clear_deletes_all_of_mine_and_nothing_of_others(alice, bob, three, upload, data_dir):
    move_to_trash(Image.objects.filter(pk=three[0].pk), by=OPERATOR)
    bobs = upload(bob, content=drawn_picture("red"))  # the same bytes as one of alice's
    browser = browser_of(alice)

    page = browser.get(CLEAR).content.decode()
    assert "This deletes all your 3 pictures forever." in page
    assert "1 of them is in the trash." in page

    done = browser.post(CLEAR, {"username": "alice"}, follow=True)
    assert "3 pictures are deleted forever." in done.content.decode()
    assert Image.objects.get() == bobs
    assert len([path for path in (data_dir / "media" / "originals").rglob("*") if path.is_file()]) == 1
    assert verify().problems == ()


@pytest.mark.parametrize("typed", ["", "bob", "Alice", "alice2"])
def test_clear_with_a_wrong_name_deletes_nothing(alice, three, typed):
    response = browser_of(alice).post(CLEAR, {"username": typed})

    assert response.status_code == 400
    assert "errors" in response.content.decode()
    assert Image.objects.count() == 3


def test_clear_says_what_was_wrong(alice, three):
    page = browser_of(alice).post(CLEAR, {"username": "bob"}).content.decode()

    assert "That is not your user name. Nothing was deleted. Type “alice” to go on." in page


def test_clear_by_a_curator_deletes_only_the_curators_own(staff, three):
    browser_of(staff).post(CLEAR, {"username": "staff"})

    assert Image.objects.count() == 3


def test_clear_without_pictures_has_nothing_to_confirm(alice):
    assert "You have no pictures" in browser_of(alice).get(CLEAR).content.decode()
