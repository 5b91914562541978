"""Bringing a testbed folder in: what is whole comes in with its labels and vectors, what is not is listed."""

import hashlib
import json
import os
import shutil
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage

from gallery.errors import EncoderUnavailable, StorageFull, UnreadableTestbed, UnusableVectors
from gallery.models import OPERATOR, Image, IndexState, Job
from gallery.search_index import search_index
from gallery.services import import_pipeline
from gallery.services.curation import move_to_trash
from gallery.services.maintenance import verify
from gallery.services.search import find_images
from gallery.testbed import import_testbed, index_file, read_index
from tests.conftest import acting, drawn_picture, sample_bytes
from tests.searches import request_for
from tests.testbed_folder import ClipOfTheTestbed, change_index, entry_named, write_folder

COLOURS = ("red", "lime", "blue", "yellow", "gray", "black")


@pytest.fixture
def folder(tmp_path) -> Path:
    pictures = {f"{colour}.png": drawn_picture(colour) for colour in COLOURS}
    pictures["照片.jpg"] = drawn_picture("white", format="JPEG")
    return write_folder(tmp_path / "testbed", pictures, ClipOfTheTestbed(), description="一张图", tags=["颜色", "test"])


def run(folder: Path, owner, **options):
    return import_testbed(folder, read_index(folder), owner=owner, **options, by=OPERATOR)


def spoil(folder: Path, name: str, **values: object) -> None:
    change_index(folder, lambda index: entry_named(index, name).update(values))


def spoil_rows(folder: Path, change) -> None:
    rows = np.load(folder / "image_embeddings.npy")
    np.save(folder / "image_embeddings.npy", change(rows))


def path_of(folder: Path, name: str) -> Path:
    md5 = entry_named(json.loads((folder / "image_index.json").read_text(encoding="utf-8")), name)["id"]
    return next(folder.glob(f"{md5}.*"))


def assert_all_are_found(owner, names=COLOURS) -> None:
    for colour in names:
        [found] = find_images(request_for(colour, top=1), by=acting(owner)).results
        assert found.image.original_name == f"{colour}.png"
    assert verify().ok


# A whole folder


def test_everything_comes_in_without_encoding_it_again(alice, folder, wide_encoder):
    report = run(folder, alice)

    assert (report.added, report.duplicates, report.failed, report.warnings) == (7, 0, (), ())
    assert (report.vectors_taken, report.reembedded, report.unused_rows) == (7, 0, 0)
    assert wide_encoder.encoded == 14  # the sample, in two views
    assert_all_are_found(alice)
    image = Image.objects.get(original_name="照片.jpg")
    assert (image.owner, image.visibility, image.description) == (alice, "private", "一张图")
    assert sorted(tag.name for tag in image.tags.all()) == ["test", "颜色"]
    assert (image.format, image.width_px, image.height_px) == ("JPEG", 64, 48)
    assert image.created_at == datetime(2024, 5, 6, 7, 8, 9, 1241, tzinfo=UTC)


def test_vectors_are_those_of_the_folder(alice, folder, wide_encoder):
    theirs = np.load(folder / "image_embeddings.npy")
    run(folder, alice)

    images = [Image.objects.get(original_name=f"{colour}.png").pk for colour in COLOURS]
    ids, ours = search_index().vectors(images)

    assert ids.tolist() == images
    assert np.array_equal(ours, theirs[: len(COLOURS)])


def test_photos_that_we_read_otherwise_are_still_of_the_same_model(alice, tmp_path, wide_encoder):
    """Turned by their EXIF, transparent, larger than what we decode, with a colour profile."""
    out = BytesIO()
    exif = PillowImage.Exif()
    exif[0x0112] = 6
    PillowImage.open(BytesIO(sample_bytes("coffee.png"))).save(out, "JPEG", exif=exif, quality=95)
    clear = BytesIO()
    PillowImage.new("RGBA", (64, 48), (255, 0, 0, 60)).save(clear, "PNG")
    large = BytesIO()
    PillowImage.open(BytesIO(sample_bytes("chelsea.png"))).resize((3000, 2000)).save(large, "JPEG")
    pictures = {"turned.jpg": out.getvalue(), "clear.png": clear.getvalue(), "large.jpg": large.getvalue()}
    pictures["profile.jpg"] = sample_bytes("rocket.jpg")
    folder = write_folder(tmp_path / "testbed", pictures, ClipOfTheTestbed())

    report = run(folder, alice)

    assert (report.added, report.vectors_taken, report.warnings) == (4, 4, ())
    assert Image.objects.get(original_name="turned.jpg").width_px == 400


