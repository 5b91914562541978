"""Compiled loops over columns against plain Python, on every instruction set of this processor."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from llvmlite import binding as llvm

from gallery.vectors.columns.texts import Texts
from gallery.vectors.kernels import column_loops
from gallery.vectors.kernels.column_loops import ColumnLoops
from gallery.vectors.kernels.instructions import INSTRUCTION_SETS
from gallery.vectors.kernels.machine_code import host_instruction_set
from gallery.vectors.kernels.tally_emitter import NULL
from gallery.vectors.row_mask import RowMask

HERE = [one for one in INSTRUCTION_SETS if all(llvm.get_host_cpu_features().get(need, False) for need in one.needs)]
LOOPS = [ColumnLoops(one) for one in HERE]
every_loops = pytest.mark.parametrize("loops", LOOPS, ids=[one.name for one in HERE])
pieces = st.sampled_from([b"a", b"b", b"A", b"B", b"\xe7", b"@", b"`", b"aaaaaaaab", b"x" * 70])
texts = st.lists(pieces, max_size=12).map(b"".join)


@every_loops
@settings(max_examples=200)
@given(data=st.data(), lines=st.lists(texts, max_size=12), ignoring_case=st.booleans())
def test_needles_are_found_where_python_finds_them(loops, data, lines, ignoring_case):
    line = data.draw(st.sampled_from([*lines, b"ab"]))
    first = data.draw(st.integers(0, len(line)))
    needle = line[first : first + data.draw(st.integers(1, 30))] or data.draw(pieces)
    kept = Texts.of_bytes(lines)

    found = loops.find(kept.content, kept.starts, needle, ignoring_case=ignoring_case)

    if ignoring_case:
        needle, lines = needle.lower(), [line.lower() for line in lines]
    assert found.tolist() == [needle in line for line in lines]


@every_loops
@settings(max_examples=200)
@given(data=st.data(), allowed=st.lists(st.booleans(), min_size=1, max_size=70))
def test_links_of_wanted_rows_are_counted(loops, data, allowed):
    by_key = data.draw(st.lists(st.lists(st.integers(0, len(allowed) - 1), max_size=20), max_size=6))
    starts = np.concatenate([[0], np.cumsum([len(rows) for rows in by_key])]).astype(np.int64)
    rows = np.array([row for rows in by_key for row in rows], dtype=np.uint32)
    bits = np.packbits(np.array(allowed), bitorder="little")

    counts = loops.count(rows, starts, bits, len(allowed))

    assert counts.tolist() == [sum(allowed[row] for row in rows) for rows in by_key]


@every_loops
def test_a_row_that_cannot_be_is_not_counted(loops):
    rows = np.array([0, 4_000_000_000, 8], dtype=np.uint32)

    counts = loops.count(rows, np.array([0, 3]), np.full(1, 0xFF, dtype=np.uint8), 8)

    assert counts.tolist() == [1]


@every_loops
@pytest.mark.parametrize("starts", [[0, 9_000, -3, 4], [4, 3, 2, 1], [0, 0, 0, 0]])
def test_places_that_cannot_be_end_the_search(loops, starts):
    """Whatever a damaged file says, nothing is read outside the texts, and the search ends."""
    content = np.frombuffer(b"abababab" * 40, dtype=np.uint8)

    found = loops.find(content, np.array(starts), b"ab", ignoring_case=False)

    assert len(found) == 3


def mask_of(data, row_count):
    return RowMask.of_booleans(np.array(data.draw(st.lists(st.booleans(), min_size=row_count, max_size=row_count))))


few_numbers = st.integers(-5, 5) | st.sampled_from([NULL, NULL + 1, 2**63 - 1, 2**40])


@every_loops
@pytest.mark.parametrize("kind", [np.int8, np.int32, np.int64])
@settings(max_examples=100)
@given(data=st.data(), row_count=st.integers(1, 140))
def test_rows_of_a_mask_are_tallied_by_number(loops, data, row_count, kind):
    numbers = data.draw(st.lists(few_numbers, min_size=row_count, max_size=row_count))
    kept = np.array([one if np.iinfo(kind).min <= one <= np.iinfo(kind).max else 0 for one in numbers], dtype=kind)
    added = np.array(data.draw(st.lists(st.integers(-9, 9) | st.just(NULL), min_size=row_count, max_size=row_count)))
    mask = mask_of(data, row_count)

    alone, nothing = loops.tally(kept, mask, least=-3, place_count=6)
    counts, sums = loops.tally(kept, mask, least=-3, place_count=6, added=added)

    rows = [[row for row in mask.rows.tolist() if kept[row] == number] for number in range(-3, 3)]
    assert counts.tolist() == alone.tolist() == [len(some) for some in rows]
    assert sums.tolist() == [sum(int(added[row]) for row in some if added[row] != NULL) for some in rows]
    assert not nothing.any()


@every_loops
@settings(max_examples=100)
@given(data=st.data(), row_count=st.integers(1, 140), bounds=st.sets(few_numbers, max_size=9).map(sorted))
def test_rows_of_a_mask_are_counted_between_bounds(loops, data, row_count, bounds):
    numbers = np.array(data.draw(st.lists(few_numbers, min_size=row_count, max_size=row_count)))
    mask = mask_of(data, row_count)

    counts = loops.placed(numbers, mask, bounds)

    known = [int(numbers[row]) for row in mask.rows if numbers[row] != NULL]
    below = [sum(bound <= number for bound in bounds) for number in known]
    assert counts.tolist() == [below.count(place) for place in range(len(bounds) + 1)]


@every_loops
@settings(max_examples=100)
@given(data=st.data(), row_count=st.integers(1, 140))
def test_extremes_of_a_mask_are_those_of_its_rows(loops, data, row_count):
    numbers = np.array(data.draw(st.lists(few_numbers, min_size=row_count, max_size=row_count)))
    mask = mask_of(data, row_count)

    found = loops.extremes(numbers, mask)

    known = [int(numbers[row]) for row in mask.rows if numbers[row] != NULL]
    assert found == ((min(known), max(known)) if known else None)


@every_loops
def test_bits_behind_the_last_row_are_not_read(loops):
    """The numbers of a page that is not there would end the process."""
    mask = RowMask(np.full(1, 0xFF, dtype=np.uint8), 3)

    counts, _sums = loops.tally(np.zeros(3, dtype=np.int64), mask, least=0, place_count=1)

    assert counts.tolist() == [3]


@every_loops
def test_a_mask_of_more_rows_than_numbers_is_refused(loops):
    mask = RowMask.of_booleans(np.ones(9, dtype=bool))

    with pytest.raises(ValueError, match="9 rows"):
        loops.extremes(np.zeros(8, dtype=np.int64), mask)
    with pytest.raises(ValueError, match="8 numbers"):
        loops.tally(np.zeros(9, dtype=np.int8), mask, least=0, place_count=1, added=np.zeros(8, dtype=np.int64))


def test_the_rarest_bytes_of_a_needle_are_looked_for():
    """All letters are `a` but one: were the first and the last of the needle looked for, every place would be one."""
    content = np.frombuffer(b"a" * 1_000 + b"b", dtype=np.uint8)
    needle = np.frombuffer(b"aaaabaa", dtype=np.uint8)

    places = column_loops._rarest(content, needle, np.zeros(len(needle), dtype=np.uint8))

    assert 4 in places.tolist()


def test_code_is_kept_for_the_next_process(tmp_path, monkeypatch):
    first = ColumnLoops(host_instruction_set(), code_folder=tmp_path)
    monkeypatch.setattr(column_loops, "_module_text", lambda: pytest.fail("compiled again"))

    again = ColumnLoops(host_instruction_set(), code_folder=tmp_path)

    kept = Texts.of(["a needle", "none"])
    for loops in (first, again):
        assert loops.find(kept.content, kept.starts, b"needle", ignoring_case=False).tolist() == [True, False]
