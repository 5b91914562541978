"""One picture in, by the service behind every door: what is refused leaves nothing, what is odd still works."""

import errno
import os
import subprocess
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from django.conf import settings as django_settings
from django.db import OperationalError, connection, connections, transaction
from django.test.utils import CaptureQueriesContext
from PIL import Image as PillowImage

from gallery.error_messages import known_error
from gallery.errors import (
    BrokenPicture,
    ContentCollision,
    DatabaseBusy,
    DescriptionTooLong,
    EmptyFile,
    EncoderMismatch,
    EncoderUnavailable,
    FileTooLarge,
    InvalidVisibility,
    OriginalMissing,
    StorageFull,
    StorageNotWritable,
    TooManyFrames,
    TooManyPixels,
    TooManyTags,
    UnsupportedFormat,
)
from gallery.imaging import THUMBNAIL_SIZES_PX
from gallery.models import OPERATOR, Album, AlbumImage, AuditEntry, Image, QueryPicture
from gallery.retrieval.tree import Picture
from gallery.services.curation import (
    add_tags,
    delete_forever,
    embed_again,
    move_to_trash,
    relabel,
    remove_tags,
    retry_failed,
)
from gallery.services.embedding.claimed_images import embed_pending
from gallery.services.embedding.waiting_images import embed_images
from gallery.services.ingest import accept_upload
from gallery.services.labels import Labels, check_labels
from gallery.services.maintenance import verify
from gallery.services.media import open_original, open_thumbnail
from gallery.services.query_pictures import remember_picture
from gallery.services.search import find_images, similar_images
from tests.conftest import acting, drawn_picture, sample_bytes
from tests.picture_files import png_chunk, png_start
from tests.searches import request_for
from tests.waiting import PATIENCE_SECONDS

LONG_AGO = datetime(2001, 2, 3, 4, 5, 6, tzinfo=UTC)
SMALL_PX = THUMBNAIL_SIZES_PX[0]
pytestmark = pytest.mark.usefixtures("quick_encoder")


def bring_in(owner, content: bytes, name: str = "picture.png", **labels):
    return accept_upload(BytesIO(content), owner=owner, name=name, labels=check_labels(**labels), by=OPERATOR)


def media_files(data_dir: Path) -> list[str]:
    return sorted(path.name for path in (data_dir / "media").rglob("*") if path.is_file())


def saved(image: PillowImage.Image, format: str, **options) -> bytes:
    out = BytesIO()
    image.save(out, format, **options)
    return out.getvalue()


def bomb() -> bytes:
    """A few hundred bytes that promise 60,000 x 60,000 pixels."""
    start = png_start(60_000, 60_000, bits=8, colour_type=2)
    return start + png_chunk(b"IDAT", zlib.compress(b"\x00" * 100_000)) + png_chunk(b"IEND")


# Refused


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", EmptyFile),
        (b"just some text, whatever its name says\n" * 20, UnsupportedFormat),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", UnsupportedFormat),
        (b"%PDF-1.7 not a picture", UnsupportedFormat),
        (b"\x89PNG\r\n\x1a\n", BrokenPicture),
        (bomb(), TooManyPixels),
    ],
    ids=["empty", "text", "svg", "pdf", "only a signature", "bomb"],
)
def test_upload_that_is_no_good_picture_is_refused_and_leaves_nothing(alice, data_dir, content, kind):
    with pytest.raises(kind):
        bring_in(alice, content, "photo.jpg")

    assert Image.objects.count() == 0
    assert media_files(data_dir) == []


@pytest.mark.parametrize(("name", "share"), [("rocket.jpg", 0.3), ("rocket.jpg", 0.9), ("coffee.png", 0.5)])
def test_upload_that_is_cut_short_is_refused(alice, data_dir, name, share):
    content = sample_bytes(name)

    with pytest.raises(BrokenPicture) as caught:
        bring_in(alice, content[: int(len(content) * share)], name)

    assert caught.value.details["format"] in ("JPEG", "PNG")
    assert (Image.objects.count(), media_files(data_dir)) == (0, [])


