"""Importing folders: what is counted, what is ignored, and that running it again is always right."""

import hashlib
import os
from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from gallery.errors import EncoderUnavailable, StorageFull, shown
from gallery.models import OPERATOR, Image, Job
from gallery.services import import_pipeline
from gallery.services.curation import move_to_trash
from gallery.services.importing import Source, find_files, import_files
from gallery.services.labels import Labels, check_labels
from gallery.services.maintenance import verify
from gallery.services.search import find_images
from tests.conftest import acting, drawn_picture
from tests.searches import request_for

COLOURS = ("red", "lime", "blue", "yellow", "gray")


@pytest.fixture
def folder(tmp_path) -> Path:
    """Five pictures, one of them a second time, one more in a folder below, and what is no picture."""
    folder = tmp_path / "pictures"
    (folder / "below").mkdir(parents=True)
    (folder / ".hidden").mkdir()
    for colour in COLOURS:
        (folder / f"{colour}.png").write_bytes(drawn_picture(colour))
    (folder / "again.png").write_bytes(drawn_picture("red"))
    (folder / "below" / "black.png").write_bytes(drawn_picture("black"))
    (folder / ".hidden" / "white.png").write_bytes(drawn_picture("white"))
    (folder / "notes.txt").write_text("no picture")
    (folder / "film.mp4").write_bytes(b"\x00" * 3_000)
    (folder / "empty").touch()
    (folder / "photo.jpg").write_text("says that it is a picture")
    (folder / "broken.png").write_bytes(drawn_picture("white")[:60])
    (folder / "without-suffix").write_bytes(drawn_picture("white"))
    return folder


def run(folder: Path, owner, *, recursive: bool = False, **labels):
    return import_files(
        find_files([folder], recursive=recursive), owner=owner, labels=check_labels(**labels), by=OPERATOR
    )


def test_every_file_is_counted_once(alice, folder, quick_encoder, data_dir):
    report = run(folder, alice, tags="colour", visibility="public")

    assert (report.added, report.duplicates, report.ignored) == (6, 1, 3)  # notes.txt, empty and .hidden
    assert [Path(failure.path).name for failure in report.failed] == ["broken.png", "photo.jpg"]
    skipped = [(Path(each.path).name, each.reason.code) for each in report.skipped]
    assert skipped == [("below", "sub_folder"), ("film.mp4", "video")]
    assert all(str(failure.error) for failure in report.failed)
    assert report.images_per_second > 0
    assert Image.objects.tagged(["colour"]).filter(visibility="public", owner=alice).count() == 6
    assert sorted(Image.objects.values_list("original_name", flat=True))[-1] == "yellow.png"
    assert find_images(request_for("blue", top=1), by=acting(alice)).results[0].image.original_name == "blue.png"
    found = verify()
    assert (found.ok, found.indexed, found.pending) == (True, 6, 0)


def test_folders_below_are_looked_into_when_asked(alice, folder, quick_encoder):
    assert run(folder, alice, recursive=True).added == 7


def test_a_second_run_adds_nothing_and_embeds_nothing_again(alice, folder, quick_encoder):
    run(folder, alice)
    encoded = quick_encoder.encoded

    report = run(folder, alice)

    assert (report.added, report.duplicates, len(report.failed)) == (0, 7, 2)
    assert quick_encoder.encoded == encoded == 6


def test_one_owners_pictures_are_no_duplicates_of_anothers(alice, bob, folder, quick_encoder):
    run(folder, alice)

    assert run(folder, bob).added == 6
    assert verify().ok


def test_leftovers_of_a_killed_run_are_embedded_by_the_next(alice, folder, quick_encoder):
    run(folder, alice)
    Image.objects.filter(original_name__in=["lime.png", "blue.png"]).update(embedding_row=None)
    encoded = quick_encoder.encoded

    report = run(folder, alice)

    assert (report.added, report.duplicates) == (0, 7)
    assert quick_encoder.encoded == encoded + 2
    assert Image.objects.pending().count() == 0


def test_what_lies_in_the_trash_stays_there_and_is_named(alice, folder, quick_encoder):
    run(folder, alice, tags="first")
    move_to_trash(Image.objects.filter(original_name="lime.png"), by=OPERATOR)

    report = run(folder, alice, tags="again", visibility="public")

    assert (report.added, report.duplicates, report.failed) == (0, 7, report.failed)
    [skipped] = [each for each in report.skipped if each.reason.code == "in_trash"]
    assert (Path(skipped.path).name, skipped.reason.code) == ("lime.png", "in_trash")
    assert [image.original_name for image in Image.objects.trashed()] == ["lime.png"]
    assert not Image.objects.tagged(["again"]).exists()
    assert not Image.objects.filter(visibility="public").exists()


