"""Columns against the same rows in plain Python, and against SQLite."""

import operator
import sqlite3
from collections import Counter
from functools import cmp_to_key
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gallery.vectors.columns import counting, ordering
from gallery.vectors.columns.columns import Columns
from gallery.vectors.columns.counting import Tally
from gallery.vectors.columns.ordering import Order
from gallery.vectors.columns.truth import Truth
from gallery.vectors.row_mask import RowMask
from gallery.vectors.unit_vectors import NO_ID
from tests.unit.vectors.columns_cast import NOBODY, Library, Picture, libraries, names, numbers, pictures_of, table_of

COMPARISONS = {"eq": "=", "ne": "<>", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}
NUMBER_COLUMNS = ("width", "height", "taken", "id")
tags = st.integers(0, 7)


def live_rows(library: Library) -> list[int]:
    return [row for row, picture in enumerate(library.pictures) if picture.is_live]


def where(library: Library, truth: Truth) -> list[int]:
    return library.columns.where(truth).rows.tolist()


@st.composite
def masks(draw: st.DrawFn, library: Library) -> RowMask:
    """Some of the rows that are somebody's."""
    wanted = draw(st.integers(0, 2 ** len(library.pictures)))
    chosen = [row for row in live_rows(library) if wanted >> row & 1]
    return RowMask.of_rows(np.array(chosen, dtype=np.int64), library.columns.row_count)


# Conditions


columns_of_numbers = st.sampled_from(NUMBER_COLUMNS)
values = numbers | st.sampled_from([2**40, -(2**40)])


def compared(name, comparison, value):
    return f"{name} {COMPARISONS[comparison]} {value}", lambda columns: columns.compare(name, comparison, value)


def compared_columns(name, comparison, other):
    sql = f"{name} {COMPARISONS[comparison]} {other}"
    return sql, lambda columns: columns.compare_columns(name, comparison, other)


def is_in(name, wanted):
    return f"{name} IN ({','.join(map(str, wanted))})", lambda columns: columns.is_in(name, wanted)


def is_null(name):
    return f"{name} IS NULL", lambda columns: columns.is_null(name)


def contains(needle):
    return f"instr(name, '{needle}') > 0", lambda columns: columns.contains("name", needle)


def contains_ignoring_case(needle):
    escaped = needle.replace("_", r"\_")
    sql = rf"name LIKE '%{escaped}%' ESCAPE '\'"
    return sql, lambda columns: columns.contains("name", needle, ignoring_case=True)


def linked(keys):
    links = f"SELECT 1 FROM link WHERE link.row = picture.row AND key IN ({','.join(map(str, keys))})"
    return f"EXISTS ({links})", lambda columns: columns.linked("tag", keys)


def known_everywhere(value):
    return {True: "1", False: "0", None: "NULL"}[value], lambda columns: columns.everywhere(value)


comparisons, needles = st.sampled_from(sorted(COMPARISONS)), st.text("aAb狗_", max_size=3)
conditions = st.one_of(  # each is SQL, and the same asked of columns
    st.builds(compared, columns_of_numbers, comparisons, values),
    st.builds(compared_columns, columns_of_numbers, comparisons, columns_of_numbers),
    st.builds(is_in, columns_of_numbers, st.lists(st.integers(-3, 30) | st.just(2**40), max_size=12)),
    st.builds(is_null, columns_of_numbers),
    st.builds(contains, needles),
    st.builds(contains_ignoring_case, needles),
    st.builds(linked, st.lists(tags, max_size=3)),
    st.builds(known_everywhere, st.sampled_from([True, False, None])),
)


def _negated(tree):
    return f"NOT ({tree[0]})", lambda c: ~tree[1](c)


def _joined(trees):
    (left, one), (right, other), sign = trees
    if sign == "AND":
        return f"({left}) AND ({right})", lambda c: one(c) & other(c)
    return f"({left}) OR ({right})", lambda c: one(c) | other(c)


condition_trees = st.recursive(
    conditions,
    lambda trees: trees.map(_negated) | st.tuples(trees, trees, st.sampled_from(["AND", "OR"])).map(_joined),
    max_leaves=5,
)


def in_sqlite(library: Library) -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE picture (row INTEGER, id INTEGER, width, height, taken, name)")
    connection.execute("CREATE TABLE link (row INTEGER, key INTEGER)")
    for row in live_rows(library):
        one = library.pictures[row]
        values = (row, one.id, one.width, one.height, one.taken, one.name)
        connection.execute("INSERT INTO picture VALUES (?, ?, ?, ?, ?, ?)", values)
        connection.executemany("INSERT INTO link VALUES (?, ?)", [(row, tag) for tag in one.tags])
    return connection


