"""Moving a library to another encoder while it is searched and written to."""

import threading
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.db import connections

from gallery.checks import index_check
from gallery.durable import crash_points
from gallery.encoders import registry
from gallery.errors import (
    EncoderChanged,
    EncoderMismatch,
    EncoderUnavailable,
    ModelChangeCancelled,
    ModelChangeRunning,
    ModelChangeUnderWay,
    NoModelChange,
    PicturesUnreadable,
    TooManyLosses,
)
from gallery.models import OPERATOR, Image, IndexState, ModelChange, NextEmbedding
from gallery.retrieval.tree import Picture
from gallery.search_index import SearchIndex, search_index
from gallery.services.curation import delete_forever, embed_again, move_to_trash, restore
from gallery.services.embedding import encoder_in_use, isolated_batches, model_change, model_change_run
from gallery.services.embedding.model_change import cancel_change, change_model, change_progress
from gallery.services.importing import find_files, import_files
from gallery.services.labels import check_labels
from gallery.services.maintenance import compact, repair, verify
from gallery.services.query_pictures import brought_picture, remember_picture
from gallery.services.search import find_images, similar_images
from tests.conftest import acting, drawn_picture
from tests.loaded_encoders import is_loaded
from tests.quick_encoder import QuickEncoder, WideEncoder
from tests.searches import request_for
from tests.waiting import PATIENCE_SECONDS

AFTER_SWITCH = "after_switch_before_old_files"
AFTER_NEXT_ROWS = "after_next_rows_before_database"
COLOURS = ("red", "lime", "blue", "yellow", "gray")


@pytest.fixture(autouse=True)
def automatic(limits_of) -> None:
    limits_of(encoder="auto")


@pytest.fixture
def library(alice, upload, quick_encoder) -> list[Image]:
    """Five pictures of one colour each, embedded."""
    return [upload(alice, f"{colour}.png", content=drawn_picture(colour)) for colour in COLOURS]


def call_in_thread(work: Callable[[], object]) -> None:
    """Do the work as another process would, with database connections of its own."""
    errors: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 -- shown below
            errors.append(error)
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert errors == []


def once(encoder: QuickEncoder, name: str, change: Callable[[], object]) -> None:
    """Let the encoder's next call be followed by a change before its caller goes on."""
    real = getattr(encoder, name)

    def encode_and_change(items: Any) -> Any:
        vectors = real(items)
        delattr(encoder, name)
        change()
        return vectors

    setattr(encoder, name, encode_and_change)


# What is searched for while the index moves


def test_text_that_was_encoded_before_the_switch_is_encoded_again(alice, library, quick_encoder, wide):
    once(quick_encoder, "encode_texts", lambda: change_model("clip:wide", by=OPERATOR))

    page = find_images(request_for("blue"), by=acting(alice))

    assert page.encoder == "clip:wide"
    assert page.image_ids[0] == library[2].pk
    assert len(page.image_ids) == 5


def test_picture_that_was_encoded_before_the_switch_is_encoded_again(alice, library, quick_encoder, wide):
    request = request_for(brought_picture(BytesIO(drawn_picture("yellow"))))
    once(quick_encoder, "encode_images", lambda: change_model("clip:wide", by=OPERATOR))

    page = find_images(request, by=acting(alice))

    assert (page.encoder, page.image_ids[0]) == ("clip:wide", library[3].pk)


def test_kept_picture_follows_the_switch(alice, library, wide):
    kept = remember_picture(BytesIO(drawn_picture("lime")), name="lime.png")
    change_model("clip:wide", by=OPERATOR)

    page = find_images(request_for(Picture(kept.pk)), by=acting(alice))

    assert (page.encoder, page.image_ids[0]) == ("clip:wide", library[1].pk)


def test_similar_pictures_of_a_vector_that_was_read_before_the_switch(alice, library, wide, monkeypatch):
    real = SearchIndex.vector_of

    def read_and_switch(index: SearchIndex, image_id: int) -> Any:
        found = real(index, image_id)
        monkeypatch.undo()
        change_model("clip:wide", by=OPERATOR)
        return found

    monkeypatch.setattr(SearchIndex, "vector_of", read_and_switch)

    page = similar_images(library[0], by=acting(alice))

    assert page is not None
    assert page.encoder == "clip:wide"
    assert sorted(page.image_ids) == sorted(image.pk for image in library[1:])


