"""The store at the moment of death: processes that are really killed, and a disk that forgets what was not synced."""

import itertools
import os
import random
import select
import signal
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gallery.vectors import crash_points
from gallery.vectors.files import partial_path
from gallery.vectors.npy_header import HEADER_BYTES
from gallery.vectors.store import VectorStore

DIMENSION = 16
ROW_BYTES = DIMENSION * 4
OLD, NEW = 5, 3


def expected_rows(stop: int, start: int = 0) -> np.ndarray:
    """Return rows whose content follows from their number, so that any row in a wrong place is seen."""
    angles = np.arange(start, stop, dtype=np.float64)[:, None] * 0.1 + np.arange(DIMENSION) * 1.7
    rows = np.cos(angles) + 0.01 * np.sin(angles * 31)
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture
def store(tmp_path) -> VectorStore:
    return VectorStore(tmp_path / "vectors", dimension=DIMENSION, lock_timeout_seconds=10)


@pytest.fixture
def old_store(store) -> VectorStore:
    store.append(expected_rows(OLD), epoch=1)
    return store


def in_child(work: Callable[[], object]) -> int:
    """Run `work` in a process of its own and return its id; its exit status is 0 if it finishes."""
    pid = os.fork()
    if pid:
        return pid
    try:
        work()
    except BaseException:  # noqa: BLE001 -- nothing of the parent's pytest may run on in the child
        os._exit(1)
    os._exit(0)


def killed_at(point: str, work: Callable[[], object]) -> None:
    """Run `work` in a process that gets a real `kill -9` at the named moment, and see that it died of it."""

    def die(name: str) -> None:
        if name == point:
            os.kill(os.getpid(), signal.SIGKILL)

    def work_until_point() -> None:
        crash_points.callback = die
        work()

    _, status = os.waitpid(in_child(work_until_point), 0)
    assert os.WIFSIGNALED(status), f"{point} was never reached"


def assert_committed(store: VectorStore, count: int, *, tail_bytes: int = 0) -> None:
    """The file is exactly the first `count` rows for NumPy and for us, and the next append continues there."""
    np.testing.assert_array_equal(np.load(store.path(1)), expected_rows(count))
    np.testing.assert_array_equal(store.read(epoch=1), expected_rows(count))
    assert store.check(epoch=1) == []
    assert store.path(1).stat().st_size == HEADER_BYTES + count * ROW_BYTES + tail_bytes

    assert store.append(expected_rows(count + 2, count), epoch=1) == range(count, count + 2)

    np.testing.assert_array_equal(np.load(store.path(1)), expected_rows(count + 2))
    assert store.path(1).stat().st_size == HEADER_BYTES + (count + 2) * ROW_BYTES


# Append


def append_new(store: VectorStore) -> Callable[[], object]:
    return lambda: store.append(expected_rows(OLD + NEW, OLD), epoch=1)


def test_crash_after_cut_before_rows(old_store):
    killed_at("after_cut_before_rows", append_new(old_store))
    assert_committed(old_store, OLD)


def test_crash_in_the_middle_of_a_row(old_store):
    def half_written() -> None:
        real_pwrite = os.pwrite
        os.pwrite = lambda fd, content, offset: (real_pwrite(fd, content[:70], offset), os.kill(os.getpid(), 9))[0]
        append_new(old_store)()

    _, status = os.waitpid(in_child(half_written), 0)

    assert os.WIFSIGNALED(status)
    assert_committed(old_store, OLD, tail_bytes=70)


def test_crash_after_rows_before_sync(old_store):
    killed_at("after_rows_before_sync", append_new(old_store))
    assert_committed(old_store, OLD, tail_bytes=NEW * ROW_BYTES)


def test_crash_after_rows_before_header(old_store):
    killed_at("after_rows_before_header", append_new(old_store))
    assert_committed(old_store, OLD, tail_bytes=NEW * ROW_BYTES)


def test_crash_after_header_before_sync(old_store):
    killed_at("after_header_before_sync", append_new(old_store))
    assert_committed(old_store, OLD + NEW)