def test_what_lies_in_the_trash_of_another_is_added(alice, bob, folder, quick_encoder):
    run(folder, alice)
    move_to_trash(Image.objects.all(), by=OPERATOR)

    report = run(folder, bob)

    assert (report.added, {each.reason.code for each in report.skipped}) == (6, {"sub_folder", "video"})


def test_a_picture_trashed_while_an_import_runs_stays_in_the_trash(alice, folder, quick_encoder, monkeypatch):
    """It is read as new, then uploaded by its owner and deleted, and only then stored."""
    real = import_pipeline.store_picture

    def overtaken(file, facts, small, **options):
        if not Image.objects.exists():
            real(file, facts, small, **options | {"job": None, "labels": Labels("mine")})
            move_to_trash(Image.objects.all(), by=OPERATOR)
        return real(file, facts, small, **options)

    monkeypatch.setattr(import_pipeline, "store_picture", overtaken)

    report = run(folder, alice, tags="import")

    in_trash = [each for each in report.skipped if each.reason.code == "in_trash"]
    assert (report.added, report.duplicates, len(in_trash)) == (5, 2, 2)
    [image] = Image.objects.trashed()
    assert (image.description, list(image.tags.all())) == ("mine", [])


def test_a_lost_original_comes_back(alice, folder, quick_encoder, data_dir):
    run(folder, alice)
    lost = Image.objects.get(original_name="blue.png")
    path = next((data_dir / "media" / "originals").rglob(f"{lost.sha256}*"))
    path.unlink()
    assert not verify().ok

    run(folder, alice)

    assert path.read_bytes() == drawn_picture("blue")
    assert verify().ok


def test_a_run_is_noted_with_its_counts(alice, folder, quick_encoder):
    run(folder, alice)

    job = Job.objects.get()
    assert (job.owner, job.status, job.subject) == (alice, "finished", str(folder))
    assert (job.kind, job.total, job.done, job.failed) == ("import", 11, 11, 2)
    assert job.details == {"added": 6, "duplicates": 1, "ignored": 3}
    assert (job.items.failed().count(), job.items.skipped().count()) == (2, 2)
    assert job.finished_at is not None


def test_a_run_that_was_killed_is_said_to_be_interrupted_by_the_next(alice, folder, quick_encoder):
    killed = Job.objects.create(kind="import", owner=alice, subject=str(folder), status="running", total=12)

    run(folder, alice)

    assert list(Job.objects.order_by("pk").values_list("status", flat=True)) == ["interrupted", "finished"]
    killed.refresh_from_db()
    assert killed.finished_at is not None


def test_a_full_disk_ends_the_run_and_the_next_one_finishes_it(alice, folder, quick_encoder, monkeypatch):
    import errno

    real, calls = os.rename, []

    def fills_up(source, target):
        calls.extend([source] if "media" in Path(source).parts else [])
        if len(calls) > 5:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(source, target)

    monkeypatch.setattr(os, "rename", fills_up)
    with pytest.raises(StorageFull):
        run(folder, alice)
    monkeypatch.undo()
    stopped = Job.objects.get()
    assert (stopped.status, stopped.failure.code) == ("failed", "storage_full")

    run(folder, alice)

    assert Image.objects.count() == 6
    found = verify()
    assert (found.ok, found.pending) == (True, 0)


def test_an_encoder_that_is_missing_stops_before_anything_is_read(alice, folder, limits_of):
    limits_of(encoder="clip:/nonexistent")

    with pytest.raises(EncoderUnavailable):
        run(folder, alice)

    assert (Image.objects.count(), Job.objects.count()) == (0, 0)


# Files and paths


def test_a_named_file_is_never_ignored(alice, folder, quick_encoder):
    report = import_files(
        find_files([folder / "notes.txt", folder / "red.png"], recursive=False),
        owner=alice,
        labels=Labels(),
        by=OPERATOR,
    )

    assert (report.added, report.ignored) == (1, 0)
    assert [failure.path for failure in report.failed] == [str(folder / "notes.txt")]


