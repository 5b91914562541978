"""Columns of large libraries: one file that all processes map, written while the database answers, never believed
where it cannot be right.
"""

import errno
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from gallery.errors import StorageFull, StorageNotWritable, StoredError
from gallery.models import (
    OPERATOR,
    AccessChange,
    AccessState,
    Album,
    AlbumImage,
    Image,
    ModelChange,
    Tag,
    User,
    Visibility,
)
from gallery.search_index import SearchIndex, columns_keeper, known_columns, search_index
from gallery.search_index.known_columns import Known
from gallery.services.curation import add_tags, delete_forever
from gallery.services.maintenance import compact, repair
from gallery.vectors.columns.columns_file import ColumnsFile
from tests.conftest import acting
from tests.integration.test_models import stored
from tests.quick_encoder import QuickEncoder, unit_rows
from tests.waiting import PATIENCE_SECONDS

pytestmark = pytest.mark.usefixtures("large")


class Crash(BaseException):
    """Stands for the death of the process: nothing catches it."""


@pytest.fixture
def large(transactional_db, monkeypatch) -> Iterator[None]:
    """Let three pictures be many."""
    monkeypatch.setattr(columns_keeper, "SMALL_ROWS", 2)
    monkeypatch.setattr(columns_keeper, "SECONDS_BETWEEN_TRIES", 0)
    yield
    settle()


def settle() -> None:
    """Wait until nobody writes."""
    for thread in threading.enumerate():
        if thread.name == "columns":
            thread.join(PATIENCE_SECONDS)
            assert not thread.is_alive()


def known_to(index: SearchIndex) -> Known:
    """Return what the index knows once it has had time to write."""
    index.known_columns()
    settle()
    known = index.known_columns()
    assert known is not None
    return known


def embed(owner: User, count: int) -> list[Image]:
    images = [stored(owner) for _ in range(count)]
    ids = [image.pk for image in images]
    search_index().add(ids, np.concatenate([unit_rows(1, seed=pk) for pk in ids]), encoder=QuickEncoder())
    return images


def tagged(index: SearchIndex, name: str) -> list[int]:
    return sorted(image.pk for image in index.lists.slice_of(Image.objects.tagged([name]).newest(), start=0, stop=99))


def refuse(*_arguments: object) -> None:
    raise AssertionError("The whole library was read.")


def build_next(encoder: QuickEncoder, images: list[Image], *, failing: Image) -> None:
    """Build the epoch of another encoder from these pictures, and one that it could not read."""
    ModelChange.objects.create(pk=1, encoder_id=encoder.key.id)
    search_index().next.open(encoder)
    rows = unit_rows(len(images), dimension=encoder.dimension)
    search_index().next.add([image.pk for image in images], rows, encoder=encoder)
    search_index().next.fail(failing.pk, StoredError("It cannot be read.", "unreadable"), encoder=encoder)


def file_in(data_dir: Path) -> Path:
    return data_dir / "vectors" / "columns-1.bin"


def test_the_database_answers_while_the_file_is_written(alice, data_dir):
    images = embed(alice, 3)

    assert search_index().known_columns() is None
    assert search_index().lists.count(Image.objects.all()) == 3
    settle()

    assert file_in(data_dir).exists()
    known = search_index().known_columns()
    assert known is not None
    assert known.columns.ids_of(np.arange(3)).tolist() == [image.pk for image in images]


def test_another_process_maps_the_file_and_reads_no_picture(alice):
    embed(alice, 3)
    known_to(search_index())

    with CaptureQueriesContext(connection) as queries:
        assert SearchIndex().known_columns() is not None

    assert not [sql for query in queries if "original_name" in (sql := query["sql"]) and "embedding_row >= 0" in sql]


