"""The file of codes: the same bytes however it grew, and damage that is refused, found or mended."""

import errno
import itertools
import os
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gallery.durable.synced_writing import partial_path
from gallery.errors import StorageFull, StorageNotWritable, StoreDamaged
from gallery.vectors.codes import BLOCK_ROWS, HEADER_BYTES, Codes, CodesFile, block_type
from gallery.vectors.unit_vectors import NO_ID
from tests.unit.vectors.engine_contract import unit_rows

DIMENSION = 8
ROWS = 2 * BLOCK_ROWS + 40
MATRIX = unit_rows(ROWS, dimension=DIMENSION)
IDS = np.random.default_rng(1).permutation(10 * ROWS)[:ROWS].astype(np.int64)
BLOCK_BYTES = block_type(DIMENSION).itemsize
TRUTH = Codes.of(MATRIX, IDS)


@pytest.fixture
def file(tmp_path) -> CodesFile:
    return CodesFile(tmp_path / "codes-1.bin", dimension=DIMENSION)


def grown(file: CodesFile, *stops: int) -> CodesFile:
    """Add rows up to each of `stops` in turn."""
    for start, stop in zip([0, *stops], stops, strict=False):
        file.extend(start, MATRIX[start:stop], IDS[start:stop])
    return file


def rows_of(codes: Codes, name: str) -> np.ndarray:
    numbers = codes.blocks[name]
    return numbers.reshape(len(codes.blocks) * BLOCK_ROWS, *numbers.shape[2:])[: codes.row_count]


def assert_are(found: Codes, matrix: np.ndarray, ids: np.ndarray) -> None:
    """The codes are those of these rows; signs may differ where a number is next to zero."""
    assert found.row_count == len(ids)
    true = Codes.of(matrix, ids)
    for name in ("codes", "scales", "errors", "ids"):
        np.testing.assert_array_equal(rows_of(found, name), rows_of(true, name), err_msg=name)
    assert np.bitwise_count(rows_of(found, "bits") ^ rows_of(true, "bits")).sum() <= len(ids) / 1000
    np.testing.assert_allclose(rows_of(found, "bit_scales"), rows_of(true, "bit_scales"), rtol=1e-4)
    np.testing.assert_allclose(found.blocks["centre"], true.blocks["centre"], atol=1e-6)


# Growing


near_borders = st.integers(0, ROWS) | st.builds(
    lambda border, step: min(ROWS, max(0, border + step)),
    st.sampled_from([0, BLOCK_ROWS, 2 * BLOCK_ROWS, ROWS]),
    st.integers(-2, 2),
)


@settings(max_examples=30)
@given(stops=st.lists(near_borders, min_size=1, max_size=6), emptied=st.sets(near_borders, max_size=5))
def test_a_file_that_grew_in_parts_is_the_one_built_at_once(stops, emptied):
    """Rows of no picture too, at the beginning of a part or of a block."""
    stops = sorted(stops)
    ids = IDS.copy()
    ids[[row for row in emptied if row < ROWS]] = NO_ID
    with tempfile.TemporaryDirectory() as folder:
        file = CodesFile(Path(folder) / "codes-1.bin", dimension=DIMENSION)
        for start, stop in zip([0, *stops], stops, strict=False):
            file.extend(start, MATRIX[start:stop], ids[start:stop])

        assert file.row_count() == stops[-1]
        assert_are(file.read(stops[-1]), MATRIX[: stops[-1]], ids[: stops[-1]])