def test_limits_are_named_with_value_and_limit(alice, limits_of):
    picture = drawn_picture(size=(40, 30))
    limits_of(max_upload_bytes=len(picture) - 1)
    with pytest.raises(FileTooLarge) as too_large:
        bring_in(alice, picture)
    limits_of(max_upload_bytes=len(picture), max_pixels=40 * 30 - 1)
    with pytest.raises(TooManyPixels) as too_many:
        bring_in(alice, picture)
    limits_of(max_pixels=40 * 30)

    assert bring_in(alice, picture).created
    assert too_large.value.details == {"size_bytes": len(picture), "limit_bytes": len(picture) - 1}
    assert too_many.value.details == {"size_px": 1200, "limit_px": 1199}


def test_an_animation_of_too_many_frames_is_refused(alice, limits_of):
    limits_of(max_frames=2)

    with pytest.raises(TooManyFrames):
        bring_in(alice, animated_gif())


@pytest.mark.parametrize(
    ("labels", "kind"),
    [({"description": "x" * 2001}, DescriptionTooLong), ({"visibility": "secret"}, InvalidVisibility)],
)
def test_labels_are_checked_before_anything_is_stored(labels, kind):
    with pytest.raises(kind):
        check_labels(**labels)


@pytest.mark.parametrize("kept", ["می\u200cخواهم", "क्\u200dष", "👨\u200d👩\u200d👧", "❤\ufe0f", "1\ufe0f\u20e3"])
def test_labels_keep_what_holds_letters_and_emoji_together(kept):
    labels = check_labels(description=kept, tags=kept)

    assert (labels.description, labels.tags) == (kept, (kept,))


def test_labels_lose_what_turns_the_direction_of_a_line():
    labels = check_labels(description="a\u202eb\u2067\u200ec", tags=["a\u202eb", "\u200e\u2069", "\u200d"])

    assert (labels.description, labels.tags) == ("abc", ("ab",))


def test_description_loses_what_no_database_keeps():
    assert check_labels(description=" a\x00b\ud800\r\nc ").description == "ab\nc"


# Odd, but good


def animated_gif() -> bytes:
    frames = [PillowImage.new("RGB", (32, 24), colour) for colour in ("red", "lime", "blue")]
    return saved(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=100, loop=0)


def rotated_jpeg() -> bytes:
    """A picture that is taller than wide once its EXIF orientation is followed."""
    exif = PillowImage.Exif()
    exif[0x0112] = 6
    return saved(PillowImage.new("RGB", (60, 40), "red"), "JPEG", exif=exif)


def sixteen_bit() -> bytes:
    return saved(PillowImage.fromarray(np.full((24, 32), 65_535, dtype=np.uint16)), "PNG")


ODD = {
    "cmyk": (lambda: saved(PillowImage.new("CMYK", (32, 24), (0, 255, 255, 0)), "JPEG"), (32, 24), "red"),
    "16-bit": (sixteen_bit, (32, 24), "white"),
    "palette": (lambda: saved(PillowImage.new("RGB", (32, 24), "lime").quantize(4), "PNG"), (32, 24), "lime"),
    "grey": (lambda: saved(PillowImage.new("L", (32, 24), 255), "PNG"), (32, 24), "white"),
    "one bit": (lambda: saved(PillowImage.new("1", (32, 24), 0), "PNG"), (32, 24), "black"),
    "transparent": (lambda: saved(PillowImage.new("RGBA", (32, 24), (0, 0, 0, 0)), "PNG"), (32, 24), "white"),
    "rotated": (rotated_jpeg, (40, 60), "red"),
    "animated": (animated_gif, (32, 24), "red"),
    "one pixel": (lambda: drawn_picture("blue", size=(1, 1)), (1, 1), "blue"),
    "very wide": (lambda: drawn_picture("blue", size=(5000, 2)), (5000, 2), "blue"),
    "bmp": (lambda: drawn_picture("blue", format="BMP"), (64, 48), "blue"),
    "webp": (lambda: drawn_picture("blue", format="WEBP"), (64, 48), "blue"),
    "tiff": (lambda: drawn_picture("blue", format="TIFF"), (64, 48), "blue"),
}


@pytest.mark.parametrize("kind", ODD)
def test_odd_pictures_become_searchable_by_what_they_show(alice, kind):
    make, size, colour = ODD[kind]
    others = ("red", "lime", "blue", "white", "black")
    for other in others:
        if other != colour:
            bring_in(alice, drawn_picture(other, size=(20, 20)))
    content = make()

    image = bring_in(alice, content).image

    image.refresh_from_db()
    assert image.search_status == "searchable"
    assert (image.width_px, image.height_px) == size
    assert find_images(request_for(colour, top=1), by=acting(alice)).image_ids == [image.pk]
    with open_original(image) as original, open_thumbnail(image, SMALL_PX) as small:
        assert original.read() == content
        assert PillowImage.open(small).format == "WEBP"


