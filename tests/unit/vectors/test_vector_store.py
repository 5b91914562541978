"""The store against a NumPy model, and what it refuses."""

import errno
import io
import os
import resource
import shutil
import subprocess
import tempfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from gallery.errors import InvalidVector, StorageFull, StorageNotWritable, StoreBusy, StoreDamaged
from gallery.vectors import store as store_module
from gallery.vectors.npy_header import HEADER_BYTES, decode_header, encode_header
from gallery.vectors.store import Problem, VectorStore
from tests.unit.vectors.engine_contract import unit_rows

DIMENSION = 8


@pytest.fixture
def store(tmp_path) -> VectorStore:
    return VectorStore(tmp_path / "vectors", dimension=DIMENSION)


def rows(count: int, seed: int = 0) -> np.ndarray:
    return unit_rows(count, dimension=DIMENSION, seed=seed)


def flip_bit(path: Path, offset: int, bit: int) -> None:
    """Flip one bit, counted from the byte at `offset`."""
    with path.open("r+b") as file:
        file.seek(offset + bit // 8)
        old = file.read(1)[0]
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([old ^ 1 << bit % 8]))


# The header


@pytest.mark.parametrize("shape", [(0, 1), (1, 8), (999, 512), (10**6, 512), (10**12, 4096)])
def test_header_is_what_numpy_writes(shape):
    expected = io.BytesIO()
    np.lib.format.write_array_header_1_0(expected, {"descr": "<f4", "fortran_order": False, "shape": shape})

    assert encode_header(*shape) == expected.getvalue()
    assert len(encode_header(*shape)) == HEADER_BYTES
    assert decode_header(encode_header(*shape)) == shape


@pytest.mark.parametrize(
    "header", [b"", b"\x00" * 128, encode_header(3, 8).replace(b"<f4", b"<f8"), b"'shape': (1, 2)"]
)
def test_header_of_another_kind_is_refused(header):
    with pytest.raises(ValueError, match="header"):
        decode_header(header)


# A store as a state machine


class StoreAgainstNumpy(RuleBasedStateMachine):
    """Any sequence of changes leaves what the same sequence leaves in a NumPy array."""

    def __init__(self):
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.epoch = 1
        self.model = np.empty((0, DIMENSION), dtype=np.float32)
        self.seed = 0
        self.reopen()

    def teardown(self):
        shutil.rmtree(self.folder)

    def new_rows(self, count: int) -> np.ndarray:
        self.seed += 1
        return rows(count, self.seed)

    @rule()
    def reopen(self):
        self.store = VectorStore(self.folder, dimension=DIMENSION)

    @rule(count=st.integers(0, 20))
    def append(self, count):
        added = self.new_rows(count)
        first = len(self.model)

        assert self.store.append(added, epoch=self.epoch) == range(first, first + count)

        self.model = np.concatenate([self.model, added])

    @rule(data=st.data())
    def clear(self, data):
        chosen = self.some_rows(data)
        self.store.clear(chosen, epoch=self.epoch)
        self.model[chosen] = 0

    @rule(block_rows=st.integers(1, 7))
    def compact(self, block_rows):
        live = self.store.read(epoch=self.epoch)
        live = live[live.any(axis=1)]
        blocks = (live[start : start + block_rows] for start in range(0, len(live), block_rows))

        assert self.store.write_epoch(self.epoch + 1, blocks) == len(live)

        self.store.remove_epoch(self.epoch)
        self.epoch += 1
        self.model = self.model[self.model.any(axis=1)]
        assert self.store.epochs() == [self.epoch]

    @rule(tail_bytes=st.integers(1, 200))
    def crash_with_a_tail(self, tail_bytes):
        if self.store.epochs():
            for path in (self.store.path(self.epoch), self.store.checksums_path(self.epoch)):
                with path.open("ab") as file:
                    file.write(b"\xff" * tail_bytes)

    @rule(data=st.data())
    def flip_a_bit_and_mend_it(self, data):
        whole = np.flatnonzero(self.model.any(axis=1)).tolist()
        if whole:
            row, bit = data.draw(st.sampled_from(whole)), data.draw(st.integers(0, DIMENSION * 32 - 1))
            flip_bit(self.store.path(self.epoch), HEADER_BYTES + row * DIMENSION * 4, bit)

            assert [problem.row for problem in self.store.check(epoch=self.epoch)] == [row]

            self.store.clear([row], epoch=self.epoch)
            self.model[row] = 0

    @rule(kept_bytes=st.integers(0, 100))
    def lose_checksums_and_write_them_again(self, kept_bytes):
        if self.store.epochs():
            os.truncate(self.store.checksums_path(self.epoch), kept_bytes)
            assert {problem.code for problem in self.store.check(epoch=self.epoch)} <= {"checksums_missing"}
            self.store.write_missing_checksums(epoch=self.epoch)

    def some_rows(self, data) -> list[int]:
        if not len(self.model):
            return []
        return data.draw(st.lists(st.integers(0, len(self.model) - 1), unique=True, max_size=5))

    @invariant()
    def the_file_is_the_model(self):
        assert self.store.row_count(epoch=self.epoch) == len(self.model)
        np.testing.assert_array_equal(self.store.read(epoch=self.epoch), self.model)
        if self.store.epochs():
            np.testing.assert_array_equal(np.load(self.store.path(self.epoch)), self.model)
        assert self.store.check(epoch=self.epoch) == []