@settings(max_examples=15)
@given(cleared=st.sets(near_borders, max_size=6), stop=near_borders)
def test_cleared_rows_are_those_of_no_picture(cleared, stop):
    ids, rows = IDS[:stop].copy(), np.array(sorted(cleared), dtype=np.int64)
    ids[rows[rows < stop]] = NO_ID
    with tempfile.TemporaryDirectory() as folder:
        file = grown(CodesFile(Path(folder) / "codes-1.bin", dimension=DIMENSION), stop)
        file.clear(rows)

        found, true = file.read(stop), Codes.of(MATRIX[:stop], ids)
        for name in ("codes", "scales", "errors", "ids"):
            np.testing.assert_array_equal(rows_of(found, name), rows_of(true, name), err_msg=name)
        assert np.isnan(rows_of(found, "bit_scales")[ids == NO_ID]).all()
        assert found.live.rows.tolist() == np.flatnonzero(ids != NO_ID).tolist()
        matrix = MATRIX[:stop].copy()
        matrix[rows[rows < stop]] = 0
        assert file.wrong_rows(matrix).tolist() == []


def test_build_writes_what_codes_of_computes(file):
    file.build(MATRIX, IDS)

    assert_are(file.read(ROWS), MATRIX, IDS)
    assert file.path.stat().st_size == HEADER_BYTES + 3 * BLOCK_BYTES
    assert not partial_path(file.path).exists()
    assert file.wrong_rows(MATRIX).tolist() == []


def test_read_gives_a_beginning_of_the_file(file):
    grown(file, ROWS)

    assert_are(file.read(BLOCK_ROWS + 1), MATRIX[: BLOCK_ROWS + 1], IDS[: BLOCK_ROWS + 1])
    assert len(file.read(0).blocks) == 0
    assert file.read(7).ids_of(np.array([6, 0])).tolist() == IDS[[6, 0]].tolist()


def test_a_map_keeps_its_rows_while_the_file_grows_and_shows_cleared_ones(file):
    before = grown(file, 10).read(10)

    grown_again = file.extend(10, MATRIX[10:ROWS], IDS[10:ROWS])
    file.clear(np.array([3]))

    assert grown_again is None
    expected = IDS[:10].copy()
    expected[3] = NO_ID
    assert before.ids.tolist() == expected.tolist()


# A file that is older, newer, or not there


def test_a_missing_file_has_no_rows_and_is_made_by_the_first_extend_only(file):
    assert file.row_count() == 0
    file.clear(np.array([1]))
    with pytest.raises(StoreDamaged):
        file.read(1)
    with pytest.raises(StoreDamaged, match="does not exist"):
        file.extend(3, MATRIX[3:5], IDS[3:5])
    assert not file.path.exists()

    grown(file, 5)

    assert_are(file.read(5), MATRIX[:5], IDS[:5])


def test_an_older_file_is_neither_read_nor_extended_beyond_its_rows(file):
    grown(file, 10)

    with pytest.raises(StoreDamaged, match="it has 10 rows, not 11"):
        file.read(11)
    with pytest.raises(StoreDamaged, match="it has 10 rows, not 11"):
        file.extend(11, MATRIX[11:12], IDS[11:12])
    assert_are(file.read(10), MATRIX[:10], IDS[:10])


@pytest.mark.parametrize("first_row", [0, 5, BLOCK_ROWS - 1, BLOCK_ROWS, BLOCK_ROWS + 1, 2 * BLOCK_ROWS])
def test_a_newer_file_forgets_the_rows_beyond_the_next_append(file, first_row):
    grown(file, ROWS)
    other, other_ids = unit_rows(3, dimension=DIMENSION, seed=9), np.array([1, 2, 3])

    file.extend(first_row, other, other_ids)

    assert file.row_count() == first_row + 3
    matrix = np.concatenate([MATRIX[:first_row], other])
    assert_are(file.read(first_row + 3), matrix, np.concatenate([IDS[:first_row], other_ids]))
    rest = slice(first_row + 3, ROWS)
    file.extend(first_row + 3, MATRIX[rest], IDS[rest])
    assert file.wrong_rows(np.concatenate([matrix, MATRIX[rest]])).tolist() == []


