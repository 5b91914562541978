"""Which rows are allowed: one bit each, against sets of numbers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gallery.vectors.row_mask import RowMask

row_numbers = st.lists(st.integers(0, 300), max_size=80)


def mask_of(rows: list[int], row_count: int) -> RowMask:
    return RowMask.of_rows(np.array(rows, dtype=np.int64), row_count)


def assert_allows(mask: RowMask, rows: set[int], row_count: int) -> None:
    """The mask says so in every way that it can be asked, and has no bit beyond its rows."""
    assert mask.row_count == row_count
    assert mask.rows.tolist() == sorted(rows)
    assert mask.count == len(rows)
    assert mask.bits.dtype == np.uint8
    assert len(mask.bits) == -(-row_count // 8)
    assert np.flatnonzero(np.unpackbits(mask.bits, bitorder="little")).tolist() == sorted(rows)


@given(rows=row_numbers, row_count=st.integers(0, 300))
def test_mask_of_rows_allows_those_below_the_row_count(rows, row_count):
    assert_allows(mask_of(rows, row_count), {row for row in rows if row < row_count}, row_count)


@given(allowed=st.lists(st.booleans(), max_size=80))
def test_mask_of_booleans_allows_the_true_ones(allowed):
    mask = RowMask.of_booleans(np.array(allowed, dtype=bool))

    assert_allows(mask, {row for row, one in enumerate(allowed) if one}, len(allowed))


@given(rows=row_numbers, asked=st.lists(st.integers(0, 299)))
def test_a_mask_has_the_rows_that_it_allows(rows, asked):
    found = mask_of(rows, 300).has(np.array(asked, dtype=np.int64))

    assert found.tolist() == [row in rows for row in asked]


@given(rows=row_numbers, row_count=st.integers(0, 200), more=row_numbers, added=st.integers(0, 100))
def test_extended_mask_allows_both_and_leaves_the_shorter_one_alone(rows, row_count, more, added):
    mask = mask_of(rows, row_count)

    longer = mask.extended(np.array(more, dtype=np.int64), row_count + added)

    old = {row for row in rows if row < row_count}
    assert_allows(longer, old | {row for row in more if row < row_count + added}, row_count + added)
    assert_allows(mask, old, row_count)


@given(rows=row_numbers, row_count=st.integers(0, 300), first=st.integers(0, 350))
def test_first_cuts_the_mask_but_never_makes_it_longer(rows, row_count, first):
    cut = mask_of(rows, row_count).first(first)

    kept = min(first, row_count)
    assert_allows(cut, {row for row in rows if row < kept}, kept)


@given(rows=row_numbers, row_count=st.integers(1, 300), taken=row_numbers)
def test_rows_that_are_taken_away_are_not_allowed(rows, row_count, taken):
    taken = {row for row in taken if row < row_count}

    left = mask_of(rows, row_count).without(np.array(sorted(taken), dtype=np.int64))

    assert_allows(left, {row for row in rows if row < row_count} - taken, row_count)


@given(rows=row_numbers, row_count=st.integers(0, 300), n_words=st.integers(0, 6))
def test_words_are_those_of_so_many_rows(rows, row_count, n_words):
    words = mask_of(rows, row_count).words(64 * n_words)

    assert words.dtype == np.dtype("<u8")
    assert len(words) == n_words
    bits = np.unpackbits(words.view(np.uint8), bitorder="little")
    assert np.flatnonzero(bits).tolist() == sorted({row for row in rows if row < min(row_count, 64 * n_words)})


@pytest.mark.parametrize("row_count", [0, 1, 7, 8, 9, 63, 64, 65])
def test_a_mask_of_all_rows_ends_where_the_rows_end(row_count):
    assert_allows(RowMask.of_booleans(np.ones(row_count, dtype=bool)), set(range(row_count)), row_count)


def test_a_mask_of_many_rows_counts_them_right():
    allowed = np.random.default_rng(0).random(1_000_003) < 0.5

    mask = RowMask.of_booleans(allowed)

    assert mask.count == int(allowed.sum())
    np.testing.assert_array_equal(mask.rows, np.flatnonzero(allowed))