def test_crash_after_header_sync(old_store):
    killed_at("after_header_sync", append_new(old_store))
    assert_committed(old_store, OLD + NEW)


def test_crash_twice_leaves_one_tail_at_most(old_store):
    killed_at("after_rows_before_header", append_new(old_store))
    killed_at("after_rows_before_header", lambda: old_store.append(expected_rows(OLD + 1, OLD), epoch=1))
    assert_committed(old_store, OLD, tail_bytes=ROW_BYTES)


@pytest.mark.parametrize("point", ["after_partial_before_sync", "after_partial_before_rename"])
def test_crash_before_the_first_file_is_there(store, point):
    killed_at(point, lambda: store.append(expected_rows(OLD), epoch=1))

    assert store.epochs() == []
    assert store.read(epoch=1).shape == (0, DIMENSION)
    assert store.append(expected_rows(OLD), epoch=1) == range(OLD)
    assert_committed(store, OLD)


def test_crash_after_the_first_file_is_there(store):
    killed_at("after_rename_before_folder_sync", lambda: store.append(expected_rows(OLD), epoch=1))
    assert_committed(store, 0)


# Clear and overwrite


def test_crash_between_cleared_rows(old_store):
    killed_at("between_rows_in_place", lambda: old_store.clear([1, 3], epoch=1))
    assert np.flatnonzero(~old_store.read(epoch=1).any(axis=1)).tolist() == [1]

    old_store.clear([1, 3], epoch=1)

    assert np.flatnonzero(~np.load(old_store.path(1)).any(axis=1)).tolist() == [1, 3]
    assert old_store.check(epoch=1) == []


def test_crash_after_cleared_rows_before_sync(old_store):
    killed_at("after_rows_in_place_before_sync", lambda: old_store.clear([1, 3], epoch=1))
    assert np.flatnonzero(~np.load(old_store.path(1)).any(axis=1)).tolist() == [1, 3]


def test_crash_in_the_middle_of_an_overwritten_row_is_found_and_mended(old_store):
    replacement = -expected_rows(2, 1)

    def half_written() -> None:
        real_pwrite = os.pwrite
        os.pwrite = lambda fd, content, offset: (real_pwrite(fd, content[:20], offset), os.kill(os.getpid(), 9))[0]
        old_store.clear([1], epoch=1)

    os.waitpid(in_child(half_written), 0)
    assert [(problem.code, problem.row) for problem in old_store.check(epoch=1)] == [("not_unit", 1)]

    old_store.overwrite([1], replacement, epoch=1)

    assert old_store.check(epoch=1) == []
    np.testing.assert_array_equal(np.load(old_store.path(1))[1], replacement[0])


# A new epoch


def write_epoch_2(store: VectorStore) -> Callable[[], object]:
    return lambda: store.write_epoch(2, [expected_rows(2), expected_rows(OLD, 2)])


@pytest.mark.parametrize("point", ["after_partial_before_sync", "after_partial_before_rename"])
def test_crash_before_the_new_epoch_has_its_name(old_store, point):
    killed_at(point, write_epoch_2(old_store))

    assert old_store.epochs() == [1]
    assert partial_path(old_store.path(2)).exists()
    assert write_epoch_2(old_store)() == OLD
    assert not partial_path(old_store.path(2)).exists()
    np.testing.assert_array_equal(np.load(old_store.path(2)), expected_rows(OLD))
    assert_committed(old_store, OLD)


def test_crash_after_rename_before_folder_sync(old_store):
    killed_at("after_rename_before_folder_sync", write_epoch_2(old_store))

    assert old_store.epochs() == [1, 2]
    np.testing.assert_array_equal(np.load(old_store.path(2)), expected_rows(OLD))
    assert_committed(old_store, OLD)


def test_removed_epoch_takes_its_partial_file_with_it(old_store):
    killed_at("after_partial_before_rename", write_epoch_2(old_store))

    old_store.remove_epoch(2)

    assert sorted(entry.name for entry in old_store.folder.iterdir()) == ["embeddings-1.npy", "store.lock"]


# kill -9 at any moment