TestStoreAgainstNumpy = StoreAgainstNumpy.TestCase
TestStoreAgainstNumpy.settings = settings(max_examples=40, stateful_step_count=25)


# Readers


def test_new_store_opens_no_file(store):
    assert store.read(epoch=1).shape == (0, DIMENSION)
    assert store.row_count(epoch=1) == 0
    assert store.epochs() == []
    assert not store.folder.exists()


def test_read_is_a_read_only_map(store):
    store.append(rows(3), epoch=1)

    matrix = store.read(epoch=1)

    assert isinstance(matrix.base.base, np.memmap) or isinstance(matrix.base, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        matrix[0] = 0


def test_reader_of_a_stale_count_keeps_its_rows_and_sees_clears(store):
    store.append(rows(3), epoch=1)
    before = store.read(epoch=1)

    store.append(rows(2, seed=1), epoch=1)
    store.clear([1], epoch=1)

    assert before.shape == (3, DIMENSION)
    np.testing.assert_array_equal(before[[0, 2]], rows(3)[[0, 2]])
    assert not before[1].any()


def test_read_of_fewer_rows_than_are_committed(store):
    store.append(rows(5), epoch=1)

    np.testing.assert_array_equal(store.read(epoch=1, row_count=3), rows(5)[:3])
    assert store.read(epoch=1, row_count=0).shape == (0, DIMENSION)


def test_read_of_more_rows_than_are_committed_is_not_an_empty_result(store):
    with pytest.raises(StoreDamaged, match="it has 0 rows, the database counts 5"):
        store.read(epoch=1, row_count=5)


def test_map_survives_the_removal_of_its_epoch(store):
    store.append(rows(5), epoch=1)
    matrix = store.read(epoch=1)

    store.write_epoch(2, [])
    store.remove_epoch(1)

    np.testing.assert_array_equal(matrix, rows(5))


# Refusals


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (np.zeros(DIMENSION), "its length is 0, not 1"),
        (np.full(DIMENSION, np.nan), "not finite"),
        (np.full(DIMENSION, np.inf), "not finite"),
        (np.full(DIMENSION, 1e200), "not finite"),
        (np.full(DIMENSION, 1.01 / np.sqrt(DIMENSION)), "its length is 1.01, not 1"),
    ],
)
def test_bad_vector_is_refused_by_name_and_nothing_is_written(store, bad, reason):
    batch = rows(3).astype(np.float64)
    batch[1] = bad

    with pytest.raises(InvalidVector, match=f"The vector of picture 42 .*{reason}"):
        store.append(batch, epoch=1, image_ids=[41, 42, 43])

    assert store.row_count(epoch=1) == 0


@pytest.mark.parametrize("shape", [(2, DIMENSION + 1), (DIMENSION,), (1, 2, DIMENSION)])
def test_vectors_of_another_shape_are_refused(store, shape):
    with pytest.raises(InvalidVector, match="the shape is"):
        store.append(np.ones(shape), epoch=1)


def test_labels_that_do_not_fit_are_a_mistake_of_the_caller(store):
    with pytest.raises(ValueError, match="2 vectors have 1 labels"):
        store.append(rows(2), epoch=1, image_ids=[1])


def test_vectors_within_the_tolerance_are_kept_as_they_are(store):
    almost = rows(2) * np.float32(1.0005)

    store.append(almost, epoch=1)

    np.testing.assert_array_equal(store.read(epoch=1), almost)