def test_of_a_large_folder_only_a_sample_is_encoded(alice, tmp_path, wide_encoder):
    pictures = {f"{hue}.png": drawn_picture(f"hsl({hue}, 80%, 50%)") for hue in range(0, 360, 10)}
    folder = write_folder(tmp_path / "testbed", pictures, ClipOfTheTestbed())

    report = run(folder, alice)

    assert (report.added, report.vectors_taken) == (36, 36)
    assert wide_encoder.encoded == 2 * 16


def test_a_second_run_adds_and_encodes_nothing(alice, folder, wide_encoder):
    run(folder, alice)
    Image.objects.filter(original_name="red.png").update(description="mine")

    report = run(folder, alice)

    assert (report.added, report.duplicates, report.vectors_taken, report.failed) == (0, 7, 0, ())
    assert Image.objects.get(original_name="red.png").description == "mine"
    assert IndexState.objects.current().row_count == 7


def test_what_a_killed_run_left_waiting_gets_its_vector(alice, folder, wide_encoder):
    run(folder, alice)
    search_index().forget_rows(
        Image.objects.filter(original_name__in=["red.png", "blue.png"]).embedding_rows().tolist()
    )

    report = run(folder, alice)

    assert (report.added, report.duplicates, report.vectors_taken) == (0, 7, 2)
    assert_all_are_found(alice)


def test_two_owners_each_get_the_pictures(alice, bob, folder, wide_encoder):
    run(folder, alice)

    assert run(folder, bob).added == 7
    assert_all_are_found(bob)


def test_what_is_in_the_trash_stays_there_and_is_named(alice, folder, wide_encoder):
    run(folder, alice)
    trashed = Image.objects.filter(original_name="red.png")
    trashed.update(description="mine", created_at=datetime(2001, 2, 3, tzinfo=UTC))
    move_to_trash(trashed, by=OPERATOR)
    before = trashed.values().get()

    report = run(folder, alice)

    assert (report.added, report.duplicates, report.failed) == (0, 7, ())
    assert [each.path for each in report.skipped] == [str(path_of(folder, "red.png"))]
    assert trashed.values().get() == before


def test_a_lost_original_comes_back(alice, folder, wide_encoder, data_dir):
    run(folder, alice)
    sha256 = Image.objects.get(original_name="red.png").sha256
    next((data_dir / "media" / "originals").rglob(f"{sha256}*")).unlink()

    run(folder, alice)

    assert verify().ok


def test_a_run_is_noted(alice, folder, wide_encoder):
    path_of(folder, "red.png").unlink()
    run(folder, alice)

    job = Job.objects.get()

    assert (job.status, job.total, job.done, job.details["added"], job.failed) == ("finished", 7, 7, 6, 1)
    assert job.subject == str(folder)


# Whose vectors are they?


def test_vectors_of_another_model_are_refused_before_anything_changes(alice, tmp_path, wide_encoder):
    pictures = {f"{colour}.png": drawn_picture(colour) for colour in COLOURS}
    folder = write_folder(tmp_path / "testbed", pictures, ClipOfTheTestbed(seed=1))

    with pytest.raises(UnusableVectors, match=r"other vectors for the same 6 pictures .* --reembed"):
        run(folder, alice)

    assert not Image.objects.exists()
    assert not Job.objects.exists()
    assert not IndexState.objects.current().has_encoder


def test_the_offline_encoder_is_refused_with_the_remedy(alice, folder, quick_encoder):
    with pytest.raises(UnusableVectors, match=r"of this library is “offline”.*Add --reembed"):
        run(folder, alice)

    assert not Image.objects.exists()
    assert quick_encoder.encoded == 0


def test_reembedding_takes_the_librarys_encoder(alice, folder, quick_encoder):
    (folder / "image_embeddings.npy").unlink()

    report = run(folder, alice, reembed=True)

    assert (report.added, report.vectors_taken, report.reembedded, report.failed) == (7, 0, 7, ())
    assert quick_encoder.encoded == 7
    assert_all_are_found(alice)


def test_reembedding_without_an_encoder_changes_nothing(alice, folder, limits_of):
    limits_of(encoder="clip:/no/such/model")

    with pytest.raises(EncoderUnavailable):
        run(folder, alice, reembed=True)

    assert not Image.objects.exists()


def test_vectors_that_are_swapped_are_computed_anew(alice, folder, wide_encoder):
    spoil_rows(folder, lambda rows: rows[[1, 0, *range(2, 7)]])

    report = run(folder, alice)

    assert (report.added, report.vectors_taken, report.reembedded) == (7, 5, 2)
    assert ["does not fit" in str(warning.error) for warning in report.warnings] == [True, True]
    assert_all_are_found(alice)