def append_forever(store: VectorStore, report: int, seed: int) -> None:
    """Append batches of 1..300 rows; say before each where it begins and ends, and after it that it is committed."""
    random_source = random.Random(seed)
    while True:
        first = store.row_count(epoch=1)
        stop = first + random_source.randint(1, 300)
        os.write(report, b"begin %d %d\n" % (first, stop))
        store.append(expected_rows(stop, first), epoch=1)
        os.write(report, b"done %d %d\n" % (first, stop))


def drained(pipe: int) -> list[list[str]]:
    """Return every line of a pipe whose writer is dead."""
    content = b""
    while part := os.read(pipe, 65_536):
        content += part
    os.close(pipe)
    return [line.split() for line in content.decode().splitlines()]


def rows_seen_by_numpy(path: Path, until: float) -> int:
    """Load the file again and again, as a stranger would, and return how many times its rows were right."""
    looks = 0
    while time.monotonic() < until:
        matrix = np.load(path)
        np.testing.assert_array_equal(matrix[-400:], expected_rows(len(matrix), max(0, len(matrix) - 400)))
        looks += 1
    return looks


def test_fifty_kills_at_random_moments_leave_exactly_the_committed_rows(old_store):
    tails, looks = 0, 0
    for seed in range(50):
        reader, writer = os.pipe()
        pid = in_child(lambda seed=seed, writer=writer: append_forever(old_store, writer, seed))
        os.close(writer)
        assert select.select([reader], [], [], 10)[0], "the writer never began"
        looks += rows_seen_by_numpy(old_store.path(1), time.monotonic() + random.Random(seed).uniform(0, 0.03))
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)

        verb, first, stop = drained(reader)[-1]
        matrix = np.load(old_store.path(1))
        assert len(matrix) in ({int(stop)} if verb == "done" else {int(first), int(stop)})
        np.testing.assert_array_equal(matrix, expected_rows(len(matrix)))
        assert old_store.check(epoch=1) == []
        tails += old_store.path(1).stat().st_size > HEADER_BYTES + len(matrix) * ROW_BYTES
    print(f"50 kills: {len(matrix)} rows, {tails} uncommitted tails, {looks} looks by np.load")


def test_two_writers_never_lose_a_row(store):
    n_writers, n_batches, batch_rows = 3, 60, 4

    def write(writer: int) -> None:
        own = VectorStore(store.folder, dimension=DIMENSION)
        for batch in range(n_batches):
            start = (writer * n_batches + batch) * batch_rows
            placed = own.append(expected_rows(start + batch_rows, start), epoch=1)
            np.testing.assert_array_equal(
                own.read(epoch=1)[placed.start : placed.stop], expected_rows(start + batch_rows, start)
            )

    pids = [in_child(lambda writer=writer: write(writer)) for writer in range(n_writers)]

    assert [os.waitpid(pid, 0)[1] for pid in pids] == [0, 0, 0]
    found = np.load(store.path(1))
    everything = expected_rows(n_writers * n_batches * batch_rows)
    assert len(found) == len(everything)
    np.testing.assert_array_equal(found[np.lexsort(found.T)], everything[np.lexsort(everything.T)])


# A power cut: what was not synced may be on the disk or not, sector by sector


Write = tuple[int, bytes]


