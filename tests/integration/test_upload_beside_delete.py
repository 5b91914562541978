"""The same bytes uploaded while their picture is deleted: it is stored or was there, and no row is without its file."""

import threading
from collections.abc import Callable

import pytest
from django.db import connections
from django.test import Client

from gallery.api import images as api_images
from gallery.models import OPERATOR, Image
from gallery.services import ingest
from gallery.services.curation import delete_forever, move_to_trash
from gallery.services.maintenance import verify
from gallery.views import upload as upload_views
from tests.conftest import drawn_picture
from tests.integration.api_client import Api
from tests.integration.test_pages_upload import UPLOAD, UPLOAD_FILE, file_of
from tests.waiting import until

ROUNDS = 10
PICTURE = drawn_picture()


def everything_deleted() -> None:
    delete_forever(Image.objects.all(), by=OPERATOR)


def everything_trashed() -> None:
    move_to_trash(Image.objects.all(), by=OPERATOR)


def emptied_trash() -> None:
    everything_trashed()
    delete_forever(Image.objects.trashed(), by=OPERATOR)


REMOVALS = pytest.mark.parametrize("remove", [everything_deleted, everything_trashed, emptied_trash])


pytestmark = pytest.mark.usefixtures("quick_encoder")


@pytest.fixture(params=["embedded at once", "left in the queue"])
def embedding(request, quick_worker):
    if request.param == "left in the queue":
        quick_worker.works = False


def in_thread(act: Callable[[], object]) -> threading.Thread:
    def run() -> None:
        try:
            act()
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


@REMOVALS
@pytest.mark.parametrize("is_there", [False, True], ids=["new", "known"])
def test_upload_that_is_deleted_before_it_is_answered_is_answered(alice, upload, monkeypatch, remove, is_there):
    if is_there:
        upload(alice, content=PICTURE)
    monkeypatch.setattr(api_images, "accept_upload", _then(remove, ingest.accept_upload))

    response = Api(alice).upload(PICTURE)

    assert response.status_code == (200 if is_there else 201)
    assert response.json()["name"] == ("chelsea.png" if is_there else "picture.png")
    assert verify().problems == ()


@REMOVALS
@pytest.mark.parametrize("is_there", [False, True], ids=["new", "known"])
def test_page_upload_that_is_deleted_before_it_is_answered_is_answered(alice, upload, monkeypatch, remove, is_there):
    if is_there:
        upload(alice, content=PICTURE)
    monkeypatch.setattr(upload_views, "accept_upload", _then(remove, ingest.accept_upload))
    browser = Client()
    browser.force_login(alice)

    one = browser.post(UPLOAD_FILE, {"files": [file_of("a.png", PICTURE)]})
    several = browser.post(UPLOAD, {"files": [file_of("a.png", PICTURE), file_of("b.png", PICTURE)]})

    assert (one.status_code, several.status_code) == (200 if is_there else 201, 200)
    assert verify().problems == ()


@REMOVALS
def test_upload_of_what_is_deleted_just_before_its_row_is_asked_for_is_stored(alice, upload, monkeypatch, remove):
    """Who deletes waits with the files for the upload, which holds the lock of their content."""
    upload(alice, content=PICTURE, description="mine")
    removals: list[threading.Thread] = []

    def remove_row() -> None:
        removals.append(in_thread(remove))
        until(lambda: not Image.objects.live().exists(), "the picture is deleted")

    monkeypatch.setattr(ingest, "save_thumbnails", _first(remove_row, ingest.save_thumbnails))

    response = Api(alice).upload(PICTURE)

    removals[0].join()
    assert response.status_code in {everything_deleted: [201], everything_trashed: [200]}.get(remove, [200, 201])
    assert response.json()["id"] == Image.objects.live().get().pk
    assert verify().problems == ()


def test_original_that_is_lost_and_deleted_is_not_brought_back_for_nobody(alice, upload, data_dir):
    image = upload(alice, content=PICTURE)
    next((data_dir / "media" / "originals").rglob("*.png")).unlink()
    everything_deleted()

    with file_of("a.png", PICTURE).open() as file:
        ingest.bring_back_original(image, file, by=OPERATOR)

    assert verify().problems == ()


@REMOVALS
@pytest.mark.usefixtures("embedding")
def test_uploads_beside_deletes_are_all_answered_with_a_picture_and_lose_no_file(alice, remove):
    answers: list[int] = []

    def post() -> None:
        api = Api(alice)
        for _ in range(ROUNDS):
            response = api.upload(PICTURE)
            answers.append(response.status_code if response.json()["id"] else 0)

    def remove_often() -> None:
        for _ in range(ROUNDS):
            remove()

    threads = [in_thread(act) for act in (post, post, remove_often, remove_often)]
    for thread in threads:
        thread.join()
    last = Api(alice).upload(PICTURE)

    assert (len(answers), set(answers) - {200, 201}) == (2 * ROUNDS, set())
    assert last.status_code in (200, 201)
    assert Image.objects.live().count() == 1
    assert verify().problems == ()


def _then(act: Callable[[], object], real: Callable[..., object]) -> Callable[..., object]:
    def both(*args: object, **options: object) -> object:
        answer = real(*args, **options)
        act()
        return answer

    return both


def _first(act: Callable[[], object], real: Callable[..., object]) -> Callable[..., object]:
    def both(*args: object, **options: object) -> object:
        act()
        return real(*args, **options)

    return both
