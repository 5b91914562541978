"""Writing a testbed folder: the testbed's own logic reads it, and it appears whole or not at all."""

import hashlib
import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from gallery.encoders.clip import ClipEncoder
from gallery.errors import EncoderMismatch, FolderNotEmpty, FolderNotWritable, NotTestbedEncoder, StorageFull
from gallery.models import OPERATOR, Image, IndexState
from gallery.search_index import reset_search_index, search_index
from gallery.services.curation import move_to_trash
from gallery.testbed import export_testbed, exporting, folder_writing, import_testbed, read_index
from tests.conftest import drawn_picture, sample_bytes
from tests.integration.test_commands import manage
from tests.testbed_folder import ClipOfTheTestbed, Testbed, write_folder
from tests.unit.encoders.tiny_models import save_tiny_clip

COLOURS = ("red", "lime", "blue", "yellow", "gray", "black")


@pytest.fixture
def library(alice, upload, wide_encoder):
    """Six pictures of alice's, as somebody uploaded them."""
    for colour in COLOURS:
        content = drawn_picture(colour)
        upload(alice, f"{colour}.png", content=content, description=f"ein Bild: {colour} 颜色", tags=["绘", colour])
    return alice


def by_name(folder: Path) -> dict[str, dict]:
    index = json.loads((folder / "image_index.json").read_text(encoding="utf-8"))
    return {entry["original_name"]: entry for entry in index["images"].values()}


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# Both ways


def test_the_testbed_loads_and_searches_it(library, tmp_path, wide_encoder):
    report = export_testbed(tmp_path / "out", by=OPERATOR)

    old = Testbed(tmp_path / "out")
    assert (report.images, report.skipped) == (6, ())
    assert old.index["total_images"] == len(old.index["images"]) == 6
    assert datetime.fromisoformat(old.index["last_updated"]) <= datetime.now(UTC)
    assert (old.embeddings.shape, old.embeddings.dtype) == ((6, 512), np.float32)
    assert np.allclose(np.linalg.norm(old.embeddings, axis=1), 1)
    assert sorted(entry["embedding_index"] for entry in old.index["images"].values()) == list(range(6))
    for colour in COLOURS:
        md5 = hashlib.md5(drawn_picture(colour)).hexdigest()
        assert old.search(wide_encoder.encode_texts([colour])[0])[0] == md5
        entry = dict(old.index["images"][md5])
        assert Path(entry.pop("stored_path")).read_bytes() == drawn_picture(colour)
        image = Image.objects.get(md5=md5)
        assert datetime.fromisoformat(entry.pop("created_at")) == image.created_at
        assert sorted(entry.pop("tags")) == sorted(["绘", colour])
        entry.pop("embedding_index")
        assert entry == {
            "id": md5,
            "original_name": f"{colour}.png",
            "description": f"ein Bild: {colour} 颜色",
            "width": 64,
            "height": 48,
            "file_size": len(drawn_picture(colour)),
            "format": "PNG",
        }


def test_there_and_back_again_nothing_changes(library, bob, tmp_path, wide_encoder):
    """From a folder into a library, out again, and into another owner's library: the same words and vectors."""
    first = write_folder(
        tmp_path / "first", {"猫.jpg": sample_bytes("rocket.jpg")}, ClipOfTheTestbed(), tags=["a", "b"]
    )
    import_testbed(first, read_index(first), owner=library, by=OPERATOR)
    export_testbed(tmp_path / "out", owner=library, by=OPERATOR)
    report = import_testbed(tmp_path / "out", read_index(tmp_path / "out"), owner=bob, by=OPERATOR)

    assert (report.added, report.vectors_taken, report.reembedded, report.failed, report.warnings) == (7, 7, 0, (), ())
    for mine in Image.objects.filter(owner=library):
        theirs = Image.objects.get(owner=bob, md5=mine.md5)
        for field in ("original_name", "description", "created_at", "format", "width_px", "height_px", "sha256"):
            assert getattr(mine, field) == getattr(theirs, field)
        assert set(mine.tags.all()) == set(theirs.tags.all())
        vectors = search_index().vectors([mine.pk, theirs.pk])[1]
        assert np.array_equal(vectors[0], vectors[1])


# What is left out


def test_another_encoders_library_is_refused_with_the_remedies(alice, upload, quick_encoder, tmp_path):
    upload(alice, "red.png", content=drawn_picture("red"))

    with pytest.raises(NotTestbedEncoder, match=r"reindex --encoder clip, or add --without-vectors"):
        export_testbed(tmp_path / "out", by=OPERATOR)
    assert list(tmp_path.glob("*out*")) == []

    report = export_testbed(tmp_path / "out", with_vectors=False, by=OPERATOR)
    assert report.images == 1
    assert names(tmp_path / "out") == sorted([f"{Image.objects.get().md5}.png", "image_index.json"])
    assert by_name(tmp_path / "out")["red.png"]["embedding_index"] is None


