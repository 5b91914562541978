"""Texts in one buffer: their order and their search against Python's own."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gallery.vectors.columns.texts import CHUNK_BYTES, Texts

beginnings = st.sampled_from([b"", b"x" * (CHUNK_BYTES - 1), b"x" * CHUNK_BYTES, b"x" * (3 * CHUNK_BYTES)])
endings = st.lists(st.sampled_from([b"a", b"b", b"\0", b"\xff"]), max_size=12).map(b"".join)
lines = st.builds(lambda beginning, ending: beginning + ending, beginnings, endings)


@given(kept=st.lists(lines, max_size=20))
def test_ranks_are_the_places_among_the_sorted_texts(kept):
    ranks, by_rank = Texts.of_bytes(kept).ranking

    distinct = sorted(set(kept))
    assert ranks.tolist() == [distinct.index(line) for line in kept]
    assert [kept[row] for row in by_rank] == sorted(kept)


@given(kept=st.lists(lines, max_size=20), others=st.lists(lines, max_size=5), data=st.data())
def test_other_texts_are_placed_among_these(kept, others, data):
    others += data.draw(st.lists(st.sampled_from(kept), max_size=3)) if kept else []

    less, is_there = Texts.of_bytes(kept).first_not_less(Texts.of_bytes(others))

    assert less.tolist() == [len({line for line in kept if line < other}) for other in others]
    assert is_there.tolist() == [other in kept for other in others]


@given(kept=st.lists(lines, max_size=20), data=st.data())
def test_texts_that_are_gone_leave_the_others(kept, data):
    is_gone = np.array(data.draw(st.lists(st.booleans(), min_size=len(kept), max_size=len(kept))), dtype=bool)

    left = Texts.of_bytes(kept).without(is_gone)

    expected = [line for line, gone in zip(kept, is_gone, strict=True) if not gone]
    assert [left.at(row) for row in range(left.row_count)] == expected


def test_many_texts_that_are_gone_leave_the_others():
    kept = [f"{number}".encode() for number in range(3_000)]

    left = Texts.of_bytes(kept).without(np.arange(3_000) % 3 == 0)

    assert [left.at(row) for row in range(left.row_count)] == [line for line in kept if int(line) % 3]


def test_every_text_has_the_empty_needle():
    assert Texts.of(["", "a"]).contains(b"", ignoring_case=False).tolist() == [True, True]
