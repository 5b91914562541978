"""The store on a disk that refuses: the n-th call of each kind fails, whatever is being done. Nothing lost or half."""

import errno
import itertools
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import pytest

from gallery.errors import StorageFull
from gallery.vectors.npy_header import HEADER_BYTES
from gallery.vectors.store import VectorStore
from tests.unit.vectors.engine_contract import unit_rows

DIMENSION = 16
BEFORE = unit_rows(5, dimension=DIMENSION)
ADDED = unit_rows(3, dimension=DIMENSION, seed=1)
CLEARED = [1, 3]

append_calls = [
    *(("pwrite", n) for n in (1, 2, 3)),
    *(("fdatasync", n) for n in (1, 2, 3)),
    *(("ftruncate", n) for n in (1, 2)),
]
clear_calls = [*(("pwrite", n) for n in (1, 2, 3, 4)), *(("fdatasync", n) for n in (1, 2))]
epoch_calls = [
    *(("pwrite", n) for n in (1, 2, 3, 4, 5)),
    *(("fdatasync", n) for n in (1, 2)),
    *(("rename", n) for n in (1, 2)),
    ("fsync", 1),
]
first_append_calls = [
    *(("pwrite", n) for n in (1, 2, 3, 4)),
    *(("fdatasync", n) for n in (1, 2, 3, 4, 5)),
    *(("ftruncate", n) for n in (1, 2)),
    *(("rename", n) for n in (1, 2)),
    *(("fsync", n) for n in (1, 2)),
]
missing_calls = [("pwrite", 1), ("fdatasync", 1)]
restore_calls = [("pwrite", 1), ("fdatasync", 1)]


@dataclass(frozen=True)
class Fault:
    """The n-th call of one function fails, once; a write may have written half of its bytes before."""

    name: str
    n: int
    number: int
    half: bool

    @property
    def error(self) -> type[Exception]:
        return StorageFull if self.number == errno.ENOSPC else OSError

    @property
    def call(self) -> tuple[str, int]:
        return self.name, self.n

    def __str__(self) -> str:
        return f"{self.name}_{self.n}_{errno.errorcode[self.number]}{'_half' * self.half}"


def each_fault(calls: list[tuple[str, int]]) -> pytest.MarkDecorator:
    faults = [
        Fault(name, n, number, half)
        for name, n in calls
        for number in (errno.EIO, errno.ENOSPC)
        for half in ([False, True] if name == "pwrite" else [False])
    ]
    return pytest.mark.parametrize("fault", faults, ids=str)


