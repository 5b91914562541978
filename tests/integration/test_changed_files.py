"""Files that were edited in place, or written over, since they were imported."""

import os
from io import BytesIO
from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from PIL import Image as PillowImage
from PIL import ImageEnhance

from gallery.imaging.likeness import look_alike
from gallery.models import (
    OPERATOR,
    Album,
    AlbumImage,
    AuditEntry,
    Image,
    ImportedPath,
    Job,
    Visibility,
)
from gallery.services.changed_files import OnChange
from gallery.services.curation import delete_forever, move_to_trash, relabel
from gallery.services.importing import find_files, import_files
from gallery.services.labels import check_labels
from tests.conftest import drawn_picture, sample_bytes

KEEP, REPLACE = OnChange.KEEP, OnChange.REPLACE


def edited(name: str = "chelsea.png", factor: float = 1.4) -> bytes:
    """Return a sample picture made brighter."""
    out = BytesIO()
    with PillowImage.open(BytesIO(sample_bytes(name))) as picture:
        ImageEnhance.Brightness(picture.convert("RGB")).enhance(factor).save(out, "PNG")
    return out.getvalue()


def with_date(colour: str) -> bytes:
    exif = PillowImage.Exif()
    exif.get_ifd(0x8769)[0x9003] = "2020:05:06 07:08:09"
    out = BytesIO()
    PillowImage.new("RGB", (64, 48), colour).save(out, "JPEG", exif=exif)
    return out.getvalue()


@pytest.fixture
def folder(tmp_path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    (folder / "cat.png").write_bytes(sample_bytes("chelsea.png"))
    return folder


def run(folder: Path, owner, on_change: OnChange = KEEP, **labels):
    found = find_files([folder], recursive=True)
    return import_files(found, owner=owner, labels=check_labels(**labels), by=OPERATOR, on_change=on_change)


def labelled(image: Image) -> Image:
    """Let a person write on it."""
    labels = check_labels(description="Our cat", tags="cat,home", visibility="public")
    relabel(image, labels, by=OPERATOR)
    return image


def tags(image: Image) -> list[str]:
    return sorted(image.tags.values_list("name", flat=True))


def test_edited_file_is_reported_and_both_pictures_stay_with_their_labels(alice, folder, quick_encoder):
    run(folder, alice)
    first = labelled(Image.objects.get())
    (folder / "cat.png").write_bytes(edited())

    report = run(folder, alice, tags="import")

    second = Image.objects.exclude(pk=first.pk).get()
    [changed] = report.changed
    assert (report.added, changed.path, changed.image_id, changed.previous_id) == (
        1,
        str(folder / "cat.png"),
        second.pk,
        first.pk,
    )
    assert (changed.has_labels, changed.is_replaced) == (True, False)
    assert (second.description, tags(second), second.visibility) == ("Our cat", ["cat", "home", "import"], "private")
    first.refresh_from_db()
    assert (first.trashed_at, first.description, tags(first)) == (None, "Our cat", ["cat", "home"])
    job = Job.objects.first()
    [item] = job.items.changed()
    assert (item.item, item.details) == (changed.path, {"id": second.pk, "previous_id": first.pk})
    assert AuditEntry.objects.filter(verb="imported").first().after["changed"] == 1


def test_changed_file_is_told_once(alice, folder, quick_encoder):
    run(folder, alice)
    (folder / "cat.png").write_bytes(edited())
    run(folder, alice)

    assert run(folder, alice).changed == ()


def test_another_shot_under_a_used_name_gets_no_labels(alice, folder, quick_encoder):
    """As cameras name their files."""
    run(folder, alice)
    labelled(Image.objects.get())
    (folder / "cat.png").write_bytes(sample_bytes("coffee.png"))

    [changed] = run(folder, alice).changed

    assert not changed.has_labels
    assert Image.objects.get(pk=changed.image_id).description == ""


def test_an_edit_that_looks_different_is_known_by_its_moment(alice, folder, quick_encoder):
    (folder / "dated.jpg").write_bytes(with_date("red"))
    run(folder, alice)
    labelled(Image.objects.get(original_name="dated.jpg"))
    (folder / "dated.jpg").write_bytes(with_date("blue"))

    [changed] = run(folder, alice).changed

    assert changed.has_labels


def test_a_deleted_picture_keeps_its_labels_for_itself(alice, folder, quick_encoder):
    run(folder, alice)
    first = labelled(Image.objects.get())
    move_to_trash(Image.objects.all(), by=OPERATOR)
    (folder / "cat.png").write_bytes(edited())

    [changed] = run(folder, alice, REPLACE).changed

    assert (changed.previous_id, changed.has_labels, changed.is_replaced) == (first.pk, False, False)
    assert [image.description for image in Image.objects.live()] == [""]
    assert Image.objects.trashed().get() == first


def test_a_picture_deleted_for_good_is_forgotten(alice, folder, quick_encoder):
    run(folder, alice)
    delete_forever(Image.objects.all(), by=OPERATOR)
    assert not ImportedPath.objects.exists()
    (folder / "cat.png").write_bytes(edited())

    assert (run(folder, alice).changed, Image.objects.count()) == ((), 1)


def test_files_of_other_owners_and_other_places_are_not_connected(alice, bob, folder, quick_encoder, tmp_path):
    run(folder, alice)
    (folder / "cat.png").write_bytes(edited())
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "cat.png").write_bytes(edited(factor=0.6))

    assert run(folder, bob).changed == ()
    assert run(tmp_path / "elsewhere", alice).changed == ()