def test_a_change_is_read_by_every_process_and_the_file_stays(alice, data_dir):
    images = embed(alice, 4)
    other = SearchIndex()
    known_to(search_index())
    known_to(other)
    written = file_in(data_dir).stat().st_mtime_ns

    add_tags(Image.objects.filter(pk=images[1].pk), "cat", by=OPERATOR)

    assert tagged(search_index(), "cat") == tagged(other, "cat") == [images[1].pk]
    assert known_to(other).columns.patch_rows.tolist() == [1]
    assert file_in(data_dir).stat().st_mtime_ns == written


def test_a_process_that_comes_later_catches_up_from_an_older_file(alice):
    images = embed(alice, 4)
    known_to(search_index())
    add_tags(Image.objects.filter(pk=images[0].pk), "cat", by=OPERATOR)
    delete_forever(Image.objects.filter(pk=images[2].pk), by=OPERATOR)
    more = embed(alice, 1)

    late = SearchIndex()

    assert tagged(late, "cat") == [images[0].pk]
    assert late.lists.count(Image.objects.all()) == 4
    assert known_to(late).columns.rows_of([images[2].pk, more[0].pk]).tolist() == [-1, 4]


def test_a_patch_that_has_grown_becomes_a_new_base(alice, monkeypatch):
    images = embed(alice, 5)
    other = SearchIndex()
    known_to(search_index())
    known_to(other)
    monkeypatch.setattr(known_columns, "MOST_PATCHED", 1)

    add_tags(Image.objects.filter(pk__in=[image.pk for image in images[:3]]), "cat", by=OPERATOR)

    for index in (search_index(), other):
        assert len(known_to(index).columns.patch_rows) == 0
        assert tagged(index, "cat") == [image.pk for image in images[:3]]


def test_a_file_that_is_deleted_is_written_again(alice, data_dir):
    embed(alice, 3)
    known_to(search_index())
    file_in(data_dir).unlink()

    assert known_to(search_index()).columns.row_count == 3
    assert known_to(SearchIndex()).columns.row_count == 3
    assert file_in(data_dir).exists()


def test_a_file_of_other_columns_is_not_believed(alice, monkeypatch):
    embed(alice, 3)
    known_to(search_index())
    monkeypatch.setattr(columns_keeper, "ORIGIN", "another version of this program")

    assert SearchIndex().known_columns() is None


def test_a_file_from_which_the_log_does_not_lead_is_not_believed(alice):
    """As after the database was restored from a backup, or more has changed than the log keeps."""
    images = embed(alice, 3)
    known_to(search_index())
    Image.tags.through.objects.create(image=images[0], tag=Tag.objects.named(["cat"])[0])
    AccessChange.objects.all().delete()

    late = SearchIndex()

    assert late.known_columns() is None
    assert tagged(late, "cat") == [images[0].pk]
    assert known_to(late).columns.row_count == 3
    assert tagged(late, "cat") == [images[0].pk]


def test_a_database_with_an_older_version_is_read_anew(alice):
    images = embed(alice, 3)
    known_to(search_index())
    Image.tags.through.objects.create(image=images[0], tag=Tag.objects.named(["cat"])[0])
    assert tagged(search_index(), "cat") == [images[0].pk]

    Image.tags.through.objects.all().delete()
    AccessState.objects.update(version=7)

    assert tagged(search_index(), "cat") == []
    known_to(search_index())
    assert tagged(search_index(), "cat") == []


def test_another_epoch_gets_a_file_of_its_own(alice, data_dir):
    images = embed(alice, 5)
    known_to(search_index())
    delete_forever(Image.objects.filter(pk=images[0].pk), by=OPERATOR)

    compact(by=OPERATOR)

    assert not file_in(data_dir).exists()
    assert search_index().lists.count(Image.objects.all()) == 4
    assert known_to(search_index()).columns.ids_of(np.arange(4)).tolist() == [image.pk for image in images[1:]]
    assert (data_dir / "vectors" / "columns-2.bin").exists()


