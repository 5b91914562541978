"""The store at the moment of death: processes that are really killed, and a disk that forgets what was not synced."""

import os
import random
import select
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gallery.durable.synced_writing import partial_path
from gallery.vectors.checksums import CHECKSUM_BYTES, NO_CHECKSUM
from gallery.vectors.npy_header import HEADER_BYTES
from gallery.vectors.store import VectorStore
from tests.crash.children import dies_at, in_child, kill
from tests.unit.vectors.engine_contract import unit_rows
from tests.waiting import PATIENCE_SECONDS

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
    return VectorStore(tmp_path / "vectors", dimension=DIMENSION, lock_timeout_seconds=PATIENCE_SECONDS)


@pytest.fixture
def old_store(store) -> VectorStore:
    store.append(expected_rows(OLD), epoch=1)
    return store


def killed_at(point: str, work: Callable[[], object]) -> None:
    assert dies_at(point, work), f"{point} was never reached"


def assert_committed(store: VectorStore, count: int, *, tail_bytes: int = 0, checksums_tail_bytes: int = 0) -> None:
    """The file is exactly the first `count` rows for NumPy and for us, and the next append continues there."""
    np.testing.assert_array_equal(np.load(store.path(1)), expected_rows(count))
    np.testing.assert_array_equal(store.read(epoch=1), expected_rows(count))
    assert store.check(epoch=1) == []
    assert store.path(1).stat().st_size == HEADER_BYTES + count * ROW_BYTES + tail_bytes
    assert store.checksums_path(1).stat().st_size == count * CHECKSUM_BYTES + checksums_tail_bytes

    assert store.append(expected_rows(count + 2, count), epoch=1) == range(count, count + 2)

    np.testing.assert_array_equal(np.load(store.path(1)), expected_rows(count + 2))
    assert store.check(epoch=1) == []
    assert store.path(1).stat().st_size == HEADER_BYTES + (count + 2) * ROW_BYTES
    assert store.checksums_path(1).stat().st_size == (count + 2) * CHECKSUM_BYTES


def recorded_calls(monkeypatch: pytest.MonkeyPatch, *names: str) -> list[str]:
    calls: list[str] = []
    for name in names:
        real = getattr(os, name)
        monkeypatch.setattr(os, name, lambda *args, name=name, real=real: (calls.append(name), real(*args))[1])
    return calls


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


def test_crash_after_rows_before_checksums(old_store):
    killed_at("after_rows_before_checksums", append_new(old_store))
    assert_committed(old_store, OLD, tail_bytes=NEW * ROW_BYTES)


@pytest.mark.parametrize(
    "point", ["after_checksums_before_sync", "after_checksums_sync_before_rows_sync", "after_sync_before_header"]
)
def test_crash_after_checksums_before_header(old_store, point):
    killed_at(point, append_new(old_store))
    assert_committed(old_store, OLD, tail_bytes=NEW * ROW_BYTES, checksums_tail_bytes=NEW * CHECKSUM_BYTES)


def test_crash_after_header_before_sync(old_store):
    killed_at("after_header_before_sync", append_new(old_store))
    assert_committed(old_store, OLD + NEW)


def test_crash_after_header_sync(old_store):
    killed_at("after_header_sync", append_new(old_store))
    assert_committed(old_store, OLD + NEW)


def test_crash_twice_leaves_one_tail_at_most(old_store):
    killed_at("after_sync_before_header", append_new(old_store))
    killed_at("after_sync_before_header", lambda: old_store.append(expected_rows(OLD + 1, OLD), epoch=1))
    assert_committed(old_store, OLD, tail_bytes=ROW_BYTES, checksums_tail_bytes=CHECKSUM_BYTES)


@pytest.mark.parametrize("point", ["after_partial_before_sync", "after_partial_before_rename"])
def test_crash_before_the_first_file_is_there(store, point):
    killed_at(point, lambda: store.append(expected_rows(OLD), epoch=1))

    assert store.epochs() == []
    assert store.read(epoch=1).shape == (0, DIMENSION)
    assert store.append(expected_rows(OLD), epoch=1) == range(OLD)
    assert_committed(store, OLD)


def test_crash_after_the_first_checksums_are_there_before_the_first_rows(store):
    killed_at("after_one_rename", lambda: store.append(expected_rows(OLD), epoch=1))

    assert (store.path(1).exists(), store.checksums_path(1).exists()) == (False, True)
    assert store.check(epoch=1) == []
    assert store.append(expected_rows(OLD), epoch=1) == range(OLD)
    assert_committed(store, OLD)


def test_crash_after_the_first_files_are_there(store):
    killed_at("after_rename_before_folder_sync", lambda: store.append(expected_rows(OLD), epoch=1))
    assert_committed(store, 0)