def test_an_animation_keeps_its_frames_and_is_searched_by_the_first(alice):
    image = bring_in(alice, animated_gif(), "film.gif").image

    assert (image.format, image.frame_count) == ("GIF", 3)
    page = find_images(request_for("red"), by=acting(alice))
    assert page.results[0].score > 0.99


def test_upload_is_decoded_once_for_facts_and_thumbnails_and_once_for_its_vector(alice, decoded):
    content = drawn_picture()

    image = bring_in(alice, content).image

    image.refresh_from_db()
    assert image.is_searchable
    assert decoded == [len(content)] * 2


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../etc/passwd.png", "passwd.png"),
        ("C:\\Users\\me\\cat.png", "cat.png"),
        ("/absolute.png", "absolute.png"),
        ("🐈 猫.png", "🐈 猫.png"),
        ("cafe\u0301.png", "café.png"),
        ("a\x00b\x1f\u202e.png", "ab.png"),
        ("x\ud800.png", "x.png"),
        ("n" * 300 + ".png", "n" * 251 + ".png"),
        ("n" * 300, "n" * 255),
        ("猫" * 300 + ".jpeg", "猫" * 250 + ".jpeg"),
        (" .hidden.png ", ".hidden.png"),
        ("می\u200cخواهم.png", "می\u200cخواهم.png"),
        ("क्\u200dष.png", "क्\u200dष.png"),
        ("👨\u200d👩\u200d👧 ❤\ufe0f.png", "👨\u200d👩\u200d👧 ❤\ufe0f.png"),
        ("🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f.png",) * 2,
        ("\u202egpj.exe\u2066\u200f\u061c\ufeff.png", "gpj.exe.png"),
        ("東京\u3000塔.png", "東京\u3000塔.png"),
        ("\U0001fae8.png", "\U0001fae8.png"),
        ("caf\udce9.png", "caf\ufffd.png"),
        ("e\u200e\u0301.png", "é.png"),
    ],
)
def test_file_names_are_made_fit_for_showing(alice, name, shown):
    image = bring_in(alice, drawn_picture(), name).image

    assert Image.objects.get(pk=image.pk).original_name == shown


@pytest.mark.parametrize("name", ["", "..", "/", "\\", "\x00", "   ", "a/..", "\u200d", "\u200c.", "\ufe0f", "\u3164"])
def test_a_name_that_says_nothing_becomes_the_md5(alice, name):
    image = bring_in(alice, drawn_picture(), name).image

    assert image.original_name == f"{image.md5}.png"


# The same again


def test_the_same_bytes_again_are_the_same_picture_with_its_first_labels(alice, data_dir):
    first = bring_in(alice, drawn_picture(), description="first", tags="a")
    files = media_files(data_dir)

    again = bring_in(alice, drawn_picture(), "other.png", description="second", tags="b")

    assert (first.created, again.created) == (True, False)
    assert again.image == first.image
    assert again.image.description == "first"
    assert [tag.name for tag in again.image.tags.all()] == ["a"]
    assert media_files(data_dir) == files


def test_upload_restores_what_lies_in_the_trash_as_it_was(alice):
    first = bring_in(alice, drawn_picture(), "mine.png", description="first", tags="a", visibility="public").image
    place = AlbumImage.objects.create(album=Album.objects.create(owner=alice, title="Trip"), image=first)
    Image.objects.filter(pk=first.pk).update(created_at=LONG_AGO)
    move_to_trash(Image.objects.filter(pk=first.pk), by=OPERATOR)

    again = bring_in(alice, drawn_picture(), "other.png", description="second", tags="b")

    assert (again.created, again.restored, again.image.pk) == (False, True, first.pk)
    fresh = Image.objects.get(pk=first.pk)
    assert (fresh.trashed_at, fresh.created_at) == (None, LONG_AGO)
    assert (fresh.original_name, fresh.description, fresh.visibility) == ("mine.png", "first", "public")
    assert [tag.name for tag in fresh.tags.all()] == ["a"]
    assert list(Image.objects.in_album(place.album)) == [fresh]