def test_another_epoch_is_known_at_once_and_the_library_is_not_read_anew(alice, monkeypatch):
    images = embed(alice, 5)
    known_to(search_index())
    delete_forever(Image.objects.filter(pk=images[0].pk), by=OPERATOR)
    add_tags(Image.objects.filter(pk=images[3].pk), "cat", by=OPERATOR)
    monkeypatch.setattr(columns_keeper, "load_all", refuse)

    compact(by=OPERATOR)
    add_tags(Image.objects.filter(pk=images[4].pk), "cat", by=OPERATOR)

    for index in (search_index(), SearchIndex()):
        known = index.known_columns()
        assert known is not None
        assert known.epoch == 2
        assert known.columns.ids_of(np.arange(4)).tolist() == [image.pk for image in images[1:]]
        assert tagged(index, "cat") == [images[3].pk, images[4].pk]


def test_a_change_of_the_model_is_known_at_once_with_who_came_and_went(alice, quick_encoder, wide, monkeypatch):
    """One picture has a row before alone, one after alone, and both change while no trigger notes it."""
    images = embed(alice, 5)
    going, coming, others = images[0], images[4], images[1:4]
    known_to(search_index())
    build_next(wide, images[1:], failing=going)
    search_index().forget_rows([4])
    tag = Tag.objects.named(["cat"])[0]
    Image.tags.through.objects.create(image=coming, tag=tag)
    monkeypatch.setattr(columns_keeper, "load_all", refuse)

    search_index().next.switch(wide, replaced_setting="")
    Image.tags.through.objects.create(image=going, tag=tag)
    Image.objects.filter(pk=going.pk).update(embed_error="")
    search_index().add([going.pk], unit_rows(1, dimension=wide.dimension), encoder=wide)

    for index in (search_index(), SearchIndex()):
        known = index.known_columns()
        assert known is not None
        assert known.columns.ids_of(np.arange(5)).tolist() == [image.pk for image in [*others, coming, going]]
        assert tagged(index, "cat") == [going.pk, coming.pk]


def test_turned_bytes_of_columns_are_found_and_read_anew(alice, data_dir):
    embed(alice, 3)
    known_to(search_index())
    content = bytearray(file_in(data_dir).read_bytes())
    content[-1] ^= 1
    file_in(data_dir).write_bytes(content)

    assert [problem.code for problem in search_index().problems()] == ["columns_damaged"]
    repair(by=OPERATOR)

    assert search_index().problems() == []
    known_to(SearchIndex())
    assert file_in(data_dir).exists()
    assert search_index().problems() == []


def test_a_file_that_a_move_left_which_did_not_come_to_pass_is_not_believed(alice, data_dir, monkeypatch):
    images = embed(alice, 5)
    known_to(search_index())
    search_index()._columns.write_ahead(2, np.array([image.pk for image in reversed(images)]))
    file_in(data_dir).unlink()

    compact(by=OPERATOR)

    assert known_to(search_index()).columns.ids_of(np.arange(5)).tolist() == [image.pk for image in images]


def test_crash_while_the_file_is_written(alice, data_dir, monkeypatch):
    """The lock is free again and the database answers; the next process writes it."""
    embed(alice, 3)

    def die(*_arguments: object, **_options: object) -> None:
        raise Crash

    monkeypatch.setattr(ColumnsFile, "write", die)
    with pytest.raises(Crash):
        search_index()._columns._write(None)
    monkeypatch.undo()
    monkeypatch.setattr(columns_keeper, "SMALL_ROWS", 2)
    monkeypatch.setattr(columns_keeper, "SECONDS_BETWEEN_TRIES", 0)

    assert not file_in(data_dir).exists()
    assert search_index().lists.count(Image.objects.all()) == 3
    settle()
    assert known_to(SearchIndex()).columns.row_count == 3


def test_a_file_that_cannot_be_read_is_written_again_and_shows_nobody_an_error(alice, monkeypatch):
    embed(alice, 3)
    known_to(search_index())

    def refuse(*_arguments: object) -> None:
        raise StorageNotWritable(path="columns-1.bin", reason="Permission denied")

    late = SearchIndex()
    with monkeypatch.context() as patch:
        patch.setattr(ColumnsFile, "read", refuse)
        assert late.lists.count(Image.objects.all()) == 3
        settle()

    assert known_to(SearchIndex()).columns.row_count == 3