def test_first_append_syncs_the_folder_although_an_earlier_crash_left_the_files(store, monkeypatch):
    killed_at("after_rename_before_folder_sync", lambda: store.append(expected_rows(OLD), epoch=1))
    calls = recorded_calls(monkeypatch, "fsync", "pwrite")

    store.append(expected_rows(OLD), epoch=1)

    assert calls == ["fsync", "pwrite", "pwrite", "pwrite"]


# Clear


def test_crash_between_cleared_rows(old_store):
    killed_at("between_cleared_rows", lambda: old_store.clear([1, 3], epoch=1))
    assert np.flatnonzero(~old_store.read(epoch=1).any(axis=1)).tolist() == [1]

    old_store.clear([1, 3], epoch=1)

    assert np.flatnonzero(~np.load(old_store.path(1)).any(axis=1)).tolist() == [1, 3]
    assert old_store.check(epoch=1) == []


@pytest.mark.parametrize(
    "point",
    ["after_cleared_rows_before_sync", "after_cleared_rows_before_checksums", "after_cleared_checksums_before_sync"],
)
def test_crash_after_cleared_rows(old_store, point):
    killed_at(point, lambda: old_store.clear([1, 3], epoch=1))

    assert np.flatnonzero(~np.load(old_store.path(1)).any(axis=1)).tolist() == [1, 3]
    assert old_store.check(epoch=1) == []
    old_store.clear([1, 3], epoch=1)
    assert (np.fromfile(old_store.checksums_path(1), dtype="<u4") == NO_CHECKSUM).tolist() == [0, 1, 0, 1, 0]


@pytest.mark.parametrize(
    ("written_bytes", "code"), [(20, "not_unit"), (1, "checksum_mismatch"), (ROW_BYTES - 1, "not_unit")]
)
def test_crash_in_the_middle_of_a_cleared_row_is_found_and_mended(old_store, written_bytes, code):
    def half_written() -> None:
        real_pwrite = os.pwrite
        os.pwrite = lambda fd, content, offset: (
            real_pwrite(fd, content[:written_bytes], offset),
            os.kill(os.getpid(), 9),
        )[0]
        old_store.clear([1], epoch=1)

    os.waitpid(in_child(half_written), 0)
    assert [(problem.code, problem.row) for problem in old_store.check(epoch=1)] == [(code, 1)]

    old_store.clear([1], epoch=1)

    assert old_store.check(epoch=1) == []
    assert not np.load(old_store.path(1))[1].any()


# Checksums that are written later


def test_crash_after_missing_checksums_before_sync(old_store):
    old_store.checksums_path(1).unlink()
    killed_at("after_missing_checksums_before_sync", lambda: old_store.write_missing_checksums(epoch=1))
    assert_committed(old_store, OLD)


# A header that is restored


def test_crash_after_restored_header_before_sync(old_store):
    with old_store.path(1).open("r+b") as file:
        file.write(b"\x00" * HEADER_BYTES)
    killed_at("after_restored_header_before_sync", lambda: old_store.restore_header(epoch=1, row_count=OLD))
    assert_committed(old_store, OLD)


# A new epoch


def write_epoch_2(store: VectorStore) -> Callable[[], object]:
    return lambda: store.write_epoch(2, [expected_rows(2), expected_rows(OLD, 2)])


@pytest.mark.parametrize(
    ("point", "epochs"),
    [("after_partial_before_sync", [1]), ("after_partial_before_rename", [1]), ("after_one_rename", [1, 2])],
)
def test_crash_before_the_new_epoch_has_its_name(old_store, point, epochs):
    killed_at(point, write_epoch_2(old_store))

    assert old_store.epochs() == epochs
    assert not old_store.path(2).exists()
    assert partial_path(old_store.path(2)).exists()
    assert write_epoch_2(old_store)() == OLD
    assert not list(old_store.folder.glob("*.partial"))
    assert old_store.check(epoch=2) == []
    np.testing.assert_array_equal(np.load(old_store.path(2)), expected_rows(OLD))
    assert_committed(old_store, OLD)


def test_crash_after_rename_before_folder_sync(old_store):
    killed_at("after_rename_before_folder_sync", write_epoch_2(old_store))

    assert old_store.epochs() == [1, 2]
    np.testing.assert_array_equal(np.load(old_store.path(2)), expected_rows(OLD))
    assert old_store.check(epoch=2) == []
    assert_committed(old_store, OLD)