def test_vector_of_another_encoder_is_refused(alice, library, quick_encoder):
    vector = WideEncoder().encode_texts(["red"])[0]
    with pytest.raises(EncoderChanged):
        search_index().search(vector[np.newaxis], k=1, encoder=WideEncoder().key)


# The next epoch grows


class Killed(BaseException):
    """Ends a run like a signal: nothing of it may be caught."""


def after(encoder: QuickEncoder, calls: int, change: Callable[[], object], monkeypatch: pytest.MonkeyPatch) -> None:
    """Let something happen when the encoder has encoded that many batches of pictures."""
    real, done = encoder.encode_images, 0

    def encode(images: Any) -> Any:
        nonlocal done
        vectors = real(images)
        done += 1
        if done == calls:
            change()
        return vectors

    monkeypatch.setattr(encoder, "encode_images", encode)


def kill(*_: object) -> None:
    raise Killed


@pytest.fixture
def one_by_one(wide, limits_of) -> WideEncoder:
    """The other model, with one picture a batch."""
    limits_of(embed_batch_size=1)
    return wide


@pytest.fixture
def killed_half_way(library, wide, limits_of) -> WideEncoder:
    """A change that died when two of five pictures were in the next epoch."""
    limits_of(embed_batch_size=1)
    with pytest.MonkeyPatch.context() as patch:
        after(wide, 3, kill, patch)
        with pytest.raises(Killed):
            change_model("clip:wide", by=OPERATOR)
    wide.encoded = 0
    return wide


def assert_moved(library: list[Image], encoder: QuickEncoder) -> None:
    """Every picture is found by its own colour with the encoder, and nothing is wrong with the files."""
    state = IndexState.objects.current()
    assert (state.encoder_id, state.encoder_revision, state.dimension) == (
        encoder.id,
        encoder.revision,
        encoder.dimension,
    )
    for image in library:
        page = find_images(request_for(image.original_name.removesuffix(".png")), by=acting(image.owner))
        assert (page.encoder, page.image_ids[0]) == (encoder.id, image.pk)
    found = verify()
    assert (found.problems, found.pending) == ((), 0)
    assert ModelChange.objects.current() is None
    assert not NextEmbedding.objects.exists()
    assert state.next_encoder_id == ""


def test_killed_change_leaves_the_old_epoch_in_use_and_goes_on_where_it_was(alice, library, killed_half_way):
    assert find_images(request_for("blue"), by=acting(alice)).encoder == "offline"
    assert verify().ok
    progress = change_progress()
    assert progress is not None
    assert (progress.done, progress.total, progress.is_running, progress.percent) == (2, 5, False, 40)

    report = change_model("clip:wide", by=OPERATOR)

    assert (report.rows, report.resumed, report.failed) == (5, 2, 0)
    assert killed_half_way.encoded == 3
    assert_moved(library, killed_half_way)


def test_rows_that_a_kill_left_uncounted_are_cleared(library, wide, limits_of, monkeypatch, data_dir):
    limits_of(embed_batch_size=2)
    monkeypatch.setattr(crash_points, "callback", lambda name: kill() if name == AFTER_NEXT_ROWS else None)
    with pytest.raises(Killed):
        change_model("clip:wide", by=OPERATOR)
    monkeypatch.undo()
    assert [problem.code for problem in verify().problems] == ["next_orphan_vector"] * 2

    report = change_model("clip:wide", by=OPERATOR)

    assert report.resumed == 0
    matrix = np.load(data_dir / "vectors" / "embeddings-2.npy")
    assert matrix.any(axis=1).tolist() == [False, False, True, True, True, True, True]


def test_what_another_revision_built_is_not_mixed_in(library, killed_half_way):
    killed_half_way.revision = "local-2"

    report = change_model("clip:wide", by=OPERATOR)

    assert (report.resumed, report.started_over, report.rows) == (0, True, 5)
    assert killed_half_way.encoded == 5
    assert_moved(library, killed_half_way)


def test_lost_file_of_the_next_epoch_is_begun_anew(library, killed_half_way, data_dir):
    (data_dir / "vectors" / "embeddings-2.npy").unlink()
    assert [problem.code for problem in verify().problems] == ["next_file_damaged"]

    report = change_model("clip:wide", by=OPERATOR)

    assert (report.started_over, report.rows) == (True, 5)
    assert_moved(library, killed_half_way)