def test_restoring_by_an_upload_is_written_down_as_a_restoration(alice):
    image = bring_in(alice, drawn_picture()).image
    move_to_trash(Image.objects.filter(pk=image.pk), by=OPERATOR)

    bring_in(alice, drawn_picture(), description="second")

    assert [entry.verb for entry in AuditEntry.objects.order_by("pk")] == ["added", "trashed", "restored"]
    assert list(AuditEntry.objects.get(verb="restored").after) == ["trashed_at"]


def test_upload_of_a_failed_picture_tries_it_again(alice):
    image = bring_in(alice, drawn_picture(), description="kept").image
    Image.objects.filter(pk=image.pk).update(embedding_row=None, embed_error="encoding_failed")

    again = bring_in(alice, drawn_picture())

    assert (again.created, again.image.search_status, again.image.description) == (False, "searchable", "kept")


def test_upload_of_a_failed_picture_in_the_trash_restores_it_and_tries_it_again(alice):
    image = bring_in(alice, drawn_picture(), description="kept").image
    Image.objects.filter(pk=image.pk).update(embedding_row=None, embed_error="encoding_failed")
    move_to_trash(Image.objects.filter(pk=image.pk), by=OPERATOR)

    again = bring_in(alice, drawn_picture())

    assert (again.restored, again.image.search_status, again.image.description) == (True, "searchable", "kept")


def test_upload_restores_a_picture_whose_original_was_lost_in_the_trash(alice, data_dir):
    image = bring_in(alice, drawn_picture(), description="kept").image
    move_to_trash(Image.objects.filter(pk=image.pk), by=OPERATOR)
    original_file(data_dir, image).unlink()

    assert bring_in(alice, drawn_picture()).image.description == "kept"
    assert verify().problems == ()


def test_the_same_md5_with_other_content_is_refused_and_its_files_go_away(alice, data_dir):
    image = bring_in(alice, drawn_picture("red")).image
    files = media_files(data_dir)
    other = drawn_picture("blue")
    import hashlib

    Image.objects.filter(pk=image.pk).update(md5=hashlib.md5(other).hexdigest())

    with pytest.raises(ContentCollision):
        bring_in(alice, other)
    assert media_files(data_dir) == files


UPLOAD_CHILD = """
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
import django
django.setup()
from django.conf import settings
from django.db import connections
folder, database, user, picture = sys.argv[1:]
connections.settings["default"]["NAME"] = database
settings.GALLERY = {**settings.GALLERY, "data_dir": Path(folder)}
settings.MEDIA_ROOT = Path(folder) / "media"
from gallery.encoders import registry
from gallery.models import OPERATOR, User
from gallery.services.ingest import Labels, accept_upload
from tests.quick_encoder import QuickEncoder
registry.use_encoder(QuickEncoder())
owner = User.objects.get(username=user)
content = Path(picture).read_bytes()
print("ready", flush=True)
sys.stdin.readline()
upload = accept_upload(BytesIO(content), owner=owner, name="same.png", labels=Labels(), by=OPERATOR)
print(upload.image.pk, upload.created)
"""