def test_a_file_never_becomes_shorter_under_a_reader_that_has_mapped_it(file):
    """A process that touches a page beyond the end of a mapped file is killed by SIGBUS."""
    reader = grown(file, ROWS).read(ROWS)

    file.extend(5, MATRIX[5:6], IDS[5:6])

    assert file.path.stat().st_size == HEADER_BYTES + 3 * BLOCK_BYTES
    np.testing.assert_array_equal(reader.blocks[2]["ids"][:40], IDS[2 * BLOCK_ROWS :])


# Damage


@pytest.mark.parametrize(
    "content",
    [b"", b"\x00" * 100, b"\x93NUMPY" + b"\x00" * 5000],
    ids=["empty", "zeros", "vectors"],
)
def test_a_file_that_is_none_of_ours_is_refused_and_built_anew(file, content):
    file.path.write_bytes(content)

    for attempt in (file.row_count, lambda: file.read(1), lambda: file.clear(np.array([0]))):
        with pytest.raises(StoreDamaged):
            attempt()
    with pytest.raises(StoreDamaged):
        file.extend(0, MATRIX[:3], IDS[:3])

    file.build(MATRIX[:10], IDS[:10])
    file.extend(10, MATRIX[10:20], IDS[10:20])
    assert_are(file.read(20), MATRIX[:20], IDS[:20])


@pytest.mark.parametrize("byte", range(24))
def test_any_damaged_byte_of_magic_dimension_and_block_size_is_refused(file, byte):
    grown(file, 10)
    content = bytearray(file.path.read_bytes())
    content[byte] ^= 1 << (byte % 8)
    file.path.write_bytes(content)

    with pytest.raises(StoreDamaged, match="header"):
        file.read(10)


@pytest.mark.parametrize("byte", range(24, 32))
def test_a_damaged_count_is_refused_or_counts_rows_that_the_vectors_do_not_have(file, byte):
    grown(file, 10)
    content = bytearray(file.path.read_bytes())
    content[byte] ^= 0x40
    file.path.write_bytes(content)

    if byte == 24:  # 74 rows in a block that is there: nobody asks for more than the vectors have
        assert file.row_count() == 74
        assert_are(file.read(10), MATRIX[:10], IDS[:10])
        file.extend(10, MATRIX[10:12], IDS[10:12])
        assert_are(file.read(12), MATRIX[:12], IDS[:12])
    else:
        with pytest.raises(StoreDamaged, match="too short"):
            file.read(10)


@pytest.mark.parametrize("length", [0, 31, 32, HEADER_BYTES, HEADER_BYTES + 1, HEADER_BYTES + 2 * BLOCK_BYTES - 1])
def test_a_file_cut_short_is_refused(file, length):
    grown(file, BLOCK_ROWS + 1)
    os.truncate(file.path, length)

    with pytest.raises(StoreDamaged):
        file.read(1)


def test_a_file_with_more_bytes_than_it_counts_is_read_and_goes_on(file):
    grown(file, 10)
    with file.path.open("ab") as end:
        end.write(b"\xff" * (BLOCK_BYTES + 77))

    assert_are(file.read(10), MATRIX[:10], IDS[:10])
    file.extend(10, MATRIX[10:ROWS], IDS[10:ROWS])
    assert_are(file.read(ROWS), MATRIX, IDS)


def test_a_file_of_another_dimension_is_refused(file):
    grown(file, 10)

    with pytest.raises(StoreDamaged, match="not that of codes of this index"):
        CodesFile(file.path, dimension=DIMENSION + 1).read(10)


# What is flipped here is found. Not judged: the ids, which SearchIndex compares with the database; the padding; and of
# floats the bits of least weight, which change a bound or an estimate by less than computing it in float32 does.
FLIPS = {
    "codes": list(range(8)),
    "scales": list(range(32)),
    "errors": list(range(8, 32)),
    "bits": list(range(64)),
    "bit_scales": list(range(12, 32)),
    "centre": [29, 30],
}