def test_damaged_row_of_the_next_epoch_is_found_and_done_again(library, killed_half_way, data_dir):
    np.load(data_dir / "vectors" / "embeddings-2.npy", mmap_mode="r+")[1] = 0.5
    assert [problem.code for problem in verify().problems] == ["next_not_unit"]

    assert repair(by=OPERATOR).ok
    report = change_model("clip:wide", by=OPERATOR)

    assert (report.resumed, killed_half_way.encoded) == (1, 4)
    assert_moved(library, killed_half_way)


def test_pictures_that_come_and_go_meanwhile(library, one_by_one, upload, monkeypatch, data_dir):
    alice, wide = library[0].owner, one_by_one
    late: list[Image] = []

    def come_and_go() -> None:
        late.append(upload(alice, "black.png", content=drawn_picture("black")))
        # in the old epoch at once
        assert find_images(request_for("black"), by=acting(alice)).image_ids[0] == late[0].pk
        delete_forever(Image.objects.filter(pk=library[0].pk), by=OPERATOR)  # its vector is in both

    after(wide, 3, come_and_go, monkeypatch)

    report = change_model("clip:wide", by=OPERATOR)

    assert report.rows - np.count_nonzero(~np.load(data_dir / "vectors" / "embeddings-2.npy").any(axis=1)) == 5
    assert_moved([*library[1:], *late], wide)


def test_last_ones_are_encoded_while_writers_wait(alice, library, wide, upload, monkeypatch):
    late: list[Image] = []
    after(
        wide, 1, lambda: late.append(upload(alice, "black.png", content=drawn_picture("black"))), monkeypatch
    )  # a batch is the whole library, so that this one comes after the round

    assert change_model("clip:wide", by=OPERATOR).rows == 6

    assert_moved([*library, *late], wide)


def test_trash_and_restore_meanwhile(alice, library, wide, limits_of, monkeypatch):
    limits_of(embed_batch_size=1)
    trashed = Image.objects.filter(pk__in=[library[0].pk, library[4].pk])
    after(wide, 3, lambda: move_to_trash(trashed, by=OPERATOR), monkeypatch)
    change_model("clip:wide", by=OPERATOR)
    assert len(find_images(request_for("red"), by=acting(alice)).image_ids) == 3

    restore(trashed, by=OPERATOR)

    assert_moved(library, wide)


def test_picture_that_is_embedded_again_meanwhile_is_embedded_again_into_both(library, killed_half_way):
    embed_again(Image.objects.filter(pk=library[0].pk), by=OPERATOR)
    assert not NextEmbedding.objects.filter(image=library[0]).exists()

    change_model("clip:wide", by=OPERATOR)

    assert killed_half_way.encoded == 4
    assert_moved(library, killed_half_way)


def test_compaction_meanwhile_takes_another_epoch(library, killed_half_way, data_dir):
    delete_forever(Image.objects.filter(pk=library[4].pk), by=OPERATOR)
    assert compact(by=OPERATOR) == 4
    assert IndexState.objects.current().epoch == 3
    assert verify().ok

    change_model("clip:wide", by=OPERATOR)

    assert IndexState.objects.current().epoch == 2
    assert_moved(library[:4], killed_half_way)
    assert compact(by=OPERATOR) == 4
    assert_moved(library[:4], killed_half_way)


def test_upload_whose_encoder_was_left_behind_is_encoded_again(library, quick_encoder, wide, upload, monkeypatch):
    alice = library[0].owner
    monkeypatch.setattr(model_change, "embed_pending", lambda: None)  # as if the upload came right after it
    once(quick_encoder, "encode_images", lambda: change_model("clip:wide", by=OPERATOR))

    late = upload(alice, "black.png", content=drawn_picture("black"))

    assert late.is_searchable
    assert_moved([*library, late], wide)


def test_import_goes_on_with_the_next_encoder(alice, library, quick_encoder, one_by_one, tmp_path):
    for colour in ("black", "white"):
        (tmp_path / f"{colour}.png").write_bytes(drawn_picture(colour))
    once(quick_encoder, "encode_images", lambda: call_in_thread(lambda: change_model("clip:wide", by=OPERATOR)))

    report = import_files(find_files([tmp_path], recursive=False), owner=alice, labels=check_labels(), by=OPERATOR)

    assert (report.added, report.failed) == (2, ())
    assert_moved([*library, *Image.objects.filter(original_name__in=["black.png", "white.png"])], one_by_one)


