"""Columns compared with the database: what a file says wrongly with a right checksum is found, and nothing else is."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from django.db import connection

from gallery.models import OPERATOR, Album, AlbumImage, Image, Tag, User
from gallery.search_index import column_check, column_loading, columns_keeper, search_index
from gallery.search_index.column_check import ColumnsCheck
from gallery.services.curation import add_tags, delete_forever
from gallery.services.maintenance import compact, repair
from gallery.vectors.columns.columns_file import ColumnsFile
from gallery.vectors.columns.links import Links
from gallery.vectors.columns.table import Table
from gallery.vectors.columns.texts import Texts
from tests.integration.test_columns_keeper import embed, known_to, settle
from tests.waiting import PATIENCE_SECONDS, until

PICTURES = 9


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch):
    monkeypatch.setattr(column_check, "ROWS_AT_A_TIME", 4)


@pytest.fixture
def large(transactional_db, monkeypatch) -> Iterator[None]:
    """Let three pictures be many."""
    monkeypatch.setattr(columns_keeper, "SMALL_ROWS", 2)
    monkeypatch.setattr(columns_keeper, "SECONDS_BETWEEN_TRIES", 0)
    yield
    settle()


@pytest.fixture
def library(alice) -> list[Image]:
    """Pictures in rows 0 to 8; those in rows 4 to 6 are tagged and in an album."""
    images = embed(alice, PICTURES)
    album = Album.objects.create(owner=alice, title="some")
    for position, image in enumerate(images[4:7]):
        AlbumImage.objects.create(album=album, image=image, position=position)
    add_tags(Image.objects.filter(pk__in=[image.pk for image in images[4:7]]), "cat", by=OPERATOR)
    return images


def found() -> list[tuple[str, str]]:
    return [(problem.code, problem.detail) for problem in search_index().problems()]


# What is wrong


def with_another_width(table: Table) -> Table:
    width_px = table.numbers["width_px"].copy()
    width_px[5] += 1
    return replace(table, numbers={**table.numbers, "width_px": width_px})


def with_another_text(table: Table) -> Table:
    texts = [table.texts["folded_description"].at(row) for row in range(PICTURES)]
    texts[5] = b"something else"
    return replace(table, texts={**table.texts, "folded_description": Texts.of_bytes(texts)})


def without_a_tag(table: Table) -> Table:
    links = table.links["tag"]
    kept = links.rows != 5
    return replace(table, links={**table.links, "tag": Links.of(links.rows[kept], links.key_of_link[kept])})


def with_a_tag_on_another_picture(table: Table) -> Table:
    """Only in the order of the tags: in that of the rows it is on the right one."""
    links = table.links["tag"]
    rows = np.where(links.rows == 5, 7, links.rows).astype(np.uint32)
    return replace(table, links={**table.links, "tag": replace(links, rows=rows)})


def with_another_place_in_an_album(table: Table) -> Table:
    links = table.links["album"]
    assert links.positions is not None
    positions = links.positions + (links.rows == 5) * 2**40
    return replace(table, links={**table.links, "album": replace(links, positions=positions)})


def with_another_picture(table: Table) -> Table:
    ids = table.ids.copy()
    ids[5] = 2**40
    return replace(table, ids=ids, by_id=None)


def found_by_another_row(table: Table) -> Table:
    assert table.by_id is not None
    return replace(table, by_id=np.where(table.by_id == 5, 0, table.by_id).astype(np.uint32))


WRONGS: dict[str, tuple[str, Callable[[Table], Table]]] = {
    "number": ("width_px", with_another_width),
    "text": ("folded_description", with_another_text),
    "tag": ("tag", without_a_tag),
    "tag in one order": ("tag", with_a_tag_on_another_picture),
    "album": ("album", with_another_place_in_an_album),
    "id": ("id", with_another_picture),
    "order of ids": ("id", found_by_another_row),
}


def spoil_file(data_dir: Path, spoiled: Callable[[Table], Table]) -> None:
    """Write the file with something wrong, and have this process read it."""
    file = ColumnsFile(data_dir / "vectors")
    known = file.read(1)
    assert known is not None
    file.write(spoiled(known.table), stamp=known.stamp)
    search_index()._columns._known = None


@pytest.mark.usefixtures("large")
@pytest.mark.parametrize(("column", "spoiled"), WRONGS.values(), ids=WRONGS.keys())
def test_wrong_value_with_a_right_checksum_is_found_and_mended(column, spoiled, library, data_dir, quick_encoder):
    known_to(search_index())
    assert found() == []
    spoil_file(data_dir, spoiled)

    where = f"row 5 (picture {library[5].pk}) first"
    assert found() == [("columns_wrong", f"1 rows are not as in the database, {where}: {column}.")]
    repair(by=OPERATOR)

    assert found() == []
    known_to(search_index())
    assert found() == []
    assert Image.objects.searchable().count() == PICTURES


@pytest.mark.usefixtures("large")
def test_wrong_patch_is_found(library):
    known = known_to(search_index())
    wrong = with_another_width(known.columns.merged()).take(np.array([5]))
    search_index()._columns._known = replace(known, columns=known.columns.changed(np.array([5]), wrong))

    assert [code for code, _detail in found()] == ["columns_wrong"]


@pytest.mark.usefixtures("transactional_db")
@pytest.mark.parametrize("spoiled", [with_another_width, with_another_text, without_a_tag])
def test_columns_of_a_small_library_are_compared_too(spoiled, library, quick_encoder):
    known = known_to(search_index())
    base = spoiled(known.columns.merged())
    search_index()._columns._known = replace(known, columns=replace(known.columns, base=base))

    assert [code for code, _detail in found()] == ["columns_wrong"]
    repair(by=OPERATOR)

    assert found() == []


# What others do meanwhile


def tags(alice: User, images: list[Image]) -> None:
    Image.tags.through.objects.create(image=images[5], tag=Tag.objects.named(["dog"])[0])


def untags(alice: User, images: list[Image]) -> None:
    Image.tags.through.objects.filter(image=images[5]).delete()


def describes(alice: User, images: list[Image]) -> None:
    changed = Image.objects.filter(pk=images[5].pk)
    changed.update(description="A dog", width_px=7)
    changed.fold_texts()


def reorders(alice: User, images: list[Image]) -> None:
    AlbumImage.objects.filter(image=images[5]).update(position=99)


def uploads(alice: User, images: list[Image]) -> None:
    embed(alice, 2)


def deletes(alice: User, images: list[Image]) -> None:
    delete_forever(Image.objects.filter(pk=images[5].pk), by=OPERATOR)


def compacts(alice: User, images: list[Image]) -> None:
    delete_forever(Image.objects.filter(pk=images[1].pk), by=OPERATOR)
    compact(by=OPERATOR)


CHANGES = [tags, untags, describes, reorders, uploads, deletes, compacts]


def between_columns_and_database(monkeypatch, change: Callable[[], None], *, after: bool) -> list[int]:
    """Run `change` at the second part, before or after the database is read; return a list of the parts' starts."""
    starts: list[int] = []

    def load_range(start: int, stop: int) -> column_loading.Facts:
        starts.append(start)
        if len(starts) == 2 and not after:
            change()
        facts = column_loading.load_range(start, stop)
        if len(starts) == 2 and after:
            change()
        return facts

    monkeypatch.setattr(column_check, "load_range", load_range)
    return starts