@pytest.mark.parametrize("row", [-1, 3, 10**9])
def test_change_of_a_row_that_is_not_there_is_refused(store, row):
    store.append(rows(3), epoch=1)

    with pytest.raises(StoreDamaged, match="there is no row"):
        store.clear([0, row], epoch=1)

    np.testing.assert_array_equal(store.read(epoch=1), rows(3))


def test_change_of_a_file_that_is_not_there_is_refused(store):
    with pytest.raises(StoreDamaged, match="it does not exist"):
        store.clear([0], epoch=1)


def test_file_of_another_dimension_is_refused(store):
    store.append(rows(3), epoch=1)
    other = VectorStore(store.folder, dimension=DIMENSION + 1)

    with pytest.raises(StoreDamaged, match="its vectors have 8 numbers, the encoder's 9"):
        other.read(epoch=1)


# Damage


def test_check_names_damaged_rows(store):
    store.append(rows(5), epoch=1)
    store.clear([0], epoch=1)
    with store.path(1).open("r+b") as file:
        file.seek(HEADER_BYTES + DIMENSION * 4)
        file.write(np.full(DIMENSION, np.nan, dtype=np.float32).tobytes())
        file.seek(HEADER_BYTES + 3 * DIMENSION * 4)
        file.write(np.full(DIMENSION, 2, dtype=np.float32).tobytes())

    assert store.check(epoch=1) == [
        Problem("not_finite", "Row 1 has a number that is not finite.", 1),
        Problem("not_unit", "Row 3 has length 5.657, not 1.", 3),
    ]


def test_check_counts_rows_over_all_blocks(store, monkeypatch):
    monkeypatch.setattr(store_module, "CHECK_ROWS", 2)
    store.append(rows(5), epoch=1)
    with store.path(1).open("r+b") as file:
        file.seek(-4, os.SEEK_END)
        file.write(b"\xff\xff\xff\xff")

    assert [problem.row for problem in store.check(epoch=1)] == [4]


def found(store: VectorStore) -> list[tuple[str, int | None]]:
    return [(problem.code, problem.row) for problem in store.check(epoch=1)]


@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(flips=st.dictionaries(st.integers(0, 49), st.integers(0, DIMENSION * 32 - 1), max_size=5))
def test_one_flipped_bit_is_found_in_exactly_its_row(store, flips):
    store.write_epoch(1, [rows(50)])
    for row, bit in flips.items():
        flip_bit(store.path(1), HEADER_BYTES + row * DIMENSION * 4, bit)

    assert [row for _code, row in found(store)] == sorted(flips)


def test_flipped_bit_that_leaves_the_length_is_found_by_its_checksum(store):
    store.append(rows(5), epoch=1)
    flip_bit(store.path(1), HEADER_BYTES + 3 * DIMENSION * 4, 0)
    flip_bit(store.path(1), HEADER_BYTES + 4 * DIMENSION * 4, 31)  # the sign

    assert store.check(epoch=1) == [
        Problem("checksum_mismatch", "Row 3 is not what was written: its checksum differs.", 3),
        Problem("checksum_mismatch", "Row 4 is not what was written: its checksum differs.", 4),
    ]


def test_flipped_bit_of_a_cleared_row_is_found(store):
    store.append(rows(5), epoch=1)
    store.clear([1, 2], epoch=1)
    flip_bit(store.path(1), HEADER_BYTES + 2 * DIMENSION * 4, 5)

    assert found(store) == [("not_unit", 2)]


def test_flipped_bit_of_a_checksum_looks_like_damage_of_its_row(store):
    store.append(rows(5), epoch=1)
    flip_bit(store.checksums_path(1), 3 * 4, 17)

    assert found(store) == [("checksum_mismatch", 3)]


def test_checksums_are_the_crc32_of_each_row_and_zero_for_cleared_ones(store):
    store.append(rows(3), epoch=1)
    store.append(rows(2, seed=1), epoch=1)
    store.clear([1], epoch=1)

    expected = [zlib.crc32(row.tobytes()) for row in np.load(store.path(1))]
    expected[1] = 0
    assert np.fromfile(store.checksums_path(1), dtype="<u4").tolist() == expected


def test_checksum_that_happens_to_be_zero_is_not_taken_for_none(store, monkeypatch):
    monkeypatch.setattr(zlib, "crc32", lambda _row: 0)
    store.append(rows(2), epoch=1)

    assert found(store) == []
    monkeypatch.undo()
    assert found(store) == [("checksum_mismatch", 0), ("checksum_mismatch", 1)]


