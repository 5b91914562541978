"""Uploading through the pages: the form without JavaScript, and the one-file endpoint of the page's script."""

import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext

from gallery.errors import StorageFull
from gallery.models import OPERATOR, Image, User
from gallery.services.curation import move_to_trash
from gallery.views import upload as upload_views
from tests.conftest import drawn_picture, sample_bytes

UPLOAD, UPLOAD_FILE = "/upload/", "/upload/file/"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
DOORS = pytest.mark.parametrize("url", [UPLOAD, UPLOAD_FILE])


def bomb_png() -> bytes:
    """Return a PNG of 30,000 x 30,000 pixels in a few bytes."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    header = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"0")) + chunk(b"IEND", b"")


BAD_FILES = {
    "empty": ("nothing.jpg", b"", 400, "This file is empty (0 bytes)."),
    "text": ("note.jpg", b"just words, no picture", 415, "not one of the picture formats"),
    "truncated": ("cut.jpg", drawn_picture(format="JPEG", size=(640, 480))[:2_000], 400, "damaged or cut short"),
    "bomb": ("bomb.png", bomb_png(), 413, "900,000,000 pixels"),
    "svg": ("drawing.svg", SVG, 415, "not one of the picture formats"),
}


def browser_of(user: User | None) -> Client:
    client = Client()
    if user is not None:
        client.force_login(user)
    return client


def file_of(name: str, content: bytes) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content)


def send(user: User | None, *files: SimpleUploadedFile, url: str = UPLOAD, **fields: str) -> Any:
    return browser_of(user).post(url, {"files": list(files), **fields})


def send_raw_name(user: User, name: str, content: bytes, *, url: str) -> HttpResponse:
    """Send a file under exactly this name, as a program may that is no browser."""
    head = f'--edge\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n\r\n'
    body = head.encode() + content + b"\r\n--edge--\r\n"
    return browser_of(user).post(url, body, content_type="multipart/form-data; boundary=edge")


def stored_files(data_dir: Path) -> list[Path]:
    return [path for path in (data_dir / "media").rglob("*") if path.is_file()]


def assert_nothing_stored(data_dir: Path) -> None:
    assert Image.objects.count() == 0
    assert stored_files(data_dir) == []


# Who may


@pytest.mark.django_db
def test_upload_page_sends_anonymous_to_the_sign_in_page():
    page = browser_of(None).get(UPLOAD)
    sent = send(None, file_of("a.png", drawn_picture()))

    assert (page.status_code, page["Location"]) == (302, "/accounts/login/?next=/upload/")
    assert (sent.status_code, Image.objects.count()) == (302, 0)


@pytest.mark.django_db
def test_file_endpoint_answers_anonymous_in_json():
    response = send(None, file_of("a.png", drawn_picture()), url=UPLOAD_FILE)

    assert response.status_code == 401
    assert response.json()["code"] == "not_signed_in"
    assert set(response.json()) == {"code", "message", "details"}
    assert Image.objects.count() == 0


@pytest.mark.parametrize("who", ["alice", "bob", "charlie", "staff"])
def test_everybody_who_is_signed_in_uploads_into_their_own_library(who, request):
    user = request.getfixturevalue(who)

    assert browser_of(user).get(UPLOAD).status_code == 200
    assert send(user, file_of("a.png", drawn_picture())).status_code == 200
    assert [image.owner for image in Image.objects.all()] == [user]


@DOORS
def test_upload_without_csrf_token_is_refused(alice, url):
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)

    response = client.post(url, {"files": file_of("a.png", drawn_picture())})

    assert response.status_code == 403
    assert Image.objects.count() == 0


def test_file_endpoint_takes_only_post(alice):
    assert browser_of(alice).get(UPLOAD_FILE).status_code == 405


# What good files become


def test_page_tells_the_limits(alice, limits_of):
    limits_of(max_upload_bytes=5_000_000, max_upload_files=7, max_pixels=3_000_000)

    page = browser_of(alice).get(UPLOAD).content.decode()

    assert "JPEG, PNG, GIF, BMP, WebP, TIFF, AVIF, HEIC, JPEG XL, RAW. At most 7 files at once," in page
    assert "each up to 5 MB and 3 megapixels." in page
    assert "image/heic,image/jxl,image/x-dcraw,.jpg,.jpeg," in page
    assert 'data-max-files="7"' in page
    assert 'data-max-bytes="5000000"' in page


def test_upload_stores_every_file_with_its_labels(alice):
    response = send(
        alice,
        file_of("cat.png", sample_bytes("chelsea.png")),
        file_of("red.gif", drawn_picture(format="GIF")),
        description="  From the garden\r\nin June ",
        tags="Cat, garden，六月;CAT",
        visibility="public",
    )

    assert response.status_code == 200
    images = Image.objects.order_by("original_name")
    assert [image.original_name for image in images] == ["cat.png", "red.gif"]
    for image in images:
        assert image.description == "From the garden\nin June"
        assert sorted(tag.name for tag in image.tags.all()) == ["Cat", "garden", "六月"]
        assert image.visibility == "public"
        assert image.is_searchable


def test_upload_is_private_unless_said_otherwise(alice):
    send(alice, file_of("a.png", drawn_picture()))

    assert Image.objects.get().visibility == "private"


def test_file_endpoint_answers_with_the_picture(alice):
    response = send(alice, file_of("a.png", drawn_picture()), url=UPLOAD_FILE, tags="red")

    image = Image.objects.get()
    assert response.status_code == 201
    assert response.json() == {
        "outcome": "added",
        "message": "Added.",
        "warnings": [],
        "name": "a.png",
        "url": f"/images/{image.pk}/",
        "thumbnail": f"/images/{image.pk}/thumbnail/400/{image.sha256}.webp",
        "id": image.pk,
        "is_waiting": False,
    }


def test_the_same_file_twice_in_one_upload_is_stored_once(alice, data_dir):
    content = drawn_picture()

    response = send(alice, file_of("a.png", content), file_of("b.png", content))

    assert [result.outcome for result in response.context["results"]] == ["added", "duplicate"]
    assert response.content.decode().count("You had this picture already.") == 1
    assert Image.objects.count() == 1


def test_file_endpoint_says_that_a_picture_was_there_already(alice):
    first = send(alice, file_of("a.png", drawn_picture()), url=UPLOAD_FILE).json()
    again = send(alice, file_of("b.png", drawn_picture()), url=UPLOAD_FILE)

    assert again.status_code == 200
    assert (again.json()["outcome"], again.json()["url"]) == ("duplicate", first["url"])


def test_upload_never_tells_what_others_have(alice, bob):
    send(bob, file_of("a.png", drawn_picture()))

    response = send(alice, file_of("a.png", drawn_picture()), url=UPLOAD_FILE)

    assert (response.status_code, response.json()["outcome"]) == (201, "added")
    assert Image.objects.count() == 2


@DOORS
def test_upload_restores_a_picture_from_the_trash_and_says_so(alice, upload, url):
    image = upload(alice, content=drawn_picture(), description="first", tags="a", visibility="public")
    move_to_trash(Image.objects.filter(pk=image.pk), by=OPERATOR)

    response = send(alice, file_of("again.png", drawn_picture()), url=url, description="second", tags="b")

    assert response.status_code == 200
    assert "It was in your trash and is back as it was" in response.content.decode()
    restored = Image.objects.live().get()
    assert (restored.pk, restored.description, restored.visibility) == (image.pk, "first", "public")
    assert [tag.name for tag in restored.tags.all()] == ["a"]


# What bad files become


@DOORS
@pytest.mark.parametrize("bad", BAD_FILES)
def test_bad_file_is_refused_and_nothing_is_stored(alice, data_dir, url, bad):
    name, content, status, words = BAD_FILES[bad]

    response = send(alice, file_of(name, content), url=url)

    assert response.status_code == status
    assert words in response.content.decode()
    assert_nothing_stored(data_dir)


@DOORS
def test_file_over_the_limit_is_refused(alice, data_dir, limits_of, url):
    content = drawn_picture(size=(300, 300), format="BMP")
    limits_of(max_upload_bytes=len(content) - 1)

    response = send(alice, file_of("large.bmp", content), url=url)

    assert response.status_code == 413
    assert "This file has 270,054 bytes; the limit is 270,053." in response.content.decode()
    assert_nothing_stored(data_dir)


def test_one_bad_file_loses_none_of_the_others(alice, data_dir):
    files = [file_of(name, content) for name, content, _status, _words in BAD_FILES.values()]

    response = send(alice, file_of("red.png", drawn_picture("red")), *files, file_of("blue.png", drawn_picture("blue")))

    outcomes = [result.outcome for result in response.context["results"]]
    assert response.status_code == 200
    assert outcomes == ["added", *["failed"] * len(files), "added"]
    assert sorted(Image.objects.values_list("original_name", flat=True)) == ["blue.png", "red.png"]


def test_an_unexpected_defect_loses_none_of_the_others(alice, monkeypatch):
    accept = upload_views.accept_upload

    def stumble(file: Any, *, name: str, **values: Any) -> Any:
        if name == "odd.png":
            raise RuntimeError("a defect of ours")
        return accept(file, name=name, **values)

    monkeypatch.setattr(upload_views, "accept_upload", stumble)

    response = send(alice, file_of("odd.png", drawn_picture("red")), file_of("fine.png", drawn_picture("blue")))

    assert [result.outcome for result in response.context["results"]] == ["failed", "added"]
    assert "Something went wrong on our side." in response.content.decode()
    assert "a defect of ours" not in response.content.decode()


@DOORS
def test_full_storage_is_said(alice, monkeypatch, url):
    def full(*_args: Any, **_values: Any) -> None:
        raise StorageFull

    monkeypatch.setattr(upload_views, "accept_upload", full)

    response = send(alice, file_of("a.png", drawn_picture()), url=url)

    assert response.status_code == 507
    assert "There is no free space left in the storage." in response.content.decode()


@DOORS
def test_upload_without_a_file_is_refused(alice, url):
    response = browser_of(alice).post(url, {"description": "nothing"})

    assert response.status_code == 400
    assert "Choose at least one picture." in response.content.decode()


def test_more_files_than_allowed_are_refused_together(alice, data_dir, limits_of):
    limits_of(max_upload_files=2)

    response = send(alice, *(file_of(f"{colour}.png", drawn_picture(colour)) for colour in ("red", "green", "blue")))

    assert response.status_code == 413
    assert "There are more than 2 files, which is the limit." in response.content.decode()
    assert_nothing_stored(data_dir)


def test_more_files_than_the_parser_takes_are_refused_with_the_same_sentence(alice, data_dir, limits_of, settings):
    limits_of(max_upload_files=2)
    settings.DATA_UPLOAD_MAX_NUMBER_FILES = 2

    response = send(alice, *(file_of(f"{colour}.png", drawn_picture(colour)) for colour in ("red", "green", "blue")))

    assert response.status_code == 413
    assert "There are more than 2 files, which is the limit." in response.content.decode()
    assert_nothing_stored(data_dir)


def test_file_endpoint_takes_one_file_only(alice, data_dir):
    files = [file_of("red.png", drawn_picture("red")), file_of("blue.png", drawn_picture("blue"))]

    response = send(alice, *files, url=UPLOAD_FILE)

    assert (response.status_code, response.json()["code"]) == (413, "too_many_files")
    assert_nothing_stored(data_dir)


# Names


@DOORS
@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("../../etc/passwd.png", "passwd.png"),
        ("C:\\\\Users\\\\me\\\\cat.png", "cat.png"),
        ("🐈 cat 猫.png", "🐈 cat 猫.png"),
        ("a" * 300 + ".png", "a" * 251 + ".png"),
        ("nul\x00byte.png", "nulbyte.png"),
        ("<b>bold</b> & co.png", "b> & co.png"),
    ],
    ids=["dots", "windows", "emoji", "long", "nul", "markup"],
)
def test_any_name_is_kept_as_far_as_it_is_fit(alice, data_dir, url, sent, kept):
    response = send_raw_name(alice, sent, drawn_picture(), url=url)

    assert response.status_code == (200 if url == UPLOAD else 201)
    assert Image.objects.get().original_name == kept
    media = data_dir / "media"
    assert {path.relative_to(media).parts[0] for path in stored_files(data_dir)} == {"originals", "thumbnails"}


def test_result_page_escapes_names(alice):
    response = send(alice, file_of("<img src=x onerror=alert(1)>.png", b"no picture"))

    assert "<img src=x" not in response.content.decode()
    assert "&lt;img src=x" in response.content.decode()


# Labels


@DOORS
@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"tags": "x" * 200}, "has 200 characters; the limit is 64."),
        ({"tags": ",".join(f"tag{number}" for number in range(51))}, "There are 51 tags; the limit is 50."),
        ({"description": "x" * 2_001}, "The description has 2,001 characters; the limit is 2,000."),
        ({"visibility": "everybody"}, "it must be one of private, shared, public."),
        ({"description": "a\x00b"}, "Null characters are not allowed."),
    ],
    ids=["long tag", "many tags", "long description", "visibility", "nul"],
)
def test_wrong_labels_are_refused_before_anything_is_stored(alice, data_dir, url, fields, words):
    response = send(alice, file_of("a.png", drawn_picture()), url=url, **fields)

    assert response.status_code == 400
    assert words in response.content.decode()
    assert_nothing_stored(data_dir)


def test_wrong_labels_stay_in_the_form(alice):
    response = send(alice, file_of("a.png", drawn_picture()), tags="x" * 200, description="keep this")

    page = response.content.decode()
    assert "x" * 200 in page
    assert "keep this" in page
    assert 'aria-invalid="true"' in page


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("cat, dog ,, cat,CAT", ["cat", "dog"]),
        ("猫，狗、鸟；鱼", ["猫", "狗", "鱼", "鸟"]),
        (" , ，; ", []),
    ],
    ids=["commas", "full-width commas", "only commas"],
)
def test_tags_are_told_apart(alice, typed, kept):
    send(alice, file_of("a.png", drawn_picture()), tags=typed)

    assert sorted(tag.name for tag in Image.objects.get().tags.all()) == sorted(kept)


def test_picture_that_cannot_be_encoded_is_added_and_said(alice, quick_worker):
    quick_worker.works = False

    response = send(alice, file_of("a.png", drawn_picture()), url=UPLOAD_FILE)

    assert response.status_code == 201
    assert (response.json()["message"], response.json()["is_waiting"]) == ("Added.", True)
    assert Image.objects.get().search_status == "pending"


def test_result_page_asks_as_much_for_three_files_as_for_one(alice, upload):
    """The page itself asks nothing per file; a file that is there already is one question, in a transaction.

    What is sent is counted, by two statements.
    """
    contents = [drawn_picture(colour) for colour in ("red", "green", "blue")]
    for content in contents:
        upload(alice, content=content)

    per_file = [queries_of(lambda count=count: send(alice, *map(file_of, "abc", contents[:count]))) for count in (1, 3)]

    assert per_file[1] - per_file[0] == 2 * (3 + 2)


def queries_of(act: Callable[[], object]) -> int:
    with CaptureQueriesContext(connection) as queries:
        act()
    return len(queries)