def test_a_file_is_known_through_a_linked_folder_and_by_any_bytes_of_its_name(alice, folder, quick_encoder, tmp_path):
    odd = folder / os.fsdecode(b"caf\xe9 \xff.png")
    (folder / "cat.png").rename(odd)
    run(folder, alice)
    odd.write_bytes(edited())
    (tmp_path / "link").symlink_to(folder)

    [changed] = run(tmp_path / "link", alice).changed

    assert changed.path.endswith("link/caf\ufffd \ufffd.png")
    assert bytes(ImportedPath.objects.get().path) == os.fsencode(odd)
    assert str(ImportedPath.objects.get()).endswith("caf\ufffd \ufffd.png")


def test_an_edit_undone_is_reported_and_changes_no_labels(alice, folder, quick_encoder):
    run(folder, alice)
    first = labelled(Image.objects.get())
    (folder / "cat.png").write_bytes(edited())
    [changed] = run(folder, alice).changed
    (folder / "cat.png").write_bytes(sample_bytes("chelsea.png"))

    report = run(folder, alice, tags="again")

    assert [(each.image_id, each.previous_id) for each in report.changed] == [(first.pk, changed.image_id)]
    assert (report.duplicates, tags(first)) == (1, ["cat", "home"])


def test_admin_shows_what_was_changed_and_what_was_skipped(alice, staff, folder, quick_encoder, client):
    run(folder, alice)
    (folder / "cat.png").write_bytes(edited())
    (folder / "film.mp4").touch()
    [changed] = run(folder, alice).changed
    client.force_login(staff)

    page = client.get(f"/admin/gallery/job/{Job.objects.first().pk}/change/").content.decode()

    assert f"<td>{folder}/cat.png</td><td>{changed.image_id}</td><td>{changed.previous_id}</td>" in page
    assert f"<td>{folder}/film.mp4</td><td>This is a video; only pictures are brought in.</td>" in page


# Replacing


def test_replacing_hands_over_labels_albums_and_rights_and_trashes_the_earlier(alice, folder, quick_encoder):
    run(folder, alice)
    first = labelled(Image.objects.get())
    album = Album.objects.create(owner=alice, title="Cats")
    AlbumImage.objects.create(album=album, image=first, position=7)
    (folder / "cat.png").write_bytes(edited())

    [changed] = run(folder, alice, REPLACE).changed

    second = Image.objects.get(pk=changed.image_id)
    assert (changed.has_labels, changed.is_replaced) == (True, True)
    assert (second.description, second.visibility) == ("Our cat", Visibility.PUBLIC)
    assert list(Image.objects.live().in_album(album)) == [second]
    assert AlbumImage.objects.get(image=second).position == 7
    assert Image.objects.trashed().get() == first
    verbs = set(AuditEntry.objects.values_list("verb", "object_kind"))
    assert {("trashed", "gallery.image"), ("changed", "gallery.album")} <= verbs