# A file of checksums that is not there, or not as long as it should be


def test_store_from_before_checksums_is_read_and_appended_to_and_gets_them(store):
    store.append(rows(5), epoch=1)
    store.checksums_path(1).unlink()
    np.testing.assert_array_equal(store.read(epoch=1), rows(5))
    assert store.check(epoch=1) == [
        Problem("checksums_missing", "5 rows have no checksum: a flipped bit in them would not be found.")
    ]

    store.append(rows(2, seed=1), epoch=1)
    flip_bit(store.path(1), HEADER_BYTES + 6 * DIMENSION * 4, 0)

    assert found(store) == [("checksum_mismatch", 6), ("checksums_missing", None)]
    assert store.write_missing_checksums(epoch=1) == 5
    assert found(store) == [("checksum_mismatch", 6)]
    flip_bit(store.path(1), HEADER_BYTES, 0)
    assert found(store) == [("checksum_mismatch", 0), ("checksum_mismatch", 6)]


def test_clear_in_a_store_from_before_checksums(store):
    store.append(rows(5), epoch=1)
    store.checksums_path(1).unlink()

    store.clear([0, 4], epoch=1)

    assert store.check(epoch=1)[0].detail.startswith("3 rows have no checksum")


def test_missing_checksums_hide_no_bad_row_and_are_written_for_none(store):
    store.append(rows(5), epoch=1)
    store.clear([0], epoch=1)
    store.checksums_path(1).unlink()
    flip_bit(store.path(1), HEADER_BYTES + 2 * DIMENSION * 4, 30)
    [(code, row), missing] = found(store)
    assert (code in {"not_unit", "not_finite"}, row, missing) == (True, 2, ("checksums_missing", None))

    assert store.write_missing_checksums(epoch=1) == 3

    assert found(store) == [(code, 2)]
    assert [value > 0 for value in np.fromfile(store.checksums_path(1), dtype="<u4")] == [0, 1, 0, 1, 1]


@pytest.mark.parametrize(("kept_bytes", "missing"), [(0, 5), (4, 4), (4 * 3 + 2, 2), (4 * 5, 0)])
def test_checksums_cut_short_are_missing_and_those_left_still_count(store, kept_bytes, missing):
    store.append(rows(5), epoch=1)
    os.truncate(store.checksums_path(1), kept_bytes)

    assert found(store) == ([("checksums_missing", None)] if missing else [])
    assert store.write_missing_checksums(epoch=1) == missing
    assert store.checksums_path(1).stat().st_size == 5 * 4
    assert found(store) == []


def test_grown_checksums_are_whole_and_get_their_size_back_with_the_next_append(store):
    store.append(rows(5), epoch=1)
    with store.checksums_path(1).open("ab") as file:
        file.write(b"\xff" * 1001)
    assert found(store) == []

    store.append(rows(1, seed=1), epoch=1)

    assert store.checksums_path(1).stat().st_size == 6 * 4
    assert found(store) == []


def test_checksums_left_without_their_rows_are_none_of_the_next_rows(store):
    store.append(rows(5), epoch=1)
    store.path(1).unlink()

    store.append(rows(2, seed=1), epoch=1)

    assert found(store) == []
    assert store.checksums_path(1).stat().st_size == 2 * 4


def test_damaged_row_is_still_found_after_the_header_is_restored(store):
    store.append(rows(6), epoch=1)
    flip_bit(store.path(1), HEADER_BYTES + 2 * DIMENSION * 4, 0)
    flip_bit(store.path(1), 3, 0)

    assert store.restore_header(epoch=1, row_count=5) == 5

    assert found(store) == [("checksum_mismatch", 2)]
    store.append(rows(1, seed=1), epoch=1)
    assert found(store) == [("checksum_mismatch", 2)]


def test_removed_epoch_leaves_no_file(store):
    store.append(rows(2), epoch=1)
    assert store.epoch_files(1) == [store.path(1), store.checksums_path(1)]

    store.remove_epoch(1)

    assert [entry.name for entry in store.folder.iterdir()] == ["store.lock"]


def test_damaged_header_is_reported_and_never_read(store):
    store.append(rows(5), epoch=1)
    with store.path(1).open("r+b") as file:
        file.write(b"\x00" * 10)

    assert [problem.code for problem in store.check(epoch=1)] == ["file_damaged"]
    for use in (store.read, store.row_count):
        with pytest.raises(StoreDamaged, match="header"):
            use(epoch=1)
    with pytest.raises(StoreDamaged, match="header"):
        store.append(rows(1), epoch=1)