@pytest.mark.parametrize("point", ["after_partial_before_rename", "after_one_rename"])
def test_removed_epoch_takes_its_partial_files_with_it(old_store, point):
    killed_at(point, write_epoch_2(old_store))

    old_store.remove_epoch(2)

    assert sorted(entry.name for entry in old_store.folder.iterdir()) == [
        "checksums-1.crc32",
        "embeddings-1.npy",
        "store.lock",
    ]


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
        assert select.select([reader], [], [], PATIENCE_SECONDS)[0], "the writer never began"
        looks += rows_seen_by_numpy(old_store.path(1), time.monotonic() + random.Random(seed).uniform(0, 0.03))
        assert kill(pid), "the writer failed by itself"

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


@dataclass(frozen=True)
class Change:
    """One sector's part of a write or, without content, a new size."""

    file: str
    offset: int
    content: bytes | None = None


@dataclass(frozen=True)
class Sync:
    file: str


class ForgetfulDisk:
    """Records what is done to the files of epoch 1 and gives every state in which a power cut could leave them.

    A sync makes what came before it in its file certain. Of what came after the last sync of a file, any subset of
    512-byte sectors may have reached the disk, in any order; so may a change of the file's size.
    """

    SECTOR_BYTES = 512

    def __init__(self, store: VectorStore) -> None:
        self.paths = {path.name: path for path in (store.path(1), store.checksums_path(1))}
        self.before = {name: path.read_bytes() if path.exists() else b"" for name, path in self.paths.items()}
        self.events: list[Change | Sync] = []

    def record(self, monkeypatch: pytest.MonkeyPatch) -> None:
        real_pwrite, real_truncate, real_sync = os.pwrite, os.ftruncate, os.fdatasync

        def name_of(fd: int) -> str:
            return Path(os.readlink(f"/proc/self/fd/{fd}")).name

        def pwrite(fd: int, content: memoryview, offset: int) -> int:
            self.events += self._sectors(name_of(fd), bytes(content), offset)
            return real_pwrite(fd, content, offset)

        def truncate(fd: int, length: int) -> None:
            self.events.append(Change(name_of(fd), length))
            real_truncate(fd, length)

        def sync(fd: int) -> None:
            self.events.append(Sync(name_of(fd)))
            real_sync(fd)

        monkeypatch.setattr(os, "pwrite", pwrite)
        monkeypatch.setattr(os, "ftruncate", truncate)
        monkeypatch.setattr(os, "fdatasync", sync)

    def _sectors(self, file: str, content: bytes, offset: int) -> Iterator[Change]:
        stop = offset + len(content)
        while offset < stop:
            end = min(stop, (offset // self.SECTOR_BYTES + 1) * self.SECTOR_BYTES)
            yield Change(file, offset, content[: end - offset])
            content, offset = content[end - offset :], end

    def power_cut(self, moment: int, survives: Callable[[], bool]) -> None:
        """Leave the files as a power cut after that many events might."""
        for name, path in self.paths.items():
            events = [event for event in self.events[:moment] if event.file == name]
            n_certain = max((place for place, event in enumerate(events) if isinstance(event, Sync)), default=0)
            image = bytearray(self.before[name])
            for place, event in enumerate(events):
                if isinstance(event, Change) and (place < n_certain or survives()):
                    apply(image, event)
            path.write_bytes(image)

    def syncs_before(self, moment: int) -> list[str]:
        return [event.file for event in self.events[:moment] if isinstance(event, Sync)]


def apply(image: bytearray, change: Change) -> None:
    content = change.content or b""
    image.extend(bytes(max(0, change.offset + len(content) - len(image))))
    if change.content is None:
        del image[change.offset :]
    image[change.offset : change.offset + len(content)] = content


def recorded(store: VectorStore, work: Callable[[], object]) -> ForgetfulDisk:
    disk = ForgetfulDisk(store)
    with pytest.MonkeyPatch.context() as patch:
        disk.record(patch)
        work()
    return disk


@pytest.fixture(scope="module", params=["with_tails", "from_before_checksums"])
def forgetful_append(request, tmp_path_factory) -> tuple[ForgetfulDisk, VectorStore, bool]:
    """An append of 395 rows after 5 rows and tails of rubbish, so that the count gets longer and sectors are shared."""
    store = VectorStore(tmp_path_factory.mktemp("power"), dimension=DIMENSION)
    store.append(expected_rows(OLD), epoch=1)
    has_checksums = request.param == "with_tails"
    if not has_checksums:
        store.checksums_path(1).unlink()
    for path in store.epoch_files(1):
        with path.open("ab") as file:
            file.write(b"\xff" * 1000)
    return recorded(store, lambda: store.append(expected_rows(400, OLD), epoch=1)), store, has_checksums


@settings(max_examples=300)
@given(data=st.data(), random_source=st.randoms(use_true_random=False))
def test_power_cut_at_any_moment_of_an_append(forgetful_append, data, random_source):
    disk, store, has_checksums = forgetful_append
    moment = data.draw(st.integers(0, len(disk.events)) | st.just(len(disk.events)))
    share = random_source.random()
    disk.power_cut(moment, lambda: random_source.random() < share)

    matrix = np.load(store.path(1))

    n_syncs = len(disk.syncs_before(moment))
    has_returned = moment == len(disk.events)
    assert len(matrix) in ([400] if has_returned else [OLD] if n_syncs < 2 else [OLD, 400])
    np.testing.assert_array_equal(matrix, expected_rows(len(matrix)))
    assert [problem.code for problem in store.check(epoch=1)] == ([] if has_checksums else ["checksums_missing"])
    store.append(expected_rows(len(matrix) + 1, len(matrix)), epoch=1)
    np.testing.assert_array_equal(np.load(store.path(1)), expected_rows(len(matrix) + 1))
    assert store.write_missing_checksums(epoch=1) == (0 if has_checksums else OLD)
    assert store.check(epoch=1) == []


def test_header_is_one_write_inside_one_sector_after_both_files_are_synced(forgetful_append):
    disk, store, _ = forgetful_append
    rows, checksums = store.path(1).name, store.checksums_path(1).name

    last_changes = disk.events[-4:]

    assert last_changes[:2] == [Sync(checksums), Sync(rows)]
    assert (last_changes[2].offset, len(last_changes[2].content)) == (0, HEADER_BYTES)
    assert last_changes[3] == Sync(rows)


WIDE = 200  # numbers a row: such rows lie across sectors, so that a power cut can tear one


def wide_rows(count: int) -> np.ndarray:
    return unit_rows(count, dimension=WIDE, seed=3)


@pytest.fixture(scope="module")
def forgetful_clear(tmp_path_factory) -> tuple[ForgetfulDisk, VectorStore]:
    store = VectorStore(tmp_path_factory.mktemp("power"), dimension=WIDE)
    store.write_epoch(1, [wide_rows(200)])
    return recorded(store, lambda: store.clear([3, 4, 150], epoch=1)), store


@settings(max_examples=300)
@given(data=st.data(), random_source=st.randoms(use_true_random=False))
def test_power_cut_at_any_moment_of_a_clear(forgetful_clear, data, random_source):
    disk, store = forgetful_clear
    moment = data.draw(st.integers(0, len(disk.events)) | st.just(len(disk.events)))
    disk.power_cut(moment, lambda: random_source.random() < 0.5)

    matrix = np.load(store.path(1))

    old = (matrix == wide_rows(200)).all(axis=1)
    cleared = ~matrix.any(axis=1)
    torn = np.flatnonzero(~old & ~cleared)
    assert set(np.flatnonzero(~old)) <= {3, 4, 150}
    assert [problem.row for problem in store.check(epoch=1)] == torn.tolist()  # and no checksum is missing
    if disk.syncs_before(moment):
        assert np.flatnonzero(cleared).tolist() == [3, 4, 150]
    if moment == len(disk.events):
        assert np.flatnonzero(np.fromfile(store.checksums_path(1), dtype="<u4") == NO_CHECKSUM).tolist() == [3, 4, 150]
    store.clear([3, 4, 150], epoch=1)
    assert np.flatnonzero(~np.load(store.path(1)).any(axis=1)).tolist() == [3, 4, 150]
    assert store.check(epoch=1) == []


def test_new_epoch_is_synced_before_it_gets_its_name_and_its_name_is_synced(old_store, monkeypatch):
    calls = recorded_calls(monkeypatch, "pwrite", "fdatasync", "rename", "fsync")

    old_store.write_epoch(2, [expected_rows(OLD)])

    assert calls == [*["pwrite"] * 3, "fdatasync", "fdatasync", "rename", "rename", "fsync"]


def test_file_of_checksums_that_had_to_be_created_keeps_its_name(old_store, monkeypatch):
    old_store.checksums_path(1).unlink()
    calls = recorded_calls(monkeypatch, "pwrite", "fdatasync", "fsync")

    old_store.append(expected_rows(OLD + 1, OLD), epoch=1)

    assert calls == ["fsync", "pwrite", "pwrite", "fdatasync", "fdatasync", "pwrite", "fdatasync"]


def test_clear_is_synced_before_its_checksums_and_before_it_returns(old_store, monkeypatch):
    calls = recorded_calls(monkeypatch, "pwrite", "fdatasync")

    old_store.clear([0, 1], epoch=1)

    assert calls == ["pwrite", "pwrite", "fdatasync"] * 2
