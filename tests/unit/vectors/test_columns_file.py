"""The file of columns: what is written is read, and what cannot be right is not believed."""

import mmap
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings

from gallery.durable.synced_writing import partial_path
from gallery.errors import StorageFull, StorageNotWritable
from gallery.vectors.columns import columns_file
from gallery.vectors.columns.columns import Columns
from gallery.vectors.columns.columns_file import ColumnsFile, Stamp
from gallery.vectors.columns.ordering import Order
from gallery.vectors.columns.table import Table
from tests.unit.vectors.columns_cast import NOBODY, Library, Picture, libraries, pictures_of, table_of

STAMP = Stamp(epoch=3, access_version=41, index_version=7, origin="a database")
PICTURES = [
    Picture(5, taken=4, name="b", tags=frozenset({1, 2}), albums={1: 9}),
    NOBODY,
    Picture(2, name="狗", tags=frozenset({2}), albums={1: 3}),
]


@pytest.fixture
def file(tmp_path) -> ColumnsFile:
    return ColumnsFile(tmp_path / "vectors")


@pytest.fixture
def written(file) -> Path:
    file.write(table_of(PICTURES), stamp=STAMP)
    return file.path(3)


def stored_pictures(file: ColumnsFile) -> list[Picture]:
    stored = file.read(3)
    assert stored is not None
    return pictures_of(stored.table)


@settings(max_examples=40)
@given(library=libraries())
def test_what_was_written_is_read(tmp_path_factory, library: Library):
    file = ColumnsFile(tmp_path_factory.mktemp("columns"))

    file.write(library.columns.merged(), stamp=STAMP)
    stored = file.read(3)

    assert stored.stamp == STAMP
    assert pictures_of(stored.table) == library.pictures
    assert file.damage(3) == []


def test_a_mapped_table_answers_as_the_one_that_was_written(file, written):
    columns = Columns.of(file.read(3).table)

    assert columns.rows_of([2, 3, 5]).tolist() == [2, -1, 0]
    assert columns.where(columns.linked("tag", [2])).rows.tolist() == [0, 2]
    assert columns.ordered(columns.live, [Order("name", descending=True)], size=2).tolist() == [2, 0]
    assert columns.in_link_order("album", 1, columns.live).tolist() == [2, 0]
    assert pictures_of(columns.take(np.array([2, 0]))) == [PICTURES[2], PICTURES[0]]


def test_a_mapped_table_cannot_be_written_to(file, written):
    with pytest.raises(ValueError, match="read-only"):
        file.read(3).table.ids[0] = 1


def test_what_is_made_once_lies_in_the_file(file, written):
    table = file.read(3).table

    assert table.by_id.tolist() == [1, 2, 0]
    assert table.texts["name"].ranks.tolist() == [1, 0, 2]
    assert table.links["tag"].by_row.tolist() == [0, 1, 2]


def test_no_file_is_no_table(file):
    assert file.read(3) is None
    assert file.damage(3) == []


def test_a_new_file_leaves_the_table_that_was_mapped_before(file, written):
    before = file.read(3).table

    file.write(table_of([Picture(77)]), stamp=STAMP)

    assert pictures_of(before) == PICTURES
    assert stored_pictures(file) == [Picture(77)]


def test_a_removed_file_leaves_the_table_that_was_mapped_before(file, written):
    before = file.read(3).table

    file.remove(3)
    file.remove(3)

    assert file.read(3) is None
    assert pictures_of(before) == PICTURES


def test_a_table_of_nothing_is_written_and_read(file):
    file.write(Table(ids=np.empty(0, dtype=np.int64)), stamp=STAMP)

    assert file.read(3).table.row_count == 0


def test_two_maps_are_of_the_same_pages(file, written, monkeypatch):
    mapped = []
    real = mmap.mmap
    monkeypatch.setattr(mmap, "mmap", lambda *args, **options: (mapped.append(options), real(*args, **options))[1])

    file.read(3)
    file.read(3)

    assert mapped == [{"access": mmap.ACCESS_READ}] * 2  # of the file: nothing of it is private to a process