def test_rolling_back_is_the_same_command(library, quick_encoder, wide):
    change_model("clip:wide", by=OPERATOR)

    assert change_model("offline", by=OPERATOR).rows == 5

    assert_moved(library, quick_encoder)


def test_same_encoder_once_more(library, quick_encoder):
    quick_encoder.encoded = 0

    assert change_model(by=OPERATOR).rows == 5

    assert quick_encoder.encoded == 5
    assert_moved(library, quick_encoder)


def test_empty_library_moves_at_once(alice, quick_encoder, wide, upload):
    assert change_model("clip:wide", by=OPERATOR).rows == 0

    image = upload(alice, "red.png", content=drawn_picture("red"))

    assert_moved([image], wide)


def test_pictures_that_keep_their_rows_and_others_that_swap_theirs(alice, library, quick_encoder, wide):
    change_model("clip:wide", by=OPERATOR)  # the rows are those of before: nothing is written for them
    rows = dict(Image.objects.values_list("pk", "embedding_row"))
    assert sorted(rows.values()) == [0, 1, 2, 3, 4]
    first, last = library[0].pk, library[4].pk
    Image.objects.filter(pk=first).update(embedding_row=None)
    Image.objects.filter(pk=last).update(embedding_row=0)
    Image.objects.filter(pk=first).update(embedding_row=4)

    change_model("offline", by=OPERATOR)

    assert dict(Image.objects.values_list("pk", "embedding_row")) == rows
    assert_moved(library, quick_encoder)


@pytest.mark.parametrize("asked", ["clip:wide", None, "offline"])
def test_run_that_died_after_its_switch_is_finished_by_the_next_one(library, quick_encoder, wide, asked, data_dir):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(crash_points, "callback", lambda name: kill() if name == AFTER_SWITCH else None)
        with pytest.raises(Killed):
            change_model("clip:wide", by=OPERATOR)
    assert [problem.code for problem in verify().problems] == ["stale_vectors"] * 3
    wide.encoded = 0

    report = change_model(asked, by=OPERATOR)

    assert wide.encoded == 0
    assert (report.rows, report.encoder) == (5, asked or "clip:wide")
    assert len(list(data_dir.glob("vectors/embeddings-*.npy"))) == 1
    assert_moved(library, quick_encoder if asked == "offline" else wide)


# One at a time


def test_another_encoder_is_refused_until_the_first_change_is_over(library, killed_half_way):
    with pytest.raises(ModelChangeUnderWay, match=r"clip:wide.*manage.py reindex, or .*reindex --cancel"):
        change_model("offline", by=OPERATOR)

    assert change_model(by=OPERATOR).rows == 5  # without a name: the one that is under way

    assert_moved(library, killed_half_way)


def test_second_run_beside_the_first_is_refused(library, wide, limits_of, monkeypatch):
    monkeypatch.setattr(model_change, "LOCK_SECONDS", 0.05)
    seen: list[object] = []

    def run_beside() -> None:
        progress = change_progress()
        assert progress is not None
        seen.append(progress.is_running)
        with pytest.raises(ModelChangeRunning):
            change_model("clip:wide", by=OPERATOR)

    after(wide, 1, lambda: call_in_thread(run_beside), monkeypatch)

    change_model("clip:wide", by=OPERATOR)

    assert seen == [True]
    assert_moved(library, wide)


def test_cancel_removes_what_was_built_and_the_index_is_as_it_was(
    alice, library, quick_encoder, killed_half_way, data_dir
):
    assert cancel_change(by=OPERATOR) is True
    assert cancel_change(by=OPERATOR) is False

    assert not list(data_dir.glob("vectors/*-2.*"))
    assert_moved(library, quick_encoder)


def test_cancelled_run_notices_and_stops(library, quick_encoder, one_by_one, monkeypatch, data_dir):
    after(one_by_one, 2, lambda: cancel_change(by=OPERATOR), monkeypatch)

    with pytest.raises(ModelChangeCancelled):
        change_model("clip:wide", by=OPERATOR)

    assert not list(data_dir.glob("vectors/*-2.*"))
    assert_moved(library, quick_encoder)