def test_short_file_is_reported_and_never_extended(store):
    store.append(rows(5), epoch=1)
    os.truncate(store.path(1), HEADER_BYTES + 40)

    with pytest.raises(StoreDamaged, match="too short for the 5 rows"):
        store.append(rows(1), epoch=1)

    assert [problem.code for problem in store.check(epoch=1)] == ["file_damaged"]
    assert store.path(1).stat().st_size == HEADER_BYTES + 40


@pytest.mark.parametrize(
    ("kept_bytes", "row_count"), [(-1, 5), (HEADER_BYTES + 3 * 32 + 7, 3), (HEADER_BYTES, 0), (0, 0)]
)
def test_restored_header_counts_what_the_file_still_holds(store, kept_bytes, row_count):
    store.append(rows(6), epoch=1)
    if kept_bytes >= 0:
        os.truncate(store.path(1), kept_bytes)
    with store.path(1).open("r+b") as file:
        file.write(b"\x00" * min(128, max(0, kept_bytes) or 128))

    assert store.restore_header(epoch=1, row_count=5) == row_count

    np.testing.assert_array_equal(np.load(store.path(1)), rows(6)[:row_count])
    assert store.check(epoch=1) == []


def test_restored_header_of_a_missing_file_is_empty(store):
    assert store.restore_header(epoch=1, row_count=5) == 0

    assert np.load(store.path(1)).shape == (0, DIMENSION)


def test_restore_leaves_a_healthy_file_alone(store):
    store.append(rows(6), epoch=1)

    assert store.restore_header(epoch=1, row_count=5) == 6


def test_restore_refuses_the_file_of_another_encoder(store):
    store.append(rows(6), epoch=1)
    before = store.path(1).read_bytes()

    with pytest.raises(StoreDamaged, match="the encoder's 4"):
        VectorStore(store.folder, dimension=4).restore_header(epoch=1, row_count=5)

    assert store.path(1).read_bytes() == before


def test_file_with_a_tail_is_whole_and_loses_it_with_the_next_append(store):
    store.append(rows(2), epoch=1)
    with store.path(1).open("ab") as file:
        file.write(b"\xff" * 1000)
    assert store.check(epoch=1) == []
    np.testing.assert_array_equal(np.load(store.path(1)), rows(2))

    store.append(rows(1, seed=1), epoch=1)

    assert store.path(1).stat().st_size == HEADER_BYTES + 3 * DIMENSION * 4


# A disk that is full or refuses


