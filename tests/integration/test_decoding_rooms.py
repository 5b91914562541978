"""What is decoded for one purpose keeps nobody waiting who comes for another, and says so when it is full itself."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from gallery.imaging import Purpose
from gallery.imaging.sandbox import pool
from gallery.imaging.sandbox.pool import decoders
from gallery.models import Image, QueryPicture
from gallery.services.media import open_thumbnail, thumbnail_path
from tests.conftest import drawn_picture

pytestmark = pytest.mark.usefixtures("quick_encoder")


@contextmanager
def full(purpose: Purpose) -> Iterator[None]:
    """Let every decoder of a purpose be at work meanwhile."""
    taken = [decoders(purpose)._take(None) for _ in range(pool.PROCESSES[purpose])]
    try:
        yield
    finally:
        for decoder in taken:
            decoders(purpose)._give_back(decoder)
        for each in Purpose:
            decoders(each).close()


@pytest.fixture(autouse=True)
def nobody_waits_long(limits_of: Callable[..., None]) -> None:
    limits_of(decode_wait_seconds=0)


def sent(size: tuple[int, int] = (30, 20)) -> SimpleUploadedFile:
    return SimpleUploadedFile("red.png", drawn_picture("red", size=size), "image/png")


def test_a_search_with_a_picture_says_when_to_come_again(alice):
    visitor, member = Client(), Client()
    member.force_login(alice)

    with full(Purpose.SEARCHING):
        page = visitor.post("/search/", {"picture": sent()})
        answer = visitor.post("/api/v1/search/", {"image": sent()})
        upload = member.post("/api/v1/images/", {"file": sent()})

    assert (page.status_code, page.headers["Retry-After"]) == (503, "5")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert answer.json()["code"] == "server_busy"
    assert upload.status_code == 201
    assert not QueryPicture.objects.exists()


def test_an_upload_says_when_to_come_again_and_stores_nothing(alice):
    client = Client()
    client.force_login(alice)

    with full(Purpose.BRINGING_IN):
        upload = client.post("/api/v1/images/", {"file": sent()})
        search = client.post("/api/v1/search/", {"image": sent()})

    assert (upload.status_code, upload.headers["Retry-After"]) == (503, "5")
    assert upload.json()["code"] == "server_busy"
    assert search.status_code == 200
    assert not Image.objects.exists()


def test_a_lost_thumbnail_is_made_while_uploads_are_full(alice, upload):
    image = upload(alice, content=drawn_picture("red"))
    delete_thumbnail(image)

    with full(Purpose.BRINGING_IN), open_thumbnail(image, 400) as small:
        assert small.read(4) == b"RIFF"


def delete_thumbnail(image: Image) -> None:
    default_storage.delete(thumbnail_path(image.sha256, 400))


@pytest.mark.parametrize(("address", "field"), [("/search/", "picture"), ("/api/v1/search/", "image")])
def test_a_picture_that_one_searches_with_may_have_fewer_pixels(db, limits_of, address, field):
    limits_of(search_max_pixels=1_000)

    answer = Client().post(address, {field: sent(size=(50, 40))})

    assert answer.status_code == 413
    assert "2,000 pixels; the limit is 1,000" in answer.content.decode()