def test_replacing_keeps_what_another_file_holds_now(alice, folder, quick_encoder):
    """cat.png was renamed, and another picture saved under its name."""
    run(folder, alice)
    first = Image.objects.get()
    (folder / "cat.png").rename(folder / "moved.png")
    (folder / "cat.png").write_bytes(sample_bytes("coffee.png"))

    [changed] = run(folder, alice, REPLACE).changed

    assert (changed.previous_id, changed.is_replaced) == (first.pk, False)
    assert Image.objects.live().count() == 2


def test_replacing_files_that_swapped_their_names_trashes_none(alice, folder, quick_encoder):
    (folder / "cup.png").write_bytes(sample_bytes("coffee.png"))
    run(folder, alice)
    (folder / "cup.png").write_bytes(sample_bytes("chelsea.png"))
    (folder / "cat.png").write_bytes(sample_bytes("coffee.png"))

    report = run(folder, alice, REPLACE)

    assert [changed.is_replaced for changed in report.changed] == [False, False]
    assert (Image.objects.trashed().count(), run(folder, alice, REPLACE).changed) == (0, ())


def test_replacing_after_a_kill_is_done_by_the_next_run(alice, folder, quick_encoder, monkeypatch):
    run(folder, alice)
    first = labelled(Image.objects.get())
    (folder / "cat.png").write_bytes(edited())
    with monkeypatch.context() as killed:
        killed.setattr("gallery.services.changed_files.ChangedFiles.replace_previous", lambda _files: None)
        run(folder, alice, REPLACE)
    assert Image.objects.live().count() == 2

    [changed] = run(folder, alice, REPLACE).changed

    assert changed.is_replaced
    assert Image.objects.trashed().get() == first
    assert Image.objects.live().get().description == "Our cat"


def test_a_path_is_noted_in_the_transaction_of_its_picture(alice, folder, quick_encoder, monkeypatch):
    def fails(*_args):
        raise ZeroDivisionError

    monkeypatch.setattr("gallery.models.imported_path.ImportedPathQuerySet.remember", fails)
    with pytest.raises(ZeroDivisionError):
        run(folder, alice)

    assert not Image.objects.exists()


def test_a_known_file_costs_one_query_more_whatever_the_table_holds(alice, folder, quick_encoder):
    run(folder, alice)
    image = Image.objects.get()
    ImportedPath.objects.bulk_create(
        ImportedPath(owner=alice, path_sha256=f"{number:064}", path=b"x", image=image) for number in range(3)
    )
    with CaptureQueriesContext(connection) as queries:
        ImportedPath.objects.image_at(os.fsencode(folder / "cat.png"), owner_id=alice.pk)

    assert len(queries) == 1
    plan = ImportedPath.objects.filter(owner=alice, path_sha256="0").explain()
    assert (
        "(owner_id=? AND path_sha256=?)" in plan or connection.vendor == "postgresql"
    )  # small tables are scanned there


# Likeness


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (sample_bytes("chelsea.png"), edited(), True),
        (sample_bytes("chelsea.png"), edited(factor=0.6), True),
        (sample_bytes("chelsea.png"), sample_bytes("coffee.png"), False),
        (drawn_picture("red"), drawn_picture("#fa0202"), True),
        (drawn_picture("red"), drawn_picture("blue"), False),
        (drawn_picture("red"), sample_bytes("chelsea.png"), False),
        (drawn_picture("red"), drawn_picture("red", size=(48, 64)), False),
        (drawn_picture("red"), drawn_picture("red", size=(128, 96)), True),
    ],
)
def test_versions_of_a_picture_look_alike(first, second, expected):
    with PillowImage.open(BytesIO(first)) as one, PillowImage.open(BytesIO(second)) as other:
        assert look_alike(one, other) is expected