@pytest.mark.usefixtures("large")
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_change_beside_the_check_is_no_problem(change, after, alice, library, monkeypatch):
    known_to(search_index())
    starts = between_columns_and_database(monkeypatch, lambda: change(alice, library), after=after)

    assert found() == []

    assert starts[:2] == [0, 4]
    known_to(search_index())
    assert found() == []


@pytest.mark.usefixtures("large")
def test_nothing_is_found_beside_a_writer_that_never_rests(alice, library):
    known_to(search_index())
    enough, written = threading.Event(), []

    def write() -> None:
        try:
            while not enough.is_set():
                for change in (tags, describes, reorders, untags, uploads):
                    change(alice, library)
                written.append(True)
        finally:
            connection.close()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        until(lambda: bool(written), "the writer has begun")
        seen = [ColumnsCheck(search_index().known_columns).problems() for _ in range(10)]
    finally:
        enough.set()
        writer.join(PATIENCE_SECONDS)

    assert seen == [[]] * 10


@pytest.mark.usefixtures("large")
def test_rows_that_change_all_the_time_are_looked_at_until_they_rest(alice, library, monkeypatch, data_dir):
    """A change comes between each look and the question whether it was of the present; then there is none."""
    known_to(search_index())
    spoil_file(data_dir, with_another_width)
    real, looks = column_check.load_some, []

    def load_some(*arguments: object, **named: object) -> column_loading.Facts:
        facts = real(*arguments, **named)
        looks.append(True)
        if len(looks) < 4:
            Image.objects.filter(pk=library[0].pk).update(width_px=100 + len(looks))
        return facts

    monkeypatch.setattr(column_check, "load_some", load_some)

    assert [code for code, _detail in found()] == ["columns_wrong"]
    assert len(looks) == 4


@pytest.mark.usefixtures("large")
def test_sound_rows_are_read_once_and_some_at_a_time(library, monkeypatch):
    known_to(search_index())
    monkeypatch.setattr(column_check, "load_some", None)
    starts = between_columns_and_database(monkeypatch, lambda: None, after=True)

    assert found() == []

    assert starts == [0, 4, 8]