@contextmanager
def refused(fault: Fault) -> Iterator[None]:
    """Expect the body to fail of it."""
    real = getattr(os, fault.name)
    calls = itertools.count(1)

    def called(*args):
        if next(calls) != fault.n:
            return real(*args)
        is_header = fault.name == "pwrite" and args[2] == 0 and len(args[1]) == HEADER_BYTES  # one sector: never half
        if fault.half and not is_header:
            real(args[0], args[1][: len(args[1]) // 2], args[2])
        raise OSError(fault.number, os.strerror(fault.number))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, fault.name, called)
        with pytest.raises(fault.error):
            yield


@pytest.fixture
def store(tmp_path) -> VectorStore:
    store = VectorStore(tmp_path / "vectors", dimension=DIMENSION)
    store.append(BEFORE, epoch=1)
    return store


def damage_header(store: VectorStore) -> None:
    with store.path(1).open("r+b") as file:
        file.write(bytes(HEADER_BYTES))


def calls_of(work: Callable[[], object]) -> list[tuple[str, int]]:
    made: list[tuple[str, int]] = []
    with pytest.MonkeyPatch.context() as patch:
        for name in ("pwrite", "fdatasync", "ftruncate", "rename", "fsync"):
            real, count = getattr(os, name), itertools.count(1)

            def called(*args, name=name, real=real, count=count):
                made.append((name, next(count)))
                return real(*args)

            patch.setattr(os, name, called)
        work()
    return sorted(made)


def test_every_call_has_its_turn(store):
    """The lists above are complete: so many calls there are."""
    assert calls_of(lambda: store.append(ADDED, epoch=1)) == sorted(append_calls)
    assert calls_of(lambda: store.clear(CLEARED, epoch=1)) == sorted(clear_calls)
    assert calls_of(lambda: store.write_epoch(2, [BEFORE, ADDED])) == sorted(epoch_calls)
    os.truncate(store.checksums_path(1), 0)
    assert calls_of(lambda: store.write_missing_checksums(epoch=1)) == sorted(missing_calls)
    damage_header(store)
    assert calls_of(lambda: store.restore_header(epoch=1, row_count=5)) == sorted(restore_calls)
    assert calls_of(lambda: store.append(ADDED, epoch=3)) == sorted(first_append_calls)


@each_fault(append_calls)
def test_append_that_fails_leaves_the_old_rows_and_may_be_done_again(store, fault):
    with refused(fault):
        store.append(ADDED, epoch=1)

    is_committed = fault.call == ("fdatasync", 3)  # the header is written; nobody knows whether it is on the disk
    left = np.concatenate([BEFORE, ADDED]) if is_committed else BEFORE
    np.testing.assert_array_equal(np.load(store.path(1)), left)
    assert store.check(epoch=1) == []
    if fault.call not in {("pwrite", 3), ("fdatasync", 3), ("ftruncate", 1)}:
        assert store.path(1).stat().st_size == HEADER_BYTES + len(left) * DIMENSION * 4
        assert store.checksums_path(1).stat().st_size == len(left) * 4

    assert store.append(ADDED, epoch=1) == range(len(left), len(left) + 3)

    np.testing.assert_array_equal(np.load(store.path(1)), np.concatenate([left, ADDED]))
    assert store.check(epoch=1) == []


@each_fault(first_append_calls)
def test_first_append_that_fails_leaves_nothing_and_may_be_done_again(tmp_path, fault):
    store = VectorStore(tmp_path / "vectors", dimension=DIMENSION)
    with refused(fault):
        store.append(ADDED, epoch=1)

    first = 3 if fault.call == ("fdatasync", 5) else 0
    assert store.row_count(epoch=1) == first
    assert not list(store.folder.glob("*.partial"))
    assert store.append(ADDED, epoch=1) == range(first, first + 3)
    np.testing.assert_array_equal(np.load(store.path(1))[first:], ADDED)
    assert store.check(epoch=1) == []


@each_fault(clear_calls)
def test_clear_that_fails_touches_no_other_row_and_half_a_row_is_reported(store, fault):
    with refused(fault):
        store.clear(CLEARED, epoch=1)

    matrix = np.load(store.path(1))
    np.testing.assert_array_equal(matrix[[0, 2, 4]], BEFORE[[0, 2, 4]])
    neither = [row for row in CLEARED if matrix[row].any() and (matrix[row] != BEFORE[row]).any()]
    assert neither == ([CLEARED[fault.n - 1]] if fault.half and fault.n <= 2 else [])
    assert [problem.row for problem in store.check(epoch=1)] == neither

    store.clear(CLEARED, epoch=1)

    assert not np.load(store.path(1))[CLEARED].any()
    assert np.flatnonzero(np.fromfile(store.checksums_path(1), dtype="<u4") == 0).tolist() == CLEARED
    assert store.check(epoch=1) == []


@each_fault(epoch_calls)
def test_new_epoch_that_fails_is_absent_or_whole_and_may_be_written_again(store, fault):
    with refused(fault):
        store.write_epoch(2, [BEFORE, ADDED])

    np.testing.assert_array_equal(np.load(store.path(1)), BEFORE)
    assert store.check(epoch=1) == store.check(epoch=2) == []
    assert store.row_count(epoch=2) == (8 if fault.name == "fsync" else 0)
    assert not list(store.folder.glob("*.partial"))

    assert store.write_epoch(2, [BEFORE, ADDED]) == 8

    np.testing.assert_array_equal(np.load(store.path(2)), np.concatenate([BEFORE, ADDED]))
    assert store.check(epoch=2) == []


@each_fault(missing_calls)
def test_missing_checksums_that_fail_may_be_written_again(store, fault):
    store.checksums_path(1).unlink()
    with refused(fault):
        store.write_missing_checksums(epoch=1)

    assert {problem.row for problem in store.check(epoch=1)} <= {None}
    store.write_missing_checksums(epoch=1)

    np.testing.assert_array_equal(np.load(store.path(1)), BEFORE)
    assert store.check(epoch=1) == []


@each_fault(restore_calls)
def test_header_that_cannot_be_restored_may_be_restored_again(store, fault):
    damage_header(store)
    with refused(fault):
        store.restore_header(epoch=1, row_count=5)

    assert store.restore_header(epoch=1, row_count=5) == 5

    np.testing.assert_array_equal(np.load(store.path(1)), BEFORE)
    assert store.check(epoch=1) == []