def test_an_index_of_512_numbers_of_another_model_is_refused(library, tmp_path):
    for other in ("clip:OFA-Sys/chinese-clip-vit-base-patch16", "offline", "clip:/no/folder"):
        IndexState.objects.update(encoder_id=other)
        with pytest.raises(NotTestbedEncoder, match=other):
            export_testbed(tmp_path / "out", by=OPERATOR)


def test_what_cannot_be_written_is_skipped_with_its_reason(library, tmp_path, upload, data_dir):
    upload(library, "photo.webp", content=drawn_picture("white", format="WEBP"))
    move_to_trash(Image.objects.filter(original_name="black.png"), by=OPERATOR)
    search_index().forget_rows(Image.objects.filter(original_name="red.png").embedding_rows().tolist())
    search_index().forget_rows(Image.objects.filter(original_name="lime.png").embedding_rows().tolist())
    Image.objects.filter(original_name="lime.png").update(embed_error="no")
    for name, content in {"blue.png": None, "gray.png": b"changed"}.items():
        sha256 = Image.objects.get(original_name=name).sha256
        path = next((data_dir / "media" / "originals").rglob(f"{sha256}*"))
        path.unlink() if content is None else path.write_bytes(content)

    report = export_testbed(tmp_path / "out", by=OPERATOR)

    assert list(by_name(tmp_path / "out")) == ["yellow.png"]
    reasons = {skipped.name: str(skipped.error).split("exported: ")[1] for skipped in report.skipped}
    assert reasons == {
        "photo.webp": "such a folder holds no WEBP files.",
        "red.png": "it has no vector yet; run: manage.py embed_pending.",
        "lime.png": "it could not be embedded; --without-vectors exports it.",
        "blue.png": "its original file is gone.",
        "gray.png": "its original file is damaged.",
    }
    assert Testbed(tmp_path / "out").embeddings.shape == (1, 512)


def test_the_same_bytes_of_two_owners_are_one_picture_with_the_older_ones_labels(library, bob, upload, tmp_path):
    upload(bob, "rot.png", content=drawn_picture("red"), description="bob's")
    upload(bob, "white.png", content=drawn_picture("white"))

    assert export_testbed(tmp_path / "all", by=OPERATOR).images == 7
    assert export_testbed(tmp_path / "bob", owner=bob, by=OPERATOR).images == 2

    assert "red.png" in by_name(tmp_path / "all")
    assert "rot.png" not in by_name(tmp_path / "all")
    assert by_name(tmp_path / "bob")["rot.png"]["description"] == "bob's"


def test_anothers_picture_stands_in_for_one_that_cannot_be_written(library, bob, upload, tmp_path):
    upload(bob, "rot.png", content=drawn_picture("red"))
    search_index().forget_rows(Image.objects.filter(original_name="red.png").embedding_rows().tolist())

    report = export_testbed(tmp_path / "out", by=OPERATOR)

    assert (report.images, report.skipped) == (6, ())
    assert "rot.png" in by_name(tmp_path / "out")


def test_an_empty_library_is_an_empty_folder_that_can_be_read(alice, wide_encoder, tmp_path):
    assert export_testbed(tmp_path / "out", by=OPERATOR).images == 0

    assert Testbed(tmp_path / "out").embeddings.shape == (0, 512)
    assert import_testbed(tmp_path / "out", read_index(tmp_path / "out"), owner=alice, by=OPERATOR).added == 0


def test_export_asks_the_database_as_often_for_three_pictures_as_for_one(alice, upload, wide_encoder, tmp_path):
    counts = []
    for n, colours in enumerate((["red"], ["lime", "blue"])):
        for colour in colours:
            upload(alice, f"{colour}.png", content=drawn_picture(colour), tags=[colour])
        with CaptureQueriesContext(connection) as queries:
            export_testbed(tmp_path / str(n), by=OPERATOR)
        counts.append(len(queries))

    assert counts[0] == counts[1]


# Whole or not at all


def test_nothing_is_written_over(library, tmp_path):
    full = tmp_path / "full"
    full.mkdir()
    (full / "mine.txt").write_text("mine")
    file = tmp_path / "file"
    file.write_text("mine")

    for taken in (full, file):
        with pytest.raises(FolderNotEmpty, match="not an empty folder"):
            export_testbed(taken, by=OPERATOR)

    assert names(full) == ["mine.txt"]
    assert file.read_text() == "mine"
    with pytest.raises(FolderNotEmpty):
        export_testbed(file / "below", by=OPERATOR)