def test_change_that_could_not_begin_is_none(alice, library, quick_encoder):
    with pytest.raises(EncoderUnavailable):
        change_model("clip:/nowhere", by=OPERATOR)

    assert change_model("offline", by=OPERATOR).rows == 5  # nothing has to be given up first

    assert_moved(library, quick_encoder)


# Losses


@pytest.fixture
def two_lost(library, data_dir) -> list[Image]:
    for image in library[3:]:
        original_of(image, data_dir).unlink()
    return library[3:]


def original_of(image: Image, data_dir: Path) -> Path:
    return next((data_dir / "media" / "originals").rglob(f"{image.sha256}*"))


def test_lost_pictures_are_listed_with_their_reasons(library, two_lost, wide):
    report = change_model("clip:wide", by=OPERATOR)

    assert (report.rows, report.failed) == (3, 2)
    assert [(failure.image_id, failure.name) for failure in report.failures] == [
        (image.pk, image.original_name) for image in two_lost
    ]
    for image in two_lost:
        image.refresh_from_db()
        assert image.search_status == "failed"
        assert "no longer in the storage" in image.failure.message


def test_many_losses_stop_the_switch_until_they_are_accepted(alice, library, two_lost, wide, monkeypatch):
    monkeypatch.setattr(model_change_run, "LOSSES_ALWAYS_ACCEPTED", 1)

    with pytest.raises(TooManyLosses, match=r"2 of 5 .* limit is 1") as caught:
        change_model("clip:wide", by=OPERATOR)

    assert "--accept-failures" in str(caught.value)
    progress = change_progress()
    assert progress is not None
    assert (progress.failed, progress.change.failure.message) == (2, str(caught.value))
    assert len(find_images(request_for("red"), by=acting(alice)).image_ids) == 5
    assert change_model("clip:wide", accept_failures=True, by=OPERATOR).failed == 2


def test_losses_are_tried_again(library, two_lost, wide, monkeypatch, data_dir):
    monkeypatch.setattr(model_change_run, "LOSSES_ALWAYS_ACCEPTED", 1)
    with pytest.raises(TooManyLosses):
        change_model("clip:wide", by=OPERATOR)
    for image in two_lost:
        path = data_dir / "media" / "originals" / image.sha256[:2] / image.sha256[2:4]
        (path / f"{image.sha256}.png").write_bytes(drawn_picture(image.original_name.removesuffix(".png")))

    report = change_model("clip:wide", retry_failed=True, by=OPERATOR)

    assert (report.resumed, report.failed) == (5, 0)
    assert_moved(library, wide)


def test_lost_picture_that_is_uploaded_again_is_tried_again(library, two_lost, wide, upload, monkeypatch):
    monkeypatch.setattr(model_change_run, "LOSSES_ALWAYS_ACCEPTED", 1)
    with pytest.raises(TooManyLosses):
        change_model("clip:wide", by=OPERATOR)
    for image in two_lost:
        upload(image.owner, image.original_name, content=drawn_picture(image.original_name.removesuffix(".png")))

    report = change_model("clip:wide", by=OPERATOR)

    assert (report.resumed, report.failed) == (3, 0)
    assert_moved(library, wide)


def test_retry_without_a_change_is_refused(library):
    with pytest.raises(NoModelChange):
        change_model(retry_failed=True, by=OPERATOR)
    assert change_progress() is None


def test_fault_of_the_disk_ends_the_run_and_loses_nothing(alice, library, quick_encoder, wide, monkeypatch):
    real = isolated_batches.open_original

    def fail_for_one(image: Image) -> Any:
        if image.pk == library[2].pk:
            raise OSError(5, "Input/output error")
        return real(image)

    with monkeypatch.context() as patch:
        patch.setattr(isolated_batches, "open_original", fail_for_one)
        with pytest.raises(PicturesUnreadable, match=r"1 pictures .*Input/output error"):
            change_model("clip:wide", by=OPERATOR)
    assert find_images(request_for("blue"), by=acting(alice)).image_ids[0] == library[2].pk

    report = change_model("clip:wide", by=OPERATOR)

    assert (report.resumed, report.failed) == (4, 0)
    assert_moved(library, wide)


