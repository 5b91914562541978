"""What a folder on a disk is taken for: nothing in it stops the rest, and nothing is left out in silence."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gallery.models import OPERATOR, Image, Job, JobItem
from gallery.services.import_jobs import SkippedFile
from gallery.services.importing import find_files, import_files
from gallery.services.labels import Labels
from gallery.services.sidecars import Sidecars
from tests.conftest import drawn_picture

NOBODY = 65_534
LEFT_IN = (
    "@eaDir/SYNOPHOTO_THUMB_M.jpg",
    "#recycle/deleted.jpg",
    "$RECYCLE.BIN/$R1.jpg",
    "System Volume Information/a.jpg",
    "lost+found/a.jpg",
    ".Trash-1000/files/a.jpg",
    ".Trashes/501/a.jpg",
    ".thumbnails/normal/a.png",
    "__MACOSX/a.jpg",
    ".git/a.jpg",
    "Library Previews.LRDATA/a.jpg",
    "._photo.jpg",
    ".DS_Store",
    "THUMBS.DB",
    "photo.jpg.bak",
    "photo.jpg_original",
    "photo.jpg~",
)


def write(folder: Path, *names: str, content: bytes = b"x") -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


@pytest.fixture
def folder(tmp_path) -> Path:
    folder = tmp_path / "pictures"
    write(folder, "photo.jpg", content=drawn_picture("red", format="JPEG"))
    return folder


def names_of(found) -> list[str]:
    return [source.path.name for source in found.sources]


def kinds(skipped: tuple[SkippedFile, ...]) -> dict[str, str]:
    return {Path(each.path).name: each.reason.code for each in skipped}


def find(*paths: Path, recursive: bool = True):
    return find_files(paths, recursive=recursive)


def test_what_cannot_be_read_fails_alone(alice, folder, quick_encoder, tmp_path):
    """Root may read everything, so that this asks a process that is nobody's."""
    write(folder, "open/blue.png", content=drawn_picture("blue"))
    write(folder, "closed/lime.png", "secret.png", "secret", content=drawn_picture("lime"))
    for path in (*folder.rglob("*"), folder, tmp_path, *tmp_path.parents[:3]):
        path.chmod(path.stat().st_mode | 0o055)
    for name in ("closed", "secret.png", "secret"):
        (folder / name).chmod(0)
    code = f"""
import os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
import django; django.setup()
from pathlib import Path
from gallery.services.importing import _File, find_files
from gallery.services.decode_limits import decode_limits
from gallery.services.labels import Labels
if os.getuid() == 0: os.setgid({NOBODY}); os.setuid({NOBODY})
found = find_files([Path({str(folder)!r})], recursive=True)
print([Path(each.path).name for each in found.failed])
for source in found.sources:
    try:
        print(source.path.name, _File(source, Labels()).read(decode_limits()) is not None)
    except Exception as error:
        print(source.path.name, type(error).__name__)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.stdout.splitlines() == [
        "['closed']",
        "photo.jpg True",
        "secret UnreadablePath",
        "secret.png UnreadablePath",
        "blue.png True",
    ], done.stderr


def test_a_folder_that_breaks_while_it_is_listed_fails_alone(alice, folder, quick_encoder, monkeypatch):
    write(folder, "a/blue.png", "b/lime.png", content=drawn_picture("blue"))
    real = os.scandir

    def breaks(path):
        if Path(path).name == "a":
            raise OSError(5, "Input/output error")
        return real(path)

    monkeypatch.setattr(os, "scandir", breaks)
    report = import_files(find(folder), owner=alice, labels=Labels(), by=OPERATOR)

    assert report.added == 2
    assert [(failure.path, failure.error.code) for failure in report.failed] == [(str(folder / "a"), "unreadable_path")]
    assert str(JobItem.objects.get().reason).endswith("cannot be read: Input/output error.")


def test_a_file_that_vanishes_after_the_walk_fails_alone(alice, folder, quick_encoder):
    write(folder, "gone.png", content=drawn_picture("blue"))
    found = find(folder)
    (folder / "gone.png").unlink()

    report = import_files(found, owner=alice, labels=Labels(), by=OPERATOR)

    assert report.added == 1
    assert [failure.path for failure in report.failed] == [str(folder / "gone.png")]


def test_a_folder_too_deep_for_a_path_fails_alone(folder):
    deep, levels = os.open(folder, os.O_RDONLY), 30
    for _level in range(levels):
        os.mkdir("d" * 200, dir_fd=deep)
        inner = os.open("d" * 200, os.O_RDONLY, dir_fd=deep)
        os.close(deep)
        deep = inner
    os.close(deep)

    found = find(folder)

    assert names_of(found) == ["photo.jpg"]
    assert [failure.error.message.rsplit(": ")[-1] for failure in found.failed] == ["File name too long."]


def test_leftovers_are_left_out_and_counted_and_a_named_one_comes_in(folder):
    write(folder, *LEFT_IN)

    assert names_of(find(folder)) == ["photo.jpg"]
    assert find(folder).ignored == len(LEFT_IN)
    assert names_of(find(folder / "@eaDir", folder / "photo.jpg.bak")) == ["SYNOPHOTO_THUMB_M.jpg", "photo.jpg.bak"]


def test_the_list_of_leftovers_is_a_setting(folder, limits_of):
    write(folder, "photo.jpg.bak", "Draft 1.jpg")

    limits_of(import_ignore=("draft *",))
    assert names_of(find(folder)) == ["photo.jpg", "photo.jpg.bak"]
    limits_of(import_ignore=())
    assert find(folder).ignored == 0


def test_other_files_are_skipped_by_kind(alice, folder, quick_encoder):
    write(folder, "film.MP4", "voice.m4a", "scan.pdf", "all.zip", "art.psd", "alone.GPR", "PHOTO.DNG", "photo.jpg.cr3")
    write(folder, "photo.aae", "photo.xmp", "film.thm", "photo.jpg.supplemental-metadata.json", "film.MP4.json")
    write(folder, "settings.json", "notes.txt")

    report = import_files(find(folder), owner=alice, labels=Labels(), by=OPERATOR)

    assert (report.added, report.ignored, report.failed) == (1, 2, ())  # settings.json, notes.txt
    assert kinds(report.skipped) == {
        "film.MP4": "video",
        "voice.m4a": "audio",
        "scan.pdf": "document",
        "all.zip": "archive",
        "art.psd": "other_format",
        "alone.GPR": "raw",
        "PHOTO.DNG": "raw_beside_picture",
        "photo.jpg.cr3": "raw_beside_picture",
        "photo.aae": "sidecar",
        "photo.xmp": "sidecar",
        "film.thm": "sidecar",
        "photo.jpg.supplemental-metadata.json": "sidecar",
        "film.MP4.json": "sidecar",
    }
    job = Job.objects.get()
    assert (job.details["ignored"], job.items.skipped().count()) == (2, 13)


def test_a_raw_file_is_brought_in_where_no_picture_of_its_name_is(folder):
    write(folder, "alone.NEF", "photo.NEF")

    found = find(folder)

    assert names_of(found) == ["alone.NEF", "photo.jpg"]
    assert kinds(found.skipped) == {"photo.NEF": "raw_beside_picture"}


# Folders and links


def test_sub_folders_are_named_unless_they_are_looked_into(folder):
    write(folder, "a/blue.png", "b/lime.png")
    (folder / "link").symlink_to(folder / "b")

    found = find(folder, folder / "a", recursive=False)

    assert names_of(found) == ["photo.jpg", "blue.png"]
    assert kinds(found.skipped) == {"b": "sub_folder", "link": "sub_folder"}


def test_linked_folders_are_followed_once_by_the_path_of_their_own(folder, tmp_path):
    write(tmp_path, "elsewhere/lime.png", "elsewhere/deep/gray.png")
    write(folder, "z/blue.png")
    (folder / "a-link").symlink_to(folder / "z")
    (folder / "first").symlink_to(tmp_path / "elsewhere")
    (folder / "second").symlink_to(tmp_path / "elsewhere")

    found = find(folder)

    assert [str(source.path.relative_to(folder)) for source in found.sources] == [
        "photo.jpg",
        "z/blue.png",
        "first/lime.png",
        "first/deep/gray.png",
    ]
    assert kinds(found.skipped) == {"a-link": "known_folder", "second": "known_folder"}


def test_links_that_lead_back_are_named_and_nothing_above_is_looked_into(folder, tmp_path):
    write(tmp_path, "not-asked-for.png")
    (folder / "below").mkdir()
    for name, target in (("self", "."), ("parent", ".."), ("below/up", "../.."), ("root", "/")):
        (folder / name).symlink_to(target)
    (folder / "circle").symlink_to("circle")

    found = find(folder)

    assert names_of(found) == ["circle", "photo.jpg"]
    assert kinds(found.skipped) == {"self": "loop", "parent": "loop", "up": "loop", "root": "loop"}


def test_trees_that_link_to_each_other_end(folder):
    write(folder, "a/blue.png", "b/lime.png")
    (folder / "a" / "to-b").symlink_to(folder / "b")
    (folder / "b" / "to-a").symlink_to(folder / "a")

    found = find(folder / "a")

    assert names_of(found) == ["blue.png", "lime.png"]
    assert kinds(found.skipped) == {"to-a": "known_folder"}


def test_the_sites_own_files_are_never_brought_in(tmp_path, data_dir):
    write(data_dir, "media/originals/aa/picture.png")
    write(tmp_path, "photo.png")

    found = find(tmp_path)

    assert names_of(found) == ["photo.png"]
    assert kinds(found.skipped) == {"data": "own_files"}


def test_a_folder_of_oddities_is_imported_and_told_in_json(alice, folder, quick_encoder):
    odd = os.fsdecode(b"gr\xfc\xdfe \xff")
    write(
        folder,
        f"{odd}/{odd}.png",
        "line\nbreak.png",
        "\u202egnp.png",
        "a" * 251 + ".png",
        content=drawn_picture("blue"),
    )
    write(folder, f"{odd}/{odd}.jpg", f"{odd}/{odd}.mp4")
    os.mkfifo(folder / "pipe.png")
    (folder / "dead.png").symlink_to("nowhere")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.path.relpath(folder / "socket.png"))

    report = import_files(find(folder), owner=alice, labels=Labels(), by=OPERATOR)

    assert (report.added, report.duplicates) == (2, 3)
    failed = {Path(failure.path).name for failure in report.failed}
    assert failed == {"pipe.png", "dead.png", "socket.png", "gr��e �.jpg"}
    assert kinds(report.skipped) == {"gr��e �.mp4": "video"}
    json.dumps([failure.path for failure in report.failed]).encode()
    assert all(name.isprintable() for name in Image.objects.values_list("original_name", flat=True))


# Sidecars


@pytest.mark.parametrize(
    ("picture", "sidecar"),
    [
        ("IMG_1.jpg", "IMG_1.jpg.xmp"),
        ("IMG_1.JPG", "img_1.XMP"),
        ("IMG_1.jpg", "IMG_1.jpg.json"),
        ("IMG_1.jpg", "IMG_1.jpg.supplemental-metadata.json"),
        ("IMG_1.jpg", "IMG_1.jpg.supplemental-meta.json"),
        ("IMG_1(2).jpg", "IMG_1.jpg(2).json"),
        ("IMG_1(2).jpg", "IMG_1.jpg.supplemental-metadata(2).json"),
        ("IMG_1-edited.jpg", "IMG_1.jpg.json"),
        ("IMG_1.jpg", "IMG_1.json"),
        (f"{'n' * 60}.jpg", f"{'n' * 46}.json"),
        (f"{'n' * 38}.jpg", f"{'n' * 38}.jpg.su.json"),
    ],
)
def test_sidecar_is_found_beside_its_picture(picture, sidecar):
    assert Sidecars([picture, sidecar, "other.xmp", "other.jpg.json"]).of(picture) == (sidecar,)


@pytest.mark.parametrize("other", ["IMG_10.jpg.json", "IMG_1.jpg(2).json", "IMG_1.png.json", "IMG_1.jpg.other.json"])
def test_sidecar_of_another_picture_is_none(other):
    assert Sidecars(["IMG_1.jpg", other]).of("IMG_1.jpg") == ()


def test_sidecars_come_the_most_particular_first(folder):
    write(folder, "photo.xmp", "photo.jpg.json", "photo.jpg.xmp")

    (walked,), (named,) = find(folder).sources, find(folder / "photo.jpg").sources

    assert [path.name for path in walked.sidecars] == ["photo.jpg.xmp", "photo.xmp", "photo.jpg.json"]
    assert walked.sidecars == named.sidecars


@given(st.lists(st.text(st.sampled_from("aB1().-é"), min_size=1, max_size=60)))
def test_sidecars_of_any_names_lie_in_the_folder(stems):
    names = [stem + suffix for stem in stems for suffix in (".jpg", ".json", ".jpg.json", ".xmp")]

    assert all(set(Sidecars(names).of(name)) <= set(names) for name in names)