def test_an_empty_folder_a_link_to_one_and_missing_parents_are_fine(library, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "linked").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "linked")

    for target in ("empty", "link", "a/b/c"):
        assert export_testbed(tmp_path / target, by=OPERATOR).images == 6
        assert len(names(tmp_path / target)) == 8


def test_files_that_came_meanwhile_are_not_written_over(library, tmp_path, monkeypatch):
    def arrive(_moment: str) -> None:
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "mine.txt").write_text("mine")

    monkeypatch.setattr(folder_writing, "crash_point", arrive)
    with pytest.raises(FolderNotEmpty):
        export_testbed(tmp_path / "out", by=OPERATOR)

    assert names(tmp_path) == ["data", "out"]
    assert names(tmp_path / "out") == ["mine.txt"]


@pytest.mark.parametrize(("number", "error"), [(28, StorageFull), (5, FolderNotWritable), (30, FolderNotWritable)])
def test_a_disk_that_fails_leaves_nothing(library, tmp_path, monkeypatch, number, error):
    def fail(*_args: object) -> None:
        raise OSError(number, "the disk says no")

    monkeypatch.setattr(exporting, "write_synced", fail)
    with pytest.raises(error):
        export_testbed(tmp_path / "out", by=OPERATOR)

    assert names(tmp_path) == ["data"]


def test_what_a_killed_run_left_is_removed(library, tmp_path):
    (tmp_path / ".out.imagesearch-export").mkdir()
    (tmp_path / ".out.imagesearch-export" / "image_index.json").write_text("{")

    assert export_testbed(tmp_path / "out", by=OPERATOR).images == 6

    assert names(tmp_path) == ["data", "out"]


def test_an_index_that_moves_to_another_encoder_meanwhile_ends_the_run(library, tmp_path, monkeypatch):
    real = exporting._batches

    def moving(images):
        for batch in real(images):
            IndexState.objects.update(encoder_revision="other")
            yield batch

    monkeypatch.setattr(exporting, "_batches", moving)
    with pytest.raises(EncoderMismatch):
        export_testbed(tmp_path / "out", by=OPERATOR)

    assert names(tmp_path) == ["data"]


# The commands, as other programs use them


def test_both_commands_with_a_real_model_in_a_folder(tmp_path):
    """A folder made with a CLIP model, one library of the same weights, one of the offline encoder."""
    model = save_tiny_clip(tmp_path / "model", dimension=512)
    pictures = {name: sample_bytes(name) for name in ("chelsea.png", "coffee.png", "rocket.jpg")}
    folder = write_folder(tmp_path / "testbed", pictures, ClipEncoder(str(model)), tags=["照片"])
    same, offline = tmp_path / "same", tmp_path / "offline"
    clip = {"IMAGESEARCH_ENCODER": f"clip:{model}", "HF_HUB_OFFLINE": "1"}
    for data in (same, offline):
        assert manage(data, "migrate", "--verbosity", "0").status == 0

    brought = manage(same, "import_testbed", folder, "--json", **clip).report
    out = manage(same, "export_testbed", tmp_path / "out", "--json", **clip).report
    refused = manage(offline, "import_testbed", folder, "--json")
    again = manage(offline, "import_testbed", tmp_path / "out", "--reembed", "--json").report
    not_out = manage(offline, "export_testbed", tmp_path / "no", "--json")

    assert (brought["added"], brought["duplicates"], brought["failed"], brought["vectors_taken"]) == (3, 0, [], 3)
    assert (out["images"], out["skipped"]) == (3, [])
    before, after = Testbed(folder), Testbed(tmp_path / "out")
    for md5, entry in after.index["images"].items():
        query = before.embeddings[before.index["images"][md5]["embedding_index"]]
        assert np.array_equal(after.embeddings[entry["embedding_index"]], query)
        assert after.search(query)[0] == md5
    assert "--reembed" in refused.sentence
    assert (again["added"], again["reembedded"], again["failed"]) == (3, 3, [])
    assert "--without-vectors" in not_out.sentence
    assert not (tmp_path / "no").exists()
    assert manage(offline, "search_images", "a cat", "--json").report["results"][0]["name"] == "chelsea.png"


def test_the_commands_speak_to_people(library, tmp_path, capsys):
    call_command("export_testbed", tmp_path / "out", "--owner", "alice", verbosity=0)
    shutil.rmtree(tmp_path / "data")
    reset_search_index()
    Image.objects.all().delete()
    IndexState.objects.all().delete()
    next((tmp_path / "out").glob("*.png")).unlink()
    call_command("import_testbed", tmp_path / "out", "--owner", "alice", verbosity=0)

    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("6 pictures written, 0 skipped, in ")
    assert lines[1].startswith("5 added, 0 already there, 1 failed; 5 vectors taken over, 0 computed, in ")
    assert lines[2].endswith("cannot be read: it does not exist.")