def test_picture_that_the_next_encoder_breaks_at_is_left_out_alone(library, wide, monkeypatch):
    real = wide.encode_images

    def break_at_blue(images: Any) -> Any:
        if any(image.getpixel((0, 0)) == (0, 0, 255) for image in images):
            raise RuntimeError("shape mismatch")
        return real(images)

    monkeypatch.setattr(wide, "encode_images", break_at_blue)

    report = change_model("clip:wide", by=OPERATOR)

    assert (report.rows, report.failed) == (4, 1)
    assert report.failures[0].image_id == library[2].pk
    assert "fails on this picture: RuntimeError: shape mismatch" in str(report.failures[0].error)


def test_encoder_that_does_not_work_at_all_fails_nothing(library, quick_encoder, wide, monkeypatch):
    monkeypatch.setattr(wide, "encode_images", lambda _: 1 / 0)

    with pytest.raises(EncoderUnavailable, match=r"ZeroDivisionError"):
        change_model("clip:wide", by=OPERATOR)

    assert not NextEmbedding.objects.exists()
    cancel_change(by=OPERATOR)
    assert_moved(library, quick_encoder)


# The setting


def test_change_by_command_is_no_outage_although_the_setting_names_the_old_encoder(library, wide, limits_of):
    limits_of(encoder="offline")

    change_model("clip:wide", by=OPERATOR)

    assert_moved(library, wide)
    [warning] = index_check(None, databases=["default"])
    assert (warning.id, "Set IMAGESEARCH_ENCODER=clip:wide" in str(warning.hint)) == ("gallery.W003", True)


def test_setting_that_is_changed_without_a_reindex_is_refused(alice, library, quick_encoder, wide, limits_of):
    change_model("clip:wide", by=OPERATOR)
    limits_of(encoder="clip:third")

    with pytest.raises(EncoderMismatch, match=r"reindex --encoder clip:third"):
        find_images(request_for("red"), by=acting(alice))
    assert [warning.id for warning in index_check(None, databases=["default"])] == ["gallery.W001"]


def test_new_revision_is_refused_with_the_remedy_which_helps(alice, library, quick_encoder):
    quick_encoder.revision = "newer"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "create_encoder", lambda *_: quick_encoder)
        with pytest.raises(EncoderMismatch, match=r"newer.*Run: manage.py reindex --encoder offline"):
            find_images(request_for("red"), by=acting(alice))
    registry.use_encoder(quick_encoder)

    assert change_model("offline", by=OPERATOR).rows == 5

    assert_moved(library, quick_encoder)


def test_process_takes_a_model_that_was_replaced_in_place(alice, library, quick_encoder, monkeypatch):
    replaced = QuickEncoder(revision="newer")
    monkeypatch.setattr(registry, "create_encoder", lambda *_: replaced)
    registry.forget_encoder("offline")
    change_model("offline", by=OPERATOR)
    registry.use_encoder(quick_encoder)  # as a process that serves all the time

    assert find_images(request_for("red"), by=acting(alice)).image_ids[0] == library[0].pk


# What a serving process keeps in memory


def test_next_model_is_loaded_before_the_switch_and_the_old_one_dropped_after_it(
    alice, library, quick_encoder, killed_half_way, monkeypatch
):
    wide = killed_half_way
    monkeypatch.setattr(encoder_in_use, "_models", encoder_in_use._Models())
    registry.forget_encoder("clip:wide")
    monkeypatch.setattr(registry, "create_encoder", lambda *_: wide)
    assert IndexState.objects.current().next_encoder_id == "clip:wide"

    find_images(request_for("red"), by=acting(alice))
    for thread in threading.enumerate():
        if thread.name == "next encoder":
            thread.join(PATIENCE_SECONDS)

    assert is_loaded("clip:wide")
    change_model("clip:wide", by=OPERATOR)
    find_images(request_for("red"), by=acting(alice))
    assert not is_loaded("offline")
    registry.forget_encoder("clip:wide")


def test_model_of_a_cancelled_change_is_dropped(alice, library, killed_half_way, monkeypatch):
    monkeypatch.setattr(encoder_in_use, "_models", encoder_in_use._Models())
    find_images(request_for("red"), by=acting(alice))
    cancel_change(by=OPERATOR)

    find_images(request_for("red"), by=acting(alice))

    assert not is_loaded("clip:wide")