@pytest.fixture
def tiny_disk(tmp_path):
    """A real file system of 64 KiB."""
    disk = tmp_path / "tiny"
    disk.mkdir()
    mount = shutil.which("mount")
    if mount is None or subprocess.run([mount, "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk], check=False).returncode:
        pytest.skip("mounting a tmpfs needs root")
    yield disk
    subprocess.run(["umount", "-l", disk], check=True)


def test_full_disk_leaves_the_committed_rows_and_no_tail(tiny_disk):
    store = VectorStore(tiny_disk, dimension=DIMENSION)
    store.append(rows(100), epoch=1)
    size_bytes = store.path(1).stat().st_size

    with pytest.raises(StorageFull, match="no free space"):
        store.append(rows(10_000), epoch=1)

    assert store.path(1).stat().st_size == size_bytes
    assert store.checksums_path(1).stat().st_size == 100 * 4
    np.testing.assert_array_equal(np.load(store.path(1)), rows(100))
    assert store.append(rows(1), epoch=1) == range(100, 101)


def test_full_disk_leaves_no_part_of_a_new_epoch(tiny_disk):
    store = VectorStore(tiny_disk, dimension=DIMENSION)
    store.append(rows(100), epoch=1)

    with pytest.raises(StorageFull):
        store.write_epoch(2, [rows(10_000)])

    assert sorted(entry.name for entry in tiny_disk.iterdir()) == [
        "checksums-1.crc32",
        "embeddings-1.npy",
        "store.lock",
    ]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_full_disk_in_the_middle_of_the_rows_gives_the_space_back(store, monkeypatch, number):
    store.append(rows(2), epoch=1)
    real_pwrite = os.pwrite

    def half_then_full(fd, content, offset):
        if len(content) < 100:
            raise OSError(number, os.strerror(number))
        return real_pwrite(fd, content[:100], offset)

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", half_then_full)
        with pytest.raises(StorageFull):
            store.append(rows(5), epoch=1)

    assert store.path(1).stat().st_size == HEADER_BYTES + 2 * DIMENSION * 4


def test_short_writes_are_continued(store, monkeypatch):
    real_pwrite = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda fd, content, offset: real_pwrite(fd, content[:7], offset))

    store.append(rows(5), epoch=1)

    np.testing.assert_array_equal(np.load(store.path(1)), rows(5))
    assert store.check(epoch=1) == []


def test_other_errors_of_the_disk_are_not_renamed(store, monkeypatch):
    store.append(rows(2), epoch=1)

    def failing_sync(fd):
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", failing_sync)
        with pytest.raises(OSError, match="Input/output"):
            store.append(rows(5), epoch=1)

    np.testing.assert_array_equal(np.load(store.path(1)), rows(2))


@pytest.fixture
def not_root(tmp_path):
    """Lose root's right to write everywhere; pytest's own parents stay reachable."""
    if os.geteuid() != 0:
        yield
        return
    for folder in [tmp_path, *tmp_path.parents]:
        if folder.stat().st_uid == 0 and folder.name.startswith(("pytest-", "test_")):
            folder.chmod(0o755)
    os.seteuid(65_534)
    yield
    os.seteuid(0)


def test_read_only_folder_is_refused_by_name(tmp_path, not_root):
    folder = tmp_path / "vectors"

    if os.getuid() != 0:
        tmp_path.chmod(0o500)
    with pytest.raises(StorageNotWritable, match=r"cannot be written .Permission denied."):
        VectorStore(folder, dimension=DIMENSION).append(rows(1), epoch=1)
    if os.getuid() != 0:
        tmp_path.chmod(0o700)


def test_read_only_disk_still_reads(tiny_disk):
    store = VectorStore(tiny_disk, dimension=DIMENSION)
    store.append(rows(3), epoch=1)
    subprocess.run(["mount", "-o", "remount,ro", tiny_disk], check=True)

    with pytest.raises(StorageNotWritable, match="Read-only file system"):
        store.append(rows(1), epoch=1)

    np.testing.assert_array_equal(store.read(epoch=1), rows(3))


@pytest.mark.parametrize("row_count", [1, 1_000, 10_000_000])
def test_append_of_one_row_reads_and_writes_as_much_at_any_size(tmp_path, monkeypatch, row_count):
    """A clock would be noise: count what is asked of the disk. Files with holes stand for large ones."""
    store = VectorStore(tmp_path, dimension=512)
    store.write_epoch(1, [])
    with store.path(1).open("r+b") as file:
        file.write(encode_header(row_count, 512))
        file.truncate(HEADER_BYTES + row_count * 512 * 4)
    calls = []
    for name in ("pread", "pwrite", "ftruncate", "fdatasync", "fsync"):
        real = getattr(os, name)
        monkeypatch.setattr(os, name, lambda *args, name=name, real=real: (calls.append((name, args)), real(*args))[1])
    monkeypatch.setattr(store, "read", None)

    store.append(unit_rows(1, dimension=512), epoch=1)

    assert [name for name, _ in calls].count("fdatasync") == 3
    assert [len(args[1]) for name, args in calls if name == "pwrite"] == [512 * 4, 4, HEADER_BYTES]
    assert [args[1] for name, args in calls if name == "pread"] == [HEADER_BYTES, HEADER_BYTES]
    assert {name for name, _ in calls} == {"pread", "pwrite", "ftruncate", "fdatasync"}


def test_append_needs_no_more_memory_than_its_batch(tmp_path):
    """A map, not a copy: reading a file larger than the address space that is left would fail."""
    store = VectorStore(tmp_path, dimension=512)
    block = unit_rows(1000, dimension=512)
    store.write_epoch(1, (block for _ in range(100)))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    store.append(block[:10], epoch=1)
    matrix = store.read(epoch=1)

    assert len(matrix) == 100_010
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000


# Writers


def test_lock_is_held_around_several_changes(store):
    other = VectorStore(store.folder, dimension=DIMENSION, lock_timeout_seconds=0.05)

    with store.lock():
        first = store.append(rows(1), epoch=1)
        with pytest.raises(StoreBusy, match=r"locked by another process for 0\.05 seconds"):
            other.append(rows(1), epoch=1)
        second = store.append(rows(1), epoch=1)

    assert [*first, *second, *other.append(rows(1), epoch=1)] == [0, 1, 2]