@pytest.mark.parametrize("error", [StorageFull(), OSError(errno.EIO, "Input/output error")])
def test_a_file_that_cannot_be_written_is_not_tried_in_every_request(error, alice, monkeypatch):
    """All is read before the disk is seen to be full: at a million rows that is 20 s of a processor."""
    tried = []

    def refuse(*_arguments: object, **_options: object) -> None:
        tried.append(error)
        raise error

    embed(alice, 3)
    monkeypatch.setattr(ColumnsFile, "write", refuse)

    for _request in range(3):
        assert search_index().lists.count(Image.objects.all()) == 3
        settle()

    assert tried == [error]


def test_while_another_process_writes_nobody_waits(alice):
    embed(alice, 3)

    with SearchIndex()._columns._lock:
        assert search_index().known_columns() is None
        settle()
        assert search_index().lists.count(Image.objects.all()) == 3

    assert known_to(search_index()).columns.row_count == 3


def test_nothing_is_known_inside_a_transaction(alice):
    embed(alice, 3)
    known_to(search_index())

    with transaction.atomic():
        assert search_index().known_columns() is None


def test_a_text_that_is_folded_later_is_found_by_the_columns(alice):
    images = embed(alice, 3)
    Image.objects.filter(pk=images[1].pk).update(description="A Café")
    mentioning = Image.objects.mentioning("cafe")
    known_to(search_index())
    assert search_index().lists.count(mentioning) == mentioning.count() == 0

    Image.objects.filter(pk=images[1].pk).fold_texts()

    assert search_index().lists.count(mentioning) == 1
    assert known_to(search_index()).columns.numbers_of("is_folded", np.arange(3)).tolist() == [0, 1, 0]


def test_rows_that_a_large_album_touches_are_not_kept(alice, bob, monkeypatch):
    images = embed(alice, 4)
    album = Album.objects.create(owner=alice, title="all")
    for image in images:
        AlbumImage.objects.create(album=album, image=image)
    Image.objects.update(visibility=Visibility.SHARED)
    seen = Image.objects.visible_to(acting(bob))
    before = known_to(search_index())
    assert search_index().lists.count(seen) == 0
    monkeypatch.setattr(known_columns, "MOST_TOUCHED", 3)

    album.members.add(bob)

    assert search_index().lists.count(seen) == 4
    known = known_to(search_index())
    assert known.touched == ()
    assert known.touched_since(before.serial) is None


PASTS: dict[str, Callable[[User], object]] = {
    "pictures added": lambda alice: embed(alice, 4),
    "pictures added and changed": lambda alice: Image.objects.filter(
        pk__in=[image.pk for image in embed(alice, 4)]
    ).update(visibility=Visibility.PUBLIC),
    "pictures changed": lambda _: Image.objects.update(width_px=7),
    "pictures deleted": lambda _: delete_forever(Image.objects.filter(pk=Image.objects.newest()[0].pk), by=OPERATOR),
}


@pytest.mark.sqlite_only(reason="it can be copied within a test")
@pytest.mark.parametrize("after_copy", PASTS.values(), ids=PASTS.keys())
@pytest.mark.parametrize("after_restoring", PASTS.values(), ids=PASTS.keys())
def test_a_file_of_another_past_is_not_believed(after_copy, after_restoring, alice, data_dir):
    """The database was restored from a backup and came to the versions of the file, by other changes."""
    embed(alice, 3)
    copy = sqlite3.connect(":memory:")
    connection.connection.backup(copy)
    after_copy(alice)
    known_to(SearchIndex())

    copy.backup(connection.connection)
    after_restoring(alice)

    late = SearchIndex()
    for ask in (Image.objects.all(), Image.objects.filter(width_px=7), Image.objects.filter(visibility="public")):
        assert late.lists.count(ask) == ask.count()
        known_to(late)
        assert late.lists.count(ask) == ask.count()