def test_the_same_picture_uploaded_by_processes_at_the_same_moment_is_one_row_and_one_file(
    alice, bob, data_dir, tmp_path
):
    picture = tmp_path / "same.png"
    picture.write_bytes(sample_bytes("coffee.png"))
    database = str(connection.settings_dict["NAME"])
    children = [
        subprocess.Popen(
            [sys.executable, "-c", UPLOAD_CHILD, str(data_dir), database, user, str(picture)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings", "PYTHONPATH": str(django_settings.BASE_DIR)},
            cwd=django_settings.BASE_DIR,
        )
        for user in ("alice", "alice", "bob")
    ]
    for child in children:
        assert child.stdout.readline() == "ready\n"
    for child in children:
        child.stdin.write("\n")
        child.stdin.flush()
    said = [child.communicate(timeout=PATIENCE_SECONDS)[0].split() for child in children]

    assert said[0][0] == said[1][0] != said[2][0]
    assert sorted(created for _pk, created in said[:2]) == ["False", "True"]
    assert Image.objects.filter(owner=alice).count() == Image.objects.filter(owner=bob).count() == 1
    assert len([path for path in (data_dir / "media" / "originals").rglob("*") if path.is_file()]) == 1
    assert embed_pending().failed == 0
    assert verify().problems == ()


# The original is gone


def original_file(data_dir: Path, image: Image) -> Path:
    return next((data_dir / "media" / "originals").rglob(f"{image.sha256}*"))


def test_a_lost_original_is_said_and_the_thumbnails_still_serve(alice, data_dir):
    image = bring_in(alice, drawn_picture()).image
    original_file(data_dir, image).unlink()

    with pytest.raises(OriginalMissing):
        open_original(image)
    with open_thumbnail(image, SMALL_PX) as small:
        assert PillowImage.open(small).size == (64, 48)
    assert find_images(request_for("red"), by=acting(alice)).image_ids == [image.pk]

    embed_again(Image.objects.filter(pk=image.pk), by=OPERATOR)

    image.refresh_from_db()
    assert image.search_status == "failed"
    assert "no longer in the storage" in image.failure.message
    assert find_images(request_for("red"), by=acting(alice)).image_ids == []


def test_uploading_again_brings_a_lost_original_back_as_the_error_promises(alice, data_dir):
    image = bring_in(alice, drawn_picture()).image
    original_file(data_dir, image).unlink()
    embed_again(Image.objects.filter(pk=image.pk), by=OPERATOR)

    again = bring_in(alice, drawn_picture())

    assert again.created is False
    image.refresh_from_db()
    assert image.search_status == "searchable"
    with open_original(image) as file:
        assert file.read() == drawn_picture()
    assert verify().problems == ()


def test_uploading_again_replaces_an_original_that_was_cut_short(alice, data_dir):
    image = bring_in(alice, drawn_picture()).image
    original_file(data_dir, image).write_bytes(b"")
    embed_again(Image.objects.filter(pk=image.pk), by=OPERATOR)

    again = bring_in(alice, drawn_picture())

    assert again.created is False
    image.refresh_from_db()
    assert image.search_status == "searchable"
    with open_original(image) as file:
        assert file.read() == drawn_picture()
    assert verify().problems == ()


def test_an_upload_of_another_owner_replaces_an_original_that_was_cut_short(alice, bob, data_dir):
    image = bring_in(alice, drawn_picture()).image
    original_file(data_dir, image).write_bytes(drawn_picture()[:10])

    bring_in(bob, drawn_picture())

    with open_original(image) as file:
        assert file.read() == drawn_picture()


def test_a_lost_thumbnail_is_made_again_and_without_its_original_it_is_said(alice, data_dir):
    image = bring_in(alice, drawn_picture()).image
    for path in (data_dir / "media" / "thumbnails").rglob("*.webp"):
        path.unlink()
    with open_thumbnail(image, SMALL_PX) as small:
        assert PillowImage.open(small).size == (64, 48)

    for path in (data_dir / "media").rglob(f"{image.sha256}*"):
        path.unlink()
    with pytest.raises(OriginalMissing):
        open_thumbnail(image, SMALL_PX)


def test_an_unreadable_original_does_not_stop_the_queue(alice, data_dir, monkeypatch, quick_worker):
    quick_worker.works = False
    first, _second = (bring_in(alice, drawn_picture(colour)).image for colour in ("red", "blue"))
    real = open_original

    def fault(image):
        if image.pk == first.pk:
            raise OSError(errno.EIO, "Input/output error")
        return real(image)

    monkeypatch.setattr("gallery.services.embedding.isolated_batches.open_original", fault)
    report = embed_pending()
    monkeypatch.undo()

    assert (report.embedded, report.failed) == (1, 1)
    assert "Input/output error" in str(report.failures[0].error)
    assert list(Image.objects.pending()) == [first]  # the disk may be well again tomorrow


def test_a_bad_vector_fails_its_own_picture_only(alice, quick_encoder, monkeypatch, quick_worker):
    quick_worker.works = False
    images = [bring_in(alice, drawn_picture(colour)).image for colour in ("red", "lime", "blue")]
    real = quick_encoder.encode_images
    monkeypatch.setattr(quick_encoder, "encode_images", lambda pixels: real(pixels) * [[1], [np.nan], [1]])
    report = embed_images([image.pk for image in images])
    monkeypatch.undo()

    assert (report.embedded, report.failed) == (2, 1)
    assert [image.search_status for image in Image.objects.order_by("pk")] == ["searchable", "failed", "searchable"]
    assert retry_failed(Image.objects.all(), by=OPERATOR) == 1
    assert embed_pending().embedded == 1


# The disk


def full_disk(*_args, **_kwargs):
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("moment", ["fsync", "rename"])
def test_a_full_disk_stores_nothing(alice, data_dir, monkeypatch, moment):
    monkeypatch.setattr(os, moment, full_disk)
    with pytest.raises(StorageFull):
        bring_in(alice, drawn_picture())
    monkeypatch.undo()

    assert (Image.objects.count(), media_files(data_dir)) == (0, [])
    assert bring_in(alice, drawn_picture()).created


def test_a_disk_that_fills_up_between_original_and_thumbnail_stores_nothing(alice, bob, data_dir, monkeypatch):
    bobs = bring_in(bob, drawn_picture("blue")).image
    real = os.rename
    monkeypatch.setattr(
        os, "rename", lambda source, target: full_disk() if ".webp" in str(source) else real(source, target)
    )
    with pytest.raises(StorageFull):
        bring_in(alice, drawn_picture("red"))
    with open_original(bobs) as file:  # what somebody else uses is not tidied away
        assert file.read()
    for path in (data_dir / "media" / "thumbnails").rglob("*.webp"):
        path.unlink()
    with pytest.raises(StorageFull):
        bring_in(alice, drawn_picture("blue"))
    monkeypatch.undo()

    assert Image.objects.filter(owner=alice).count() == 0
    assert media_files(data_dir) == [f"{bobs.sha256}.png"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small disk")
def test_a_really_full_disk(alice, data_dir):
    media = data_dir / "media"
    media.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", media]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("this container may not mount")
    try:
        with pytest.raises(StorageFull):
            bring_in(alice, sample_bytes("coffee.png"))
        assert (Image.objects.count(), media_files(data_dir)) == (0, [])
        assert bring_in(alice, drawn_picture()).created
    finally:
        subprocess.run(["umount", media], check=True)


def test_a_data_folder_that_cannot_be_written_is_said(alice, data_dir):
    (data_dir / "media").write_bytes(b"in the way")

    with pytest.raises(StorageNotWritable) as caught:
        bring_in(alice, drawn_picture())

    assert str(data_dir) in caught.value.details["path"]
    assert Image.objects.count() == 0


def test_a_read_only_data_folder_is_said(alice, data_dir, monkeypatch):
    def read_only(*_args, **_kwargs):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(os, "open", read_only)
    with pytest.raises(StorageNotWritable, match="Read-only"):
        bring_in(alice, drawn_picture())


@contextmanager
def written_by_another(table: str) -> Iterator[None]:
    """Let somebody else hold what a writer of the table needs, and let this connection wait for a moment only."""
    other = connections.create_connection("default")
    impatient = {"sqlite": "PRAGMA busy_timeout = 100", "postgresql": "SET lock_timeout = 100"}[connection.vendor]
    hold = {"sqlite": "UPDATE {} SET id = id", "postgresql": "LOCK TABLE {} IN EXCLUSIVE MODE"}[connection.vendor]
    with connection.cursor() as cursor:
        cursor.execute(impatient)
    try:
        other.set_autocommit(False)
        other.cursor().execute(hold.format(table))
        yield
    finally:
        other.rollback()
        other.close()
        connection.close()  # the next one is as patient as ever


def test_a_locked_database_is_busy_and_nothing_is_saved(alice, data_dir):
    with written_by_another("gallery_image"), pytest.raises(OperationalError) as caught:
        bring_in(alice, drawn_picture())

    assert isinstance(known_error(caught.value), DatabaseBusy)
    assert (Image.objects.count(), media_files(data_dir)) == (0, [])
    assert bring_in(alice, drawn_picture()).created


# The encoder is missing


def test_upload_waits_in_the_queue_while_the_encoder_is_missing(alice, limits_of):
    limits_of(encoder="clip:/nonexistent")

    image = bring_in(alice, drawn_picture()).image

    image.refresh_from_db()
    assert image.search_status == "pending"
    with pytest.raises(EncoderUnavailable):
        find_images(request_for("red"), by=acting(alice))
    with pytest.raises(EncoderUnavailable):
        embed_pending()

    limits_of(encoder="offline")
    assert embed_pending().embedded == 1
    assert find_images(request_for("red"), by=acting(alice)).image_ids == [image.pk]

    limits_of(encoder="clip:/nonexistent")
    with pytest.raises(EncoderMismatch):
        find_images(request_for("red"), by=acting(alice))


def test_uploading_a_waiting_picture_again_tries_again(alice, limits_of):
    limits_of(encoder="clip:/nonexistent")
    image = bring_in(alice, drawn_picture()).image
    limits_of(encoder="offline")

    bring_in(alice, drawn_picture())

    image.refresh_from_db()
    assert image.search_status == "searchable"


# Searching with a picture


def test_a_query_picture_is_kept_clean_and_follows_a_change_of_encoder(alice, quick_encoder, monkeypatch):
    image = bring_in(alice, drawn_picture("blue")).image
    bring_in(alice, drawn_picture("red"))

    kept = remember_picture(BytesIO(drawn_picture("blue", size=(30, 30))), name="a\x00b\ud800.png")
    assert QueryPicture.objects.get().name == "ab.png"
    assert find_images(request_for(Picture(kept.pk), top=1), by=acting(alice)).image_ids == [image.pk]

    QueryPicture.objects.update(encoder_revision="older", vector=b"\x00" * 8)
    kept.refresh_from_db()
    assert find_images(request_for(Picture(kept.pk), top=1), by=acting(alice)).image_ids == [image.pk]


def test_similar_of_a_waiting_picture_is_none(alice, limits_of):
    limits_of(encoder="clip:/nonexistent")
    image = bring_in(alice, drawn_picture()).image

    assert similar_images(image, by=acting(alice)) is None


# Curation


def test_labels_and_tags_are_changed_for_many(alice):
    images = [bring_in(alice, drawn_picture(colour), tags="old").image for colour in ("red", "blue")]

    assert add_tags(Image.objects.all(), "New, old", by=OPERATOR) == 2
    assert remove_tags(Image.objects.filter(pk=images[0].pk), "OLD", by=OPERATOR) == 1
    relabel(images[1], Labels("told", ("only",), "public"), by=OPERATOR)

    assert [tag.name for tag in images[0].tags.all()] == ["New"]
    assert [tag.name for tag in images[1].tags.all()] == ["only"]


def test_tags_are_not_added_beyond_the_limit_of_a_picture(alice):
    full = bring_in(alice, drawn_picture("red"), tags=[f"tag {number}" for number in range(50)]).image
    empty = bring_in(alice, drawn_picture("blue")).image

    with pytest.raises(TooManyTags) as caught:
        add_tags(Image.objects.all(), "one more", by=OPERATOR)

    assert caught.value.details == {"count": 51, "limit": 50}
    assert (full.tags.count(), empty.tags.count()) == (50, 0)
    assert add_tags(Image.objects.all(), "tag 0", by=OPERATOR) == 2


def test_tags_are_added_with_the_same_number_of_queries_for_one_and_three(alice, django_assert_num_queries):
    bring_in(alice, drawn_picture("red"))
    add_tags(Image.objects.all(), "warm", by=OPERATOR)
    with CaptureQueriesContext(connection) as one:
        add_tags(Image.objects.all(), "a, b", by=OPERATOR)
    for colour in ("lime", "blue"):
        bring_in(alice, drawn_picture(colour))

    with django_assert_num_queries(len(one)):
        add_tags(Image.objects.all(), "c, d", by=OPERATOR)


def test_deleting_many_takes_rows_vectors_and_files(alice, bob, data_dir, monkeypatch):
    monkeypatch.setattr("gallery.services.curation.BATCH", 2)
    for colour in ("red", "lime", "blue", "yellow", "gray"):
        bring_in(alice, drawn_picture(colour))
    kept = bring_in(bob, drawn_picture("red")).image

    assert delete_forever(Image.objects.filter(owner=alice), by=OPERATOR) == 5

    assert list(Image.objects.all()) == [kept]
    assert len(media_files(data_dir)) == 3
    assert verify().problems == ()


def test_deleting_a_picture_that_waits_needs_no_index(alice, data_dir, limits_of):
    limits_of(encoder="clip:/nonexistent")
    bring_in(alice, drawn_picture())

    assert delete_forever(Image.objects.all(), by=OPERATOR) == 1
    assert (Image.objects.count(), media_files(data_dir)) == (0, [])


def test_a_nudge_waits_for_the_commit(alice):
    with transaction.atomic():
        image = bring_in(alice, drawn_picture()).image
        assert Image.objects.get(pk=image.pk).search_status == "pending"

    assert Image.objects.get(pk=image.pk).search_status == "searchable"