# Folders that are broken


def broken_vector_files():
    rows = np.random.default_rng(0).normal(size=(7, 512))
    return {
        "too narrow": rows[:, :511].astype(np.float32),
        "flat": rows[0].astype(np.float32),
        "whole numbers": rows.astype(np.int64),
        "complex": rows.astype(np.complex64),
        "objects": np.array([{}] * 7),
        "deep": rows.reshape(7, 512, 1).astype(np.float32),
    }


@pytest.mark.parametrize("kind", broken_vector_files())
def test_a_vector_file_of_another_kind_is_refused(alice, folder, wide_encoder, kind):
    np.save(folder / "image_embeddings.npy", broken_vector_files()[kind], allow_pickle=True)

    with pytest.raises(UnusableVectors, match="--reembed"):
        run(folder, alice)

    assert not Image.objects.exists()
    assert run(folder, alice, reembed=True).added == 7


def test_a_vector_file_cut_short_missing_or_no_array_is_refused(alice, folder, wide_encoder):
    path = folder / "image_embeddings.npy"
    whole = path.read_bytes()
    for content in (whole[:-100], whole[:60], b"", b"no array", b"PK\x03\x04"):
        path.write_bytes(content)
        with pytest.raises(UnusableVectors, match=r"image_embeddings.npy.*not a whole"):
            run(folder, alice)
    path.unlink()
    with pytest.raises(UnusableVectors, match="does not exist"):
        run(folder, alice)
    np.savez(folder / "packed.npz", rows=np.zeros((7, 512), np.float32))
    (folder / "packed.npz").rename(path)
    with pytest.raises(UnusableVectors, match="it holds"):
        run(folder, alice)
    assert not Image.objects.exists()


@pytest.mark.parametrize("kind", [np.float64, np.float16, ">f4"])
def test_floating_point_numbers_of_another_size_are_taken(alice, folder, wide_encoder, kind):
    spoil_rows(folder, lambda rows: np.asfortranarray(rows.astype(kind)))

    assert run(folder, alice).vectors_taken == 7
    assert_all_are_found(alice)


@pytest.mark.parametrize("index", [7, -1, 10**30, "3", True, None, 1.0, float("nan"), [], {}])
def test_an_entry_without_a_row_is_embedded(alice, folder, wide_encoder, index):
    spoil(folder, "lime.png", embedding_index=index)

    report = run(folder, alice)

    assert (report.added, report.vectors_taken, report.reembedded, report.failed) == (7, 6, 1, ())
    assert [Path(warning.path) for warning in report.warnings] == [path_of(folder, "lime.png")]
    assert report.unused_rows == 1
    assert_all_are_found(alice)


@pytest.mark.parametrize("value", [np.nan, np.inf, 0.0, 0.5, 1e38])
def test_a_bad_vector_is_computed_anew(alice, folder, wide_encoder, value):
    spoil_rows(folder, lambda rows: np.vstack([rows[:2], np.full((1, 512), value, np.float32), rows[3:]]))

    report = run(folder, alice)

    assert (report.added, report.vectors_taken, report.reembedded) == (7, 6, 1)
    assert "length 1" in str(report.warnings[0].error)
    assert_all_are_found(alice)


def test_a_row_that_two_pictures_claim_is_neithers(alice, folder, wide_encoder):
    spoil(folder, "lime.png", embedding_index=0)

    report = run(folder, alice)

    assert (report.added, report.vectors_taken, report.reembedded, len(report.warnings)) == (7, 5, 2, 2)
    assert_all_are_found(alice)


def test_rows_that_no_picture_claims_are_counted(alice, folder, wide_encoder):
    spoil_rows(folder, lambda rows: np.vstack([rows, rows[:3]]))

    report = run(folder, alice)

    assert (report.added, report.unused_rows, report.warnings) == (7, 3, ())


