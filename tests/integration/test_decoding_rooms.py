"""What is decoded for one purpose keeps nobody waiting who comes for another, and says so when it is full itself."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from gallery.imaging import Purpose
from gallery.imaging.sandbox import pool
from gallery.imaging.sandbox.pool import decoders
from gallery.media_responses import thumbnail_address
from gallery.models import Image, QueryPicture
from gallery.rooms import GoesOnElsewhere, Room, answering_in
from gallery.services.media import open_thumbnail, thumbnail_path
from gallery.services.query_pictures import remember_picture
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


def test_a_lost_thumbnail_is_made_in_the_room_of_copies(alice, upload):
    image = upload(alice, content=drawn_picture("red"))
    delete_thumbnail(image)
    client = Client()
    client.force_login(alice)

    with answering_in(Room.FILES), pytest.raises(GoesOnElsewhere) as moved:
        client.get(thumbnail_address(image, 400))
    with answering_in(Room.FILES), pytest.raises(GoesOnElsewhere):
        client.get(thumbnail_address(image, 400, namespace="api:"))
    with answering_in(moved.value.room):
        made = client.get(thumbnail_address(image, 400))
    with answering_in(Room.FILES):
        kept = client.get(thumbnail_address(image, 400))

    assert (moved.value.room, made.status_code, kept.status_code) == (Room.DOWNLOAD, 200, 200)


def test_a_lost_thumbnail_says_when_to_come_again(alice, upload):
    image = upload(alice, content=drawn_picture("red"))
    delete_thumbnail(image)
    client = Client()
    client.force_login(alice)

    with full(Purpose.COPYING):
        answer = client.get(thumbnail_address(image, 400))

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")


@pytest.fixture
def kept_of_another_encoder(alice, upload, quick_encoder) -> QueryPicture:
    """What somebody searched with before the model changed."""
    upload(alice, content=drawn_picture("red"))
    kept = remember_picture(BytesIO(drawn_picture("red")), name="red.png")
    QueryPicture.objects.update(encoder_revision="former", vector=b"")
    return kept


def test_a_kept_picture_is_encoded_anew_in_the_room_of_pictures(client, kept_of_another_encoder, quick_encoder):
    address = f"/search/?picture={kept_of_another_encoder.pk}"

    with answering_in(Room.TEXT_SEARCH), pytest.raises(GoesOnElsewhere) as moved:
        client.get(address)
    with answering_in(moved.value.room):
        first = client.get(address)
    with answering_in(Room.TEXT_SEARCH):
        second = client.get(address)

    assert (moved.value.room, first.status_code, second.status_code) == (Room.PICTURE_SEARCH, 200, 200)
    kept = QueryPicture.objects.get()
    assert kept.encoder_key == quick_encoder.key
    assert len(kept.vector) == 4 * quick_encoder.dimension


def test_a_kept_picture_says_when_to_come_again(client, kept_of_another_encoder):
    with full(Purpose.SEARCHING):
        page = client.get(f"/search/?picture={kept_of_another_encoder.pk}")

    assert (page.status_code, page.headers["Retry-After"]) == (503, "5")


def delete_thumbnail(image: Image) -> None:
    default_storage.delete(thumbnail_path(image.sha256, 400))


@pytest.mark.parametrize(("address", "field"), [("/search/", "picture"), ("/api/v1/search/", "image")])
def test_a_picture_that_one_searches_with_may_have_fewer_pixels(db, limits_of, address, field):
    limits_of(search_max_pixels=1_000)

    answer = Client().post(address, {field: sent(size=(50, 40))})

    assert answer.status_code == 413
    assert "2,000 pixels; the limit is 1,000" in answer.content.decode()