# What cannot be right


def test_every_cut_of_the_file_is_not_believed(file, written):
    content = written.read_bytes()
    for length in range(0, len(content), 7):
        written.write_bytes(content[:length])
        assert file.read(3) is None, length
        assert file.damage(3) == ["header"]
    written.write_bytes(content + b"\0")
    assert file.read(3) is None


def test_every_turned_byte_of_the_header_is_not_believed(file, written):
    content = bytearray(written.read_bytes())
    header_bytes = columns_file._PREAMBLE.size + columns_file._PREAMBLE.unpack_from(content)[2]
    for place in range(header_bytes):
        content[place] ^= 0x40
        written.write_bytes(content)
        assert file.read(3) is None, place
        content[place] ^= 0x40


def test_every_turned_byte_of_a_column_is_damage(file, written):
    content = bytearray(written.read_bytes())
    sections = columns_file._Header.of_bytes(memoryview(bytes(content))).sections
    first = len(content) - sections[-1].stop
    for section in sections:
        for place in range(first + section.offset, first + section.stop):
            content[place] ^= 0x01
            written.write_bytes(content)
            assert file.damage(3) in ([section.name], ["header"])
            content[place] ^= 0x01


@pytest.mark.parametrize("name", ["of another format", "of another epoch"])
def test_a_whole_file_is_not_believed(file, written, monkeypatch, name):
    if name == "of another format":
        monkeypatch.setattr(columns_file, "FORMAT", columns_file.FORMAT + 1)
    else:
        written.rename(file.path(4))

    assert file.read(3) is None
    assert file.read(4) is None


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("numbers/width", np.zeros(4, dtype=np.int32)),
        ("by_id", np.zeros(4, dtype=np.uint32)),
        ("texts/name/starts", np.array([0, 1, 1, 9])),
        ("texts/name/starts", np.array([0, 4])),
        ("texts/name/ranks", np.zeros(2, dtype=np.uint32)),
        ("links/tag/starts", np.array([0, 3])),
        ("links/tag/starts", np.array([0, 1, 2])),
        ("links/album/positions", np.zeros(1, dtype=np.int64)),
        ("links/tag/by_row", np.zeros(4, dtype=np.uint32)),
    ],
)
def test_columns_that_do_not_fit_each_other_are_not_believed(file, monkeypatch, name, wrong):
    real = columns_file._arrays_of
    monkeypatch.setattr(columns_file, "_arrays_of", lambda table: (dict(real(table)) | {name: wrong}).items())

    file.write(table_of(PICTURES), stamp=STAMP)

    assert file.read(3) is None


@pytest.mark.parametrize("name", ["ids", "texts/name/content", "links/tag/rows"])
def test_a_file_without_a_column_is_not_believed(file, monkeypatch, name):
    real = columns_file._arrays_of
    monkeypatch.setattr(
        columns_file, "_arrays_of", lambda table: ((one, array) for one, array in real(table) if one != name)
    )

    file.write(table_of(PICTURES), stamp=STAMP)

    assert file.read(3) is None


def test_a_folder_in_the_place_of_the_vectors_is_not_writable(tmp_path):
    (tmp_path / "vectors").write_text("a file")

    with pytest.raises(StorageNotWritable):
        ColumnsFile(tmp_path / "vectors").write(table_of(PICTURES), stamp=STAMP)


def test_a_disk_that_refuses_leaves_the_file_as_it_was(file, written, monkeypatch):
    def refuse(*_args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(columns_file, "write_all", refuse)
    with pytest.raises(StorageFull):
        file.write(table_of([Picture(77)]), stamp=STAMP)

    assert stored_pictures(file) == PICTURES
    assert not partial_path(written).exists()