@given(library=libraries(), tree=condition_trees)
def test_conditions_are_true_where_sqlite_finds_them_true(library, tree):
    sql, evaluated = tree
    found = in_sqlite(library).execute(f"SELECT row FROM picture WHERE {sql} ORDER BY row").fetchall()

    assert where(library, evaluated(library.columns)) == [row for (row,) in found]


@given(library=libraries(), tree=condition_trees)
def test_conditions_set_no_bit_behind_the_last_row(library, tree):
    truth = tree[1](library.columns)

    for mask in (truth.true, truth.false):
        assert len(mask.bits) == -(-len(library.pictures) // 8)
        assert mask.count == len(mask.rows)


@given(data=st.data(), library=libraries())
def test_a_mask_from_elsewhere_is_true_of_its_rows_and_false_of_the_others(data, library):
    mask = data.draw(masks(library))

    truth = Truth.of_mask(mask)

    assert where(library, truth) == mask.rows.tolist()
    assert where(library, ~truth) == sorted(set(live_rows(library)) - set(mask.rows.tolist()))


# Reads


few_rows = pytest.mark.parametrize("few_rows", [0, counting.FEW_ROWS])  # 0: compiled loops count them all


@few_rows
@given(data=st.data(), library=libraries(), name=st.sampled_from(NUMBER_COLUMNS))
def test_counts_and_extremes_are_those_of_the_rows(few_rows, data, library, name):
    mask = data.draw(masks(library))
    values = [value for row in mask.rows if (value := getattr(library.pictures[row], name)) is not None]

    with patch.object(counting, "FEW_ROWS", few_rows):
        counts, extremes = library.columns.counts(mask, name), library.columns.extremes(mask, name)

    assert counts == dict(Counter(values))
    assert extremes == ((min(values), max(values)) if values else None)


@few_rows
@given(
    data=st.data(), library=libraries(), name=st.sampled_from(NUMBER_COLUMNS), added=st.sampled_from(["taken", "id"])
)
def test_totals_are_those_of_the_rows(few_rows, data, library, name, added):
    mask = data.draw(masks(library))

    with patch.object(counting, "FEW_ROWS", few_rows):
        totals = library.columns.totals(mask, name, added)

    pictures = [library.pictures[row] for row in mask.rows]
    expected = {}
    for picture in pictures:
        if (number := getattr(picture, name)) is not None:
            expected.setdefault(number, []).append(getattr(picture, added) or 0)
    assert totals == {number: Tally(len(some), sum(some)) for number, some in expected.items()}


def test_what_is_counted_of_many_rows_lists_none_of_them():
    columns = Columns.of(table_of([Picture(number, taken=number) for number in range(9)]))

    with patch.object(counting, "FEW_ROWS", 0):
        columns.counts(columns.live, "width")
        columns.totals(columns.live, "width", "id")
        columns.extremes(columns.live, "taken")
        columns.counts_between(columns.live, "taken", [3])

    assert "rows" not in vars(columns.live)


@pytest.mark.parametrize("most_places", [0, counting.MOST_PLACES])
def test_numbers_that_lie_far_apart_are_counted_as_those_close_together(most_places):
    columns = Columns.of(table_of([Picture(number, width=10**number) for number in range(9)] * 2))

    with patch.multiple(counting, FEW_ROWS=0, MOST_PLACES=most_places):
        counts = columns.counts(columns.live, "width")

    assert counts == {10**number: 2 for number in range(9)}


@few_rows
@given(data=st.data(), library=libraries(), bounds=st.sets(values, max_size=6).map(sorted))
def test_rows_are_counted_between_bounds(few_rows, data, library, bounds):
    mask = data.draw(masks(library))
    taken = [taken for row in mask.rows if (taken := library.pictures[row].taken) is not None]

    with patch.object(counting, "FEW_ROWS", few_rows):
        counts = library.columns.counts_between(mask, "taken", bounds)

    places = Counter(sum(bound <= moment for bound in bounds) for moment in taken)
    assert counts == [places[place] for place in range(len(bounds) + 1)]


@given(data=st.data(), library=libraries())
def test_link_counts_are_those_of_the_rows(data, library):
    mask = data.draw(masks(library))

    keys, counts = library.columns.link_counts(mask, "tag")

    expected = Counter(tag for row in mask.rows for tag in library.pictures[row].tags)
    assert list(zip(keys.tolist(), counts.tolist(), strict=True)) == sorted(expected.items())


@given(data=st.data(), library=libraries(), album=st.integers(0, 3), start=st.integers(0, 5), size=st.integers(0, 5))
def test_an_albums_rows_come_in_its_order(data, library, album, start, size):
    mask = data.draw(masks(library))
    rows = [row for row in mask.rows.tolist() if album in library.pictures[row].albums]
    rows.sort(key=lambda row: library.pictures[row].albums[album])

    assert library.columns.in_link_order("album", album, mask).tolist() == rows
    found = library.columns.in_link_order("album", album, mask, start=start, size=size)
    assert found.tolist() == rows[start : start + size]


@given(data=st.data(), library=libraries(), album=st.integers(0, 3), after=st.integers(-1, 6), down=st.booleans())
def test_an_albums_rows_go_on_behind_a_place(data, library, album, after, down):
    mask = data.draw(masks(library))
    places = {row: library.pictures[row].albums.get(album) for row in mask.rows.tolist()}
    behind = [row for row, place in places.items() if place is not None and (place < after if down else place > after)]
    behind.sort(key=lambda row: library.pictures[row].albums[album], reverse=down)

    found = library.columns.in_link_order("album", album, mask, after=after, descending=down, start=1)

    assert found.tolist() == behind[1:]


@given(library=libraries(), keys=st.sets(tags, max_size=4))
def test_links_of_keys_are_those_of_the_rows(library, keys):
    rows, found = library.columns.links_of("tag", keys)

    expected = [(row, tag) for row, picture in enumerate(library.pictures) for tag in picture.tags & keys]
    assert sorted(zip(rows.tolist(), found.tolist(), strict=True)) == sorted(expected)


@given(library=libraries(), ids=st.lists(st.integers(-1, 80)))
def test_rows_are_found_by_their_ids(library, ids):
    row_of = {picture.id: row for row, picture in enumerate(library.pictures) if picture.is_live}

    assert library.columns.rows_of(ids).tolist() == [row_of.get(one, -1) for one in ids]


@given(data=st.data(), library=libraries())
def test_ids_and_numbers_of_rows_are_theirs(data, library):
    rows = data.draw(st.permutations(range(len(library.pictures))))

    found = library.columns.ids_of(np.array(rows, dtype=np.int64))

    assert found.tolist() == [library.pictures[row].id for row in rows]


# Orders

orders = st.lists(
    st.builds(Order, st.sampled_from([*NUMBER_COLUMNS, "name"]), st.booleans(), st.booleans()), min_size=1, max_size=3
)


def sorted_rows(library: Library, rows: list[int], by: list[Order]) -> list[int]:
    return sorted(rows, key=cmp_to_key(lambda a, b: _compared(library.pictures[a], library.pictures[b], by)))


def _compared(one: Picture, other: Picture, by: list[Order]) -> int:
    for order in [*by, Order("id", by[-1].descending)]:
        left, right = _value(one, order.column), _value(other, order.column)
        if left == right:
            continue
        if left is None or right is None:
            return (1 if left is None else -1) * (1 if order.nulls_last else -1)
        return (1 if left > right else -1) * (-1 if order.descending else 1)
    return 0


def _value(picture: Picture, name: str) -> object:
    return picture.name.encode() if name == "name" else getattr(picture, name)


def place_of(picture: Picture, by: list[Order]) -> list[object]:
    values = [getattr(picture, order.column) for order in by]
    return values if by[-1].column == "id" else [*values, picture.id]


@pytest.mark.parametrize("sample", [(2, 0), (3, 1), (ordering.SAMPLED, ordering.SAMPLED_BESIDE)])
@given(data=st.data(), library=libraries(), by=orders, start=st.integers(0, 12), size=st.integers(0, 6))
def test_a_part_of_an_order_is_that_of_all_sorted(sample, data, library, by, start, size):  # noqa: PLR0917 -- drawn
    mask = data.draw(masks(library))

    with patch.multiple(ordering, SAMPLED=sample[0], SAMPLED_BESIDE=sample[1]):
        found = library.columns.ordered(mask, by, start=start, size=size)

    assert found.tolist() == sorted_rows(library, mask.rows.tolist(), by)[start : start + size]


@pytest.mark.parametrize("start", [0, 100_000, 199_976])
def test_a_part_of_many_rows_sorts_few_of_them(start):
    """A sample tells which lie near the part."""
    values = np.random.default_rng(0).permutation(200_000).astype(np.int64)
    looked_at = []

    def keys_of(rows):
        looked_at.append(len(rows))
        return values[rows]

    found = ordering.part_in_order(np.arange(200_000), [keys_of], start, start + 24)

    assert values[found].tolist() == list(range(start, start + 24))
    assert looked_at[0] == 200_000
    assert max(looked_at[1:]) < 20_000


@given(data=st.data(), library=libraries(), by=orders, size=st.integers(0, 6))
def test_a_part_behind_or_before_a_place_is_that_of_all_sorted(data, library, by, size):
    """The row of that place may be gone, and need not be in the mask."""
    mask = data.draw(masks(library))
    gone = Picture(data.draw(st.integers(1, 99)), *data.draw(st.tuples(numbers, numbers, st.none() | numbers, names)))
    at = data.draw(st.sampled_from([one for one in library.pictures if one.is_live] + [gone]))
    rows = sorted_rows(library, mask.rows.tolist(), by)
    behind = [row for row in rows if _compared(library.pictures[row], at, by) > 0]
    before = [row for row in rows if _compared(library.pictures[row], at, by) < 0]

    place = place_of(at, by)

    assert library.columns.ordered(mask, by, size=size, after=place).tolist() == behind[:size]
    found = library.columns.ordered(mask, by, size=size, before=place)
    assert found.tolist() == (before[-size:] if size else [])


# Changes


@given(library=libraries())
def test_merged_columns_are_the_rows_one_by_one(library):
    assert pictures_of(library.columns.merged()) == library.pictures


@given(data=st.data(), library=libraries())
def test_taken_rows_come_in_the_order_that_was_asked_for(data, library):
    rows = data.draw(st.permutations(range(len(library.pictures))))[: data.draw(st.integers(0, 8))]

    taken = library.columns.take(np.array(rows, dtype=np.int64))

    assert pictures_of(taken) == [library.pictures[row] for row in rows]


@given(library=libraries(), rows=st.sets(st.integers(0, 15), max_size=4))
def test_changed_columns_leave_those_before_alone(library, rows):
    changes = [Picture(100 + row, width=9, name="new") for row in sorted(rows)]

    library.columns.changed(np.array(sorted(rows), dtype=np.int64), table_of(changes))

    assert pictures_of(library.columns.merged()) == library.pictures


@given(data=st.data(), library=libraries())
def test_renumbered_columns_follow_the_pictures(data, library):
    """Some pictures are gone in the new order, some are new, some of its rows are nobody's."""
    by_id = {one.id: one for one in library.pictures if one.is_live}
    new = [200, 201][: data.draw(st.integers(0, 2))]
    ids = data.draw(st.permutations([*by_id, *new, NO_ID]))[: data.draw(st.integers(0, 16))]

    renumbered, missing = library.columns.renumbered(np.array(ids, dtype=np.int64))

    assert pictures_of(renumbered.merged()) == [by_id.get(one, NOBODY) for one in ids]
    assert missing.tolist() == [row for row, one in enumerate(ids) if one in new]


def test_columns_of_nothing_answer_everything():
    columns = Columns.of(table_of([]))
    nothing = columns.live

    assert columns.row_count == nothing.row_count == 0
    assert where(Library([], columns), columns.compare("width", "gt", 0)) == []
    assert columns.totals(nothing, "width", "taken") == columns.counts(nothing, "width") == {}
    assert columns.counts_between(nothing, "taken", [1]) == [0, 0]
    assert columns.extremes(nothing, "taken") is None
    assert columns.ordered(nothing, [Order("name")], size=5).tolist() == []
    assert [part.tolist() for part in columns.link_counts(nothing, "tag")] == [[], []]


def test_an_unknown_column_is_an_error():
    with pytest.raises(KeyError, match="depth"):
        Columns.of(table_of([Picture(1)])).compare("depth", "gt", 0)


@pytest.mark.parametrize(("sign", "in_python"), [("&", operator.and_), ("|", operator.or_)])
def test_truth_joins_unknown_as_sql_does(sign, in_python):
    values = [True, False, None]
    table = {"&": lambda a, b: False if False in (a, b) else (None if None in (a, b) else True)}
    table["|"] = lambda a, b: True if True in (a, b) else (None if None in (a, b) else False)
    for one in values:
        for other in values:
            joined = in_python(Truth.everywhere(one, 3), Truth.everywhere(other, 3))
            expected = Truth.everywhere(table[sign](one, other), 3)
            assert joined.true.rows.tolist() == expected.true.rows.tolist()
            assert joined.false.rows.tolist() == expected.false.rows.tolist()