@pytest.mark.parametrize("name", ["missing.png", "n" * 300, "a/b/c", "zero\0"])
def test_a_path_that_cannot_be_fails_and_the_others_come_in(alice, folder, quick_encoder, name):
    found = find_files([folder / name, folder / "red.png"], recursive=False)
    report = import_files(found, owner=alice, labels=Labels(), by=OPERATOR)

    assert report.added == 1
    assert [failure.path for failure in report.failed] == [str(folder / name).replace("\0", "")]


def test_pipes_and_dead_links_do_not_stop_a_run(alice, folder, quick_encoder):
    os.mkfifo(folder / "pipe")
    os.mkfifo(folder / "pipe.png")
    (folder / "dead").symlink_to(folder / "nowhere")
    (folder / "dead.png").symlink_to(folder / "nowhere")
    (folder / "linked.png").symlink_to(folder / "below" / "black.png")

    report = run(folder, alice)

    assert (report.added, report.ignored) == (7, 5)
    failed = {Path(failure.path).name: str(failure.error) for failure in report.failed}
    assert sorted(failed) == ["broken.png", "dead.png", "photo.jpg", "pipe.png"]
    assert "not a regular file" in failed["pipe.png"]


def test_a_large_file_is_ignored_unless_it_claims_to_be_a_picture(alice, folder, quick_encoder, limits_of):
    limits_of(max_upload_bytes=2_000)
    (folder / "large.png").write_bytes(drawn_picture() + b"\x00" * 3_000)

    report = run(folder, alice)

    failed = {Path(failure.path).name: str(failure.error) for failure in report.failed}
    assert sorted(failed) == ["broken.png", "large.png", "photo.jpg"]
    assert "2,000" in failed["large.png"]
    assert report.ignored == 3  # film.mp4 among them


def test_a_name_that_is_no_utf8_is_shown_as_far_as_it_can_be(alice, tmp_path, quick_encoder):
    strange = os.fsdecode(b"caf\xe9")
    folder = tmp_path / strange
    folder.mkdir()
    (folder / (strange + ".png")).write_bytes(drawn_picture())
    (folder / (strange + ".jpg")).write_bytes(b"broken")

    report = run(folder, alice)

    assert report.added == 1
    assert report.failed[0].path.endswith("caf\ufffd/caf\ufffd.jpg")
    assert Image.objects.get().original_name == "caf\ufffd.png"
    assert Job.objects.get().subject == shown(folder)
    assert find_files([folder / (strange + ".png")], recursive=False).sources == (
        Source(folder / (strange + ".png"), named=True),
    )


def many_pictures(folder: Path, count: int) -> Path:
    folder.mkdir()
    for number in range(count):
        (folder / f"{number}.png").write_bytes(drawn_picture(f"rgb({number}, 0, 0)"))
    return folder


def test_the_encoder_begins_before_a_whole_batch_is_there(alice, tmp_path, quick_encoder, monkeypatch):
    sizes, real = [], quick_encoder.encode_images

    def encode_images(images):
        sizes.append(len(images))
        return real(images)

    monkeypatch.setattr(quick_encoder, "encode_images", encode_images)

    report = run(many_pictures(tmp_path / "many", 50), alice)

    assert (report.added, sizes) == (50, [4, 8, 16, 16, 6])


def test_new_files_are_looked_up_together(alice, tmp_path, quick_encoder, monkeypatch):
    monkeypatch.setattr(import_pipeline, "LOOKED_UP", 5)

    with CaptureQueriesContext(connection) as asked:
        run(many_pictures(tmp_path / "many", 12), alice)

    looked_up = [query for query in asked.captured_queries if query["sql"].startswith('SELECT "gallery_importedpath"')]
    assert len(looked_up) == 3


def test_a_new_file_is_stored_without_being_looked_for_in_the_library(alice, tmp_path, quick_encoder):
    files = many_pictures(tmp_path / "many", 3)

    with CaptureQueriesContext(connection) as asked:
        report = run(files, alice)

    looked_for = [query for query in asked.captured_queries if '"gallery_image"."md5" = ' in query["sql"]]
    assert (report.added, looked_for) == (3, [])


def test_a_file_is_known_by_its_md5_though_that_is_computed_once(alice, tmp_path, quick_encoder):
    folder = many_pictures(tmp_path / "many", 2)

    run(folder, alice)

    md5s = {hashlib.md5(path.read_bytes()).hexdigest() for path in folder.iterdir()}
    assert set(Image.objects.values_list("md5", flat=True)) == md5s