def test_files_that_are_missing_changed_or_no_pictures_are_listed(alice, folder, wide_encoder):
    path_of(folder, "red.png").unlink()
    path_of(folder, "lime.png").write_bytes(drawn_picture("white"))
    no_picture = b"no picture at all"
    change_index(folder, lambda index: index["images"].update({"5acc0f5d68d4ca3ee9e8d2a3d4d2e4ab": {}}))
    md5 = hashlib.md5(no_picture).hexdigest()
    (folder / f"{md5}.jpg").write_bytes(no_picture)
    change_index(folder, lambda index: index["images"].update({md5: {"embedding_index": 1}}))

    report = run(folder, alice)

    reasons = {Path(failure.path).stem: str(failure.error) for failure in report.failed}
    assert report.added == 5
    assert len(reasons) == len(report.failed) == 4
    assert "not one of the picture formats" in reasons[md5]
    assert sum("its MD5 is" in reason for reason in reasons.values()) == 1
    assert sum("does not exist" in reason for reason in reasons.values()) == 2
    assert verify().ok


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '"text"', "null", "{}", '{"images": []}', '{"images": null}', "[" * 99_999]
)
def test_an_index_that_makes_no_sense_is_one_clear_error(folder, content):
    (folder / "image_index.json").write_text(content)

    with pytest.raises(UnreadableTestbed, match=r"image_index\.json” cannot be brought in"):
        read_index(folder)


def test_an_index_that_is_not_there_not_text_or_huge_is_one_clear_error(folder, tmp_path, monkeypatch):
    with pytest.raises(UnreadableTestbed, match="it is not a folder"):
        read_index(tmp_path / "none")
    monkeypatch.setattr(index_file, "MAX_INDEX_BYTES", 100)
    with pytest.raises(UnreadableTestbed, match="the limit is 100"):
        read_index(folder)
    (folder / "image_index.json").write_bytes(b'{"images": "\xff\xfe"}')
    with pytest.raises(UnreadableTestbed, match="not JSON in UTF-8"):
        read_index(folder)
    (folder / "image_index.json").write_text('{"images": {"a": ' + "9" * 5_000 + "}}")
    monkeypatch.undo()
    with pytest.raises(UnreadableTestbed, match="not JSON"):
        read_index(folder)
    (folder / "image_index.json").unlink()
    with pytest.raises(UnreadableTestbed, match="does not exist"):
        read_index(folder)


def test_an_empty_index_brings_in_nothing(alice, tmp_path, wide_encoder):
    folder = write_folder(tmp_path / "testbed", {}, ClipOfTheTestbed())

    report = run(folder, alice)

    assert (report.added, report.failed, report.unused_rows) == (0, (), 0)


def test_bad_entries_are_listed_and_the_same_picture_twice_is_a_duplicate(alice, folder, wide_encoder):
    path = folder / "image_index.json"
    entry = json.loads(path.read_text(encoding="utf-8"))["images"]
    md5, values = next(iter(entry.items()))
    text = path.read_text(encoding="utf-8").replace('{"images"', '{"images"', 1)
    extra = f'"../../etc/passwd": {{}}, "": 1, "{md5}": {json.dumps(values)}, "{"0" * 32}": 7, "{md5.upper()}": {{}},'
    path.write_text(text.replace('"images": {', '"images": {' + extra, 1), encoding="utf-8")

    report = run(folder, alice)

    assert (report.added, report.duplicates) == (7, 2)
    assert [str(failure.error).split("“")[1].split("”")[0] for failure in report.failed] == [
        "../../etc/passwd",
        "",
        "0" * 32,
    ]
    assert_all_are_found(alice)


def test_wrong_types_cost_the_value_not_the_picture(alice, folder, wide_encoder):
    spoil(folder, "red.png", description=None, tags="红, 大 ,red", width="wide", height=None, format=[], id=3)
    spoil(folder, "lime.png", description=["a"], tags={"a": 1}, created_at=5, stored_path={})
    spoil(folder, "blue.png", tags=["ok", 7, None, "x" * 65], created_at="yesterday", description="d" * 2_001)
    spoil(folder, "gray.png", tags=[f"tag{n}" for n in range(60)], created_at="0001-01-01T00:00:00+14:00")

    report = run(folder, alice)

    assert (report.added, report.failed) == (7, ())
    warned = {Path(warning.path): 0 for warning in report.warnings}
    for warning in report.warnings:
        warned[Path(warning.path)] += 1
    assert warned == {path_of(folder, "lime.png"): 4, path_of(folder, "blue.png"): 5, path_of(folder, "gray.png"): 11}
    red, blue = Image.objects.get(original_name="red.png"), Image.objects.get(original_name="blue.png")
    assert (red.description, {tag.name for tag in red.tags.all()}) == ("", {"红", "大", "red"})
    assert (len(blue.description), [tag.name for tag in blue.tags.all()]) == (2_000, ["ok"])
    assert_all_are_found(alice)


# Nothing outside of the folder is read