class ForgetfulDisk:
    """Records what is written to one file and gives every state in which a power cut could leave it.

    A sync makes what came before it certain. Of what came after the last sync, any subset of 512-byte sectors may
    have reached the disk, in any order; so may a change of the file's size.
    """

    SECTOR_BYTES = 512

    def __init__(self, image: bytes) -> None:
        self.images = [image]  # certain content after each sync
        self.unsynced: list[list[Write]] = [[]]
        self.current = bytearray(image)

    def record(self, monkeypatch: pytest.MonkeyPatch) -> None:
        real_pwrite, real_truncate, real_sync = os.pwrite, os.ftruncate, os.fdatasync

        def pwrite(fd: int, content: memoryview, offset: int) -> int:
            self.write(bytes(content), offset)
            return real_pwrite(fd, content, offset)

        def truncate(fd: int, length: int) -> None:
            del self.current[length:]
            return real_truncate(fd, length)

        def sync(fd: int) -> None:
            self.images.append(bytes(self.current))
            self.unsynced.append([])
            real_sync(fd)

        monkeypatch.setattr(os, "pwrite", pwrite)
        monkeypatch.setattr(os, "ftruncate", truncate)
        monkeypatch.setattr(os, "fdatasync", sync)

    def write(self, content: bytes, offset: int) -> None:
        apply(self.current, [(offset, content)])
        stop = offset + len(content)
        first_edge = (offset // self.SECTOR_BYTES + 1) * self.SECTOR_BYTES
        edges = [offset, *range(first_edge, stop, self.SECTOR_BYTES), stop]
        self.unsynced[-1] += [
            (begin, content[begin - offset : end - offset]) for begin, end in itertools.pairwise(edges)
        ]

    def after_power_cut(self, n_syncs: int, survives: Callable[[], bool]) -> bytes:
        image = bytearray(self.images[n_syncs])
        apply(image, [write for write in self.unsynced[n_syncs] if survives()])
        return bytes(image)


def apply(image: bytearray, writes: list[Write]) -> None:
    for offset, content in writes:
        image.extend(bytes(max(0, offset - len(image))))
        image[offset : offset + len(content)] = content


@pytest.fixture(scope="module")
def forgetful_append(tmp_path_factory) -> tuple[ForgetfulDisk, VectorStore]:
    """An append of 95 rows after 5 rows and a tail of rubbish, so that the count gets longer and sectors are shared."""
    store = VectorStore(tmp_path_factory.mktemp("power"), dimension=DIMENSION)
    store.append(expected_rows(OLD), epoch=1)
    with store.path(1).open("ab") as file:
        file.write(b"\xff" * 1000)
    disk = ForgetfulDisk(store.path(1).read_bytes())
    with pytest.MonkeyPatch.context() as patch:
        disk.record(patch)
        store.append(expected_rows(100, OLD), epoch=1)
    return disk, store


@settings(max_examples=200, deadline=None)
@given(n_syncs=st.integers(0, 2), random_source=st.randoms(use_true_random=False))
def test_power_cut_at_any_moment_of_an_append(forgetful_append, n_syncs, random_source):
    disk, store = forgetful_append
    assert len(disk.images) == 3
    store.path(1).write_bytes(disk.after_power_cut(n_syncs, lambda: random_source.random() < 0.5))

    matrix = np.load(store.path(1))

    assert len(matrix) in ([OLD], [OLD, 100], [100])[n_syncs]
    np.testing.assert_array_equal(matrix, expected_rows(len(matrix)))
    assert store.check(epoch=1) == []
    store.append(expected_rows(len(matrix) + 1, len(matrix)), epoch=1)
    np.testing.assert_array_equal(np.load(store.path(1)), expected_rows(len(matrix) + 1))


def test_header_is_one_write_inside_one_sector(forgetful_append):
    disk, _ = forgetful_append

    assert [(offset, len(content)) for offset, content in disk.unsynced[1]] == [(0, HEADER_BYTES)]


def test_new_epoch_is_synced_before_it_gets_its_name_and_its_name_is_synced(old_store, monkeypatch):
    calls = []
    for name in ("pwrite", "fdatasync", "rename", "fsync"):
        real = getattr(os, name)
        monkeypatch.setattr(os, name, lambda *args, name=name, real=real: (calls.append(name), real(*args))[1])

    old_store.write_epoch(2, [expected_rows(OLD)])

    assert calls == ["pwrite", "pwrite", "fdatasync", "rename", "fsync"]


def test_clear_is_synced_before_it_returns(old_store, monkeypatch):
    calls = []
    for name in ("pwrite", "fdatasync"):
        real = getattr(os, name)
        monkeypatch.setattr(os, name, lambda *args, name=name, real=real: (calls.append(name), real(*args))[1])

    old_store.clear([0, 1], epoch=1)

    assert calls == ["pwrite", "pwrite", "fdatasync"]
