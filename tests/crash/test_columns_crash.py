"""The file of columns at the moment of death: processes that are really killed while they write it."""

import os
from collections.abc import Callable

import pytest

from gallery.durable.synced_writing import partial_path
from gallery.vectors.columns.columns_file import ColumnsFile, Stamp
from tests.crash.children import dies_at, in_child
from tests.unit.vectors.columns_cast import Picture, pictures_of, table_of

OLD = [Picture(number, name=f"old {number}", tags=frozenset({number % 3})) for number in range(1, 40)]
NEW = [Picture(number, name=f"new {number}", tags=frozenset({number % 5})) for number in range(1, 90)]
OLD_STAMP, NEW_STAMP = Stamp(1, 10, 100), Stamp(1, 11, 101)


@pytest.fixture
def file(tmp_path) -> ColumnsFile:
    return ColumnsFile(tmp_path / "vectors")


@pytest.fixture
def old_file(file) -> ColumnsFile:
    file.write(table_of(OLD), stamp=OLD_STAMP)
    return file


def writing_new(file: ColumnsFile) -> Callable[[], None]:
    return lambda: file.write(table_of(NEW), stamp=NEW_STAMP)


def assert_holds(file: ColumnsFile, pictures: list[Picture], stamp: Stamp) -> None:
    """The file is whole, and the next writing replaces it."""
    stored = file.read(1)
    assert stored.stamp == stamp
    assert pictures_of(stored.table) == pictures
    assert file.damage(1) == []
    writing_new(file)()
    assert file.read(1).stamp == NEW_STAMP
    assert pictures_of(file.read(1).table) == NEW
    assert not partial_path(file.path(1)).exists()


@pytest.mark.parametrize("point", ["after_partial_before_sync", "after_partial_before_rename"])
def test_crash_before_the_first_file_has_its_name(file, point):
    assert dies_at(point, writing_new(file))

    assert file.read(1) is None
    assert partial_path(file.path(1)).exists()
    writing_new(file)()
    assert_holds(file, NEW, NEW_STAMP)


@pytest.mark.parametrize("point", ["after_partial_before_sync", "after_partial_before_rename"])
def test_crash_before_the_new_file_has_its_name(old_file, point):
    assert dies_at(point, writing_new(old_file))
    assert_holds(old_file, OLD, OLD_STAMP)


@pytest.mark.parametrize("point", ["after_one_rename", "after_rename_before_folder_sync"])
def test_crash_after_the_new_file_has_its_name(old_file, point):
    assert dies_at(point, writing_new(old_file))
    assert_holds(old_file, NEW, NEW_STAMP)


@pytest.mark.parametrize("writes", range(0, 13, 2))
def test_crash_between_columns(old_file, writes):
    def dies_after_some() -> None:
        real, done = os.pwrite, iter(range(writes))
        os.pwrite = lambda *args: os.kill(os.getpid(), 9) if next(done, None) is None else real(*args)
        writing_new(old_file)()

    _, status = os.waitpid(in_child(dies_after_some), 0)

    assert os.WIFSIGNALED(status)
    assert_holds(old_file, OLD, OLD_STAMP)