def test_files_outside_are_never_read(alice, folder, tmp_path, wide_encoder):
    outside = tmp_path / "outside"
    outside.mkdir()
    for name in ("red.png", "lime.png", "blue.png"):
        shutil.move(path_of(folder, name), outside)
    stored = {path.name: path for path in outside.iterdir()}
    index = json.loads((folder / "image_index.json").read_text(encoding="utf-8"))
    red, lime, blue = (stored[f"{entry_named(index, f'{colour}.png')['id']}.png"] for colour in COLOURS[:3])
    spoil(folder, "red.png", stored_path=f"../outside/{red.name}")
    spoil(folder, "lime.png", stored_path=str(lime))
    (folder / blue.name).symlink_to(blue)

    report = run(folder, alice)

    assert report.added == 4
    assert ["outside of the folder" in str(failure.error) for failure in report.failed] == [True] * 3


def test_a_stored_path_within_the_folder_is_followed(alice, folder, wide_encoder):
    (folder / "images").mkdir()
    for name, stored in {"red.png": "images/a.png", "lime.png": str(folder / "images" / "b.png")}.items():
        path_of(folder, name).rename(folder / stored)
        spoil(folder, name, stored_path=stored)
    (folder / "c.png").write_bytes(path_of(folder, "blue.png").read_bytes())
    path_of(folder, "blue.png").unlink()
    spoil(folder, "blue.png", stored_path="C:\\Users\\me\\testbed\\c.png")

    report = run(folder, alice)

    assert (report.added, report.failed) == (7, ())


def test_a_folder_that_is_a_link_itself_is_fine(alice, folder, tmp_path, wide_encoder):
    (tmp_path / "link").symlink_to(folder)

    assert run(tmp_path / "link", alice).vectors_taken == 7


def test_links_of_index_and_vectors_to_outside_are_refused(alice, folder, tmp_path, wide_encoder):
    shutil.move(folder / "image_embeddings.npy", tmp_path / "rows.npy")
    (folder / "image_embeddings.npy").symlink_to(tmp_path / "rows.npy")
    with pytest.raises(UnusableVectors, match="outside of the folder"):
        run(folder, alice)
    shutil.move(folder / "image_index.json", tmp_path / "index.json")
    (folder / "image_index.json").symlink_to(tmp_path / "index.json")
    with pytest.raises(UnreadableTestbed, match="outside of the folder"):
        read_index(folder)


def test_pipes_circles_and_impossible_names_are_no_trouble(alice, folder, wide_encoder):
    pipe = path_of(folder, "red.png")
    pipe.unlink()
    os.mkfifo(pipe)
    circle = path_of(folder, "lime.png")
    circle.unlink()
    circle.symlink_to(circle)
    for name, stored in (("blue.png", "\0"), ("gray.png", "\ud800"), ("black.png", "x" * 9_000)):
        path_of(folder, name).unlink()
        spoil(folder, name, stored_path=stored)

    report = run(folder, alice)

    assert report.added == 2
    assert len(report.failed) == 5
    json.dumps([failure.error.as_json() for failure in report.failed])


def test_names_never_become_paths(alice, folder, wide_encoder):
    spoil(folder, "red.png", original_name="../../../etc/passwd")
    spoil(folder, "lime.png", original_name="\0\ud800")
    spoil(folder, "blue.png", original_name=None)

    assert run(folder, alice).added == 7

    names = set(Image.objects.values_list("original_name", flat=True))
    md5s = Image.objects.filter(original_name__endswith=".png").values_list("md5", flat=True)
    assert "passwd" in names
    assert len([name for name in names if name.removesuffix(".png") in md5s]) == 2


def test_pictures_whose_vector_is_computed_are_decoded_once(alice, folder, wide_encoder, decoded):
    report = run(folder, alice, reembed=True)

    assert (report.added, report.reembedded, len(decoded)) == (7, 7, 7)


# When the machine fails


def test_a_full_disk_ends_the_run_and_the_next_one_finishes_it(alice, folder, wide_encoder, monkeypatch):
    stored, real = [], import_pipeline.store_picture

    def full(*args, **kwargs):
        if len(stored) == 3:
            raise StorageFull
        stored.append(1)
        return real(*args, **kwargs)

    monkeypatch.setattr(import_pipeline, "store_picture", full)
    with pytest.raises(StorageFull):
        run(folder, alice)
    stopped = Job.objects.get()
    assert (stopped.status, stopped.failure.code) == ("failed", "storage_full")
    monkeypatch.undo()

    report = run(folder, alice)

    assert (report.added, report.duplicates, report.vectors_taken) == (4, 3, 7)
    assert_all_are_found(alice)
