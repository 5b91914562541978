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