@pytest.mark.parametrize("name", FLIPS)
def test_a_flipped_bit_is_found_in(file, name):
    rng = np.random.default_rng(3)
    grown(file, BLOCK_ROWS + 40)
    matrix = MATRIX[: BLOCK_ROWS + 40]
    whole = file.path.read_bytes()
    offset = HEADER_BYTES + BLOCK_BYTES + block_type(DIMENSION).fields[name][1]
    item = block_type(DIMENSION)[name]
    for bit in FLIPS[name]:
        row = int(rng.integers(40))
        width = item.itemsize if name == "centre" else item.itemsize // BLOCK_ROWS
        parts = width // item.base.itemsize
        start = offset + (0 if name == "centre" else row * width) + int(rng.integers(parts)) * item.base.itemsize
        content = bytearray(whole)
        content[start + bit // 8] ^= 1 << (bit % 8)
        file.path.write_bytes(content)

        wrong = file.wrong_rows(matrix)

        if name == "centre":
            assert len(wrong), f"bit {bit}"
        else:
            assert wrong.tolist() == [BLOCK_ROWS + row], f"bit {bit} of row {row}"
    file.path.write_bytes(whole)
    assert file.wrong_rows(matrix).tolist() == []


def test_other_vectors_in_the_same_rows_are_found(file):
    grown(file, 50)
    matrix = MATRIX[:50].copy()
    matrix[[3, 20]] = matrix[[20, 3]]
    matrix[30] = 0
    matrix[40, 2] = np.nan

    assert file.wrong_rows(matrix).tolist() == [3, 20, 30, 40]


def test_a_row_cleared_in_the_codes_only_is_found(file):
    grown(file, 50)
    file.clear(np.array([7]))

    assert file.wrong_rows(MATRIX[:50]).tolist() == [7]


# A disk that refuses


class FailingDisk:
    """Lets the `nth` call of one of the functions that write fail; a write of rows has got half-way by then."""

    def __init__(self, patch: pytest.MonkeyPatch, function: str, nth: int, number: int) -> None:
        self.rest, self.failed = nth, False
        real = getattr(os, function)

        def call(fd: int, *arguments: object) -> object:
            if self.rest == 0:
                self.failed = True
                if function == "pwrite" and arguments[1]:
                    real(fd, memoryview(arguments[0])[: len(arguments[0]) // 2], arguments[1])
                raise OSError(number, os.strerror(number))
            self.rest -= 1
            return real(fd, *arguments)

        patch.setattr(os, function, call)


OLD = BLOCK_ROWS - 3
OTHER = unit_rows(ROWS, dimension=DIMENSION, seed=5)
OTHER_IDS = IDS + 10**6
CLEARED = np.array([0, 5, BLOCK_ROWS - 4])


EXPECTED = {errno.ENOSPC: StorageFull, errno.EROFS: StorageNotWritable, errno.EIO: OSError}


def failures(file: CodesFile, work: Callable[[], None]) -> Iterator[str]:
    """Do `work` again and again, with the disk failing at each call that writes; yield after each failure.

    Each time the file is as it was in the beginning. Ends when there is no further call.
    """
    whole = file.path.read_bytes() if file.path.exists() else None
    for function, number in itertools.product(("pwrite", "fdatasync", "ftruncate"), EXPECTED):
        for nth in itertools.count():
            file.remove()
            if whole is not None:
                file.path.write_bytes(whole)
            with pytest.MonkeyPatch.context() as patch, suppress(EXPECTED[number]):
                disk = FailingDisk(patch, function, nth, number)
                work()
                assert not disk.failed, f"{function} failed unnoticed"
            if not disk.failed:
                break
            yield function


def test_a_failed_extend_leaves_a_prefix_that_is_right_and_can_be_gone_on_from(file):
    grown(file, OLD)
    met = []
    for function in failures(file, lambda: file.extend(OLD, MATRIX[OLD:ROWS], IDS[OLD:ROWS])):
        met.append(function)
        assert_are(file.read(OLD), MATRIX[:OLD], IDS[:OLD])
        assert file.row_count() == OLD
        file.extend(OLD, MATRIX[OLD:ROWS], IDS[OLD:ROWS])
        assert_are(file.read(ROWS), MATRIX, IDS)
    assert Counter(met) == {"pwrite": 3 * (6 + 7 + 7 + 1), "fdatasync": 3, "ftruncate": 3}  # sections, and the header


def test_a_failed_extend_over_forgotten_rows_leaves_the_old_ones_or_none_of_them(file):
    """The file counts rows that the vectors lost; others take their place."""
    grown(file, ROWS)
    counts = set()
    for _ in failures(file, lambda: file.extend(OLD, OTHER[:30], OTHER_IDS[:30])):
        counts.add(file.row_count())
        assert_are(file.read(file.row_count()), MATRIX[: file.row_count()], IDS[: file.row_count()])
        file.extend(OLD, OTHER[:30], OTHER_IDS[:30])
        matrix, ids = np.concatenate([MATRIX[:OLD], OTHER[:30]]), np.concatenate([IDS[:OLD], OTHER_IDS[:30]])
        assert_are(file.read(OLD + 30), matrix, ids)
    assert counts == {OLD, ROWS}


@pytest.mark.parametrize("old_rows", [0, 20])
def test_a_failed_build_leaves_the_file_that_was_there(file, old_rows):
    if old_rows:
        grown(file, old_rows)
    met = []
    for function in failures(file, lambda: file.build(OTHER, OTHER_IDS)):
        met.append(function)
        assert file.row_count() == old_rows
        assert_are(file.read(old_rows), MATRIX[:old_rows], IDS[:old_rows])
        assert not partial_path(file.path).exists()
    assert Counter(met) == {"pwrite": 3 * (3 + 1), "fdatasync": 3}  # three blocks and the header


def test_a_failed_clear_touches_no_other_row_and_can_be_done_again(file):
    grown(file, OLD)
    others = np.setdiff1d(np.arange(OLD), CLEARED)
    cleared = MATRIX[:OLD].copy()
    cleared[CLEARED] = 0
    met = []
    for function in failures(file, lambda: file.clear(CLEARED)):
        met.append(function)
        assert set(file.wrong_rows(MATRIX[:OLD])) <= set(CLEARED.tolist())
        assert file.read(OLD).ids_of(others).tolist() == IDS[others].tolist()
        file.clear(CLEARED)
        assert file.wrong_rows(cleared).tolist() == []
    assert Counter(met) == {"pwrite": 3 * 6 * len(CLEARED), "fdatasync": 3}


@pytest.fixture
def not_root(tmp_path) -> Iterator[None]:
    """Root may write everywhere, so be somebody else for a while."""
    if os.getuid() != 0:
        yield
        return
    for folder in [tmp_path, *tmp_path.parents]:
        if folder.stat().st_uid == 0 and folder.name.startswith(("pytest-", "popen-", "test_")):
            folder.chmod(0o755)
    os.seteuid(65_534)
    yield
    os.seteuid(0)


@pytest.fixture
def guarded(file) -> CodesFile:
    grown(file, 10).path.chmod(0o444)
    file.path.parent.chmod(0o555)
    return file


def test_a_read_only_folder_is_read_and_refuses_writers_by_name(guarded, not_root):
    assert_are(guarded.read(10), MATRIX[:10], IDS[:10])

    for attempt in (
        lambda: guarded.extend(10, MATRIX[10:12], IDS[10:12]),
        lambda: guarded.build(MATRIX[:12], IDS[:12]),
        lambda: guarded.clear(np.array([1])),
        guarded.remove,
    ):
        with pytest.raises(StorageNotWritable, match=r"Permission denied"):
            attempt()

    assert_are(guarded.read(10), MATRIX[:10], IDS[:10])
