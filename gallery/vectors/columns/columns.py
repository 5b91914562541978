"""A table with the rows of it that have changed: conditions on it, and reads under a mask."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from gallery.vectors.row_mask import RowMask
from gallery.vectors.unit_vectors import NO_ID, Ids, Rows

from .comparing import Comparison, compared, is_one_of
from .counting import Tally, counts_between, extremes, summed, tallied
from .last_masks import LastMasks, Parts
from .ordering import ROW, KeysOf, Order, are_before, are_behind, ascending_keys, key_of_value, part_in_order, with_id
from .table import Numbers, Table
from .text_order import TextOrder
from .text_patterns import matching
from .texts import Booleans
from .truth import Truth

NONE = Tally(0)
Leaf = Callable[[Table], tuple[Booleans, Booleans | None]]  # true, and unknown, of each row of a table


@dataclass(frozen=True, eq=False)
class Columns:
    """`base`, in which the rows `patch_rows` are those of `patch` instead.

    `patch_rows` (p,) int64, all different, in the order in which they changed; those from the base's row count on are
    behind it, and all of them are there. `patch` has p rows; its links speak of places in the patch. Nothing of this
    ever changes: `changed` returns another.
    """

    base: Table
    patch_rows: Rows
    patch: Table

    @classmethod
    def of(cls, base: Table) -> "Columns":
        return cls(base, np.empty(0, dtype=np.int64), base.nobody(0))

    @cached_property
    def row_count(self) -> int:
        behind = int(self.patch_rows.max()) + 1 if len(self.patch_rows) else 0
        return max(self.base.row_count, behind)

    # Conditions

    def compare(self, name: str, comparison: Comparison, value: int) -> Truth:
        """Return of which rows the number compares so with `value`; where it is NULL, that is unknown."""
        return self._truth(lambda table: (compared(table.column(name), comparison, value), table.unknown(name)))

    def compare_columns(self, name: str, comparison: Comparison, other: str) -> Truth:
        """Return of which rows one number compares so with another of the same row."""

        def leaf(table: Table) -> tuple[Booleans, Booleans | None]:
            unknowns = [one for one in (table.unknown(name), table.unknown(other)) if one is not None]
            unknown = np.logical_or.reduce(unknowns) if unknowns else None
            return compared(table.column(name), comparison, table.column(other)), unknown

        return self._truth(leaf)

    def is_in(self, name: str, values: Collection[int]) -> Truth:
        """Return of which rows the number is one of the values; of none that is false also where it is NULL."""
        if not values:
            return self.everywhere(False)
        return self._truth(lambda table: (is_one_of(table.column(name), values), table.unknown(name)))

    def is_null(self, name: str) -> Truth:
        def leaf(table: Table) -> tuple[Booleans, None]:
            unknown = table.unknown(name)
            return (np.zeros(table.row_count, dtype=bool) if unknown is None else unknown), None

        return self._truth(leaf)

    def contains(self, name: str, needle: str, *, ignoring_case: bool = False) -> Truth:
        """Return of which rows the text has the needle in it; `ignoring_case` is of A to Z alone."""
        wanted = needle.encode("utf-8", "surrogatepass")
        return self._truth(lambda table: (table.texts[name].contains(wanted, ignoring_case=ignoring_case), None))

    def matches(self, name: str, pieces: Sequence[str]) -> Truth:
        """Return of which rows the text is these pieces, with anything or nothing between two of them."""
        wanted = [piece.encode("utf-8", "surrogatepass") for piece in pieces]
        return self._truth(lambda table: (matching(table.texts[name], wanted), None))

    def judged(self, names: Sequence[str], judge: Callable[..., Booleans]) -> Truth:
        """Return of which rows `judge`, called with these columns of numbers, says so; none of them is ever NULL."""
        return self._truth(lambda table: (judge(*(table.column(name) for name in names)), None))

    def linked(self, name: str, keys: Collection[int]) -> Truth:
        """Return which rows carry at least one of these keys."""

        def leaf(table: Table) -> tuple[Booleans, None]:
            carries = np.zeros(table.row_count, dtype=bool)
            carries[table.links[name].rows_with(keys)] = True
            return carries, None

        return self._truth(leaf)

    def linked_at_all(self, name: str) -> Truth:
        """Return which rows carry a key, whichever."""

        def leaf(table: Table) -> tuple[Booleans, None]:
            return table.links[name].are_there(table.row_count), None

        return self._truth(leaf)

    def everywhere(self, value: bool | None) -> Truth:
        """Return what is true, false or unknown (None) of every row."""
        return Truth.everywhere(value, self.row_count)

    def where(self, truth: Truth) -> RowMask:
        """Return the rows of which it is true, as a WHERE would; no row of nobody is among them."""
        return RowMask(truth.true.bits & self.live.bits, self.row_count)

    @cached_property
    def live(self) -> RowMask:
        """The rows that are somebody's."""
        return self._truth(lambda table: (table.live, None)).true

    def _truth(self, leaf: Leaf) -> Truth:
        true, unknown = leaf(self.base)
        if not len(self.patch_rows):
            return Truth.of(true, unknown)
        patch_true, patch_unknown = leaf(self.patch)
        true = self._patched(true, patch_true)
        if unknown is not None or patch_unknown is not None:
            unknown = self._patched(unknown, patch_unknown)
        return Truth.of(true, unknown)

    def _patched(self, base: Booleans | None, patch: Booleans | None) -> Booleans:
        patched = np.zeros(self.row_count, dtype=bool)
        if base is not None:
            patched[: len(base)] = base
        patched[self.patch_rows] = False if patch is None else patch
        return patched

    # Reads under a mask

    def ids_of(self, rows: Rows) -> Ids:
        """Return the id of each row, NO_ID for nobody's."""
        return self.numbers_of("id", rows)

    def rows_of(self, ids: npt.ArrayLike) -> Rows:
        """Return the row of each id, -1 for one that has none, (len(ids),) int64."""
        in_base, in_patch = self.base.rows_of(ids), self.patch.rows_of(ids)
        in_base = np.where(self._is_patched[in_base], -1, in_base) if self.base.row_count else in_base
        return np.where(in_patch >= 0, self.patch_rows[in_patch], in_base) if len(self.patch_rows) else in_base

    def numbers_of(self, name: str, rows: Rows) -> Ids:
        """Return a number of each row, (len(rows),) int64, NULL among them."""
        if not len(self.patch_rows):
            return self.base.column(name)[rows].astype(np.int64)
        patched = np.flatnonzero(self._is_in_patch[rows])
        if not self.base.row_count:
            found = np.empty(len(rows), dtype=np.int64)
        else:
            found = self.base.column(name).take(rows, mode="clip").astype(np.int64)
        found[patched] = self.patch.column(name)[self._in_patch(rows[patched])[0]]
        return found

    def links_of(self, name: str, keys: Collection[int]) -> tuple[Rows, Ids]:
        """Return the row and the key of each link of these keys, in no order: (total,) int64 both."""
        in_base, base_keys = self.base.links[name].with_keys(keys)
        kept = ~self._is_patched[in_base]
        in_patch, patch_keys = self.patch.links[name].with_keys(keys)
        rows = np.concatenate([in_base[kept].astype(np.int64), self.patch_rows[in_patch]])
        return rows, np.concatenate([base_keys[kept], patch_keys])

    def counts(self, mask: RowMask, name: str) -> dict[int, int]:
        """Return how many rows have each number; those where it is NULL are left out."""
        return {number: tally.rows for number, tally in self._tallies(mask, name, None).items()}

    def totals(self, mask: RowMask, name: str, added: str) -> dict[int, Tally]:
        """Return of each number how many rows have it, and the sum of what is not NULL of another of theirs."""
        return self._tallies(mask, name, added)

    def counts_between(self, mask: RowMask, name: str, bounds: Sequence[int]) -> list[int]:
        """Return how many rows have a number below the first of these ascending bounds, from there to the next, and so
        on, at last from the last one on: len(bounds) + 1. Those where it is NULL are left out.
        """
        in_base, in_patch = (counts_between(*part, name, bounds) for part in self._tables(mask))
        return [int(count) for count in in_base + in_patch]

    def extremes(self, mask: RowMask, name: str) -> tuple[int, int] | None:
        """Return the least and the greatest of the numbers that are not NULL, None where there is none."""
        found = [both for part in self._tables(mask) if (both := extremes(*part, name)) is not None]
        return (min(least for least, _ in found), max(greatest for _, greatest in found)) if found else None

    def link_counts(self, mask: RowMask, name: str) -> tuple[Ids, Ids]:
        """Return the keys that rows of the mask carry, ascending, and how many rows each: (m,) int64 both."""
        both = [(table.links[name], part) for table, part in self._tables(mask)]
        keys = np.concatenate([links.keys for links, _part in both])
        return summed(keys, np.concatenate([links.counts(part) for links, part in both]))

    def in_link_order(
        self,
        name: str,
        key: int,
        mask: RowMask,
        *,
        descending: bool = False,
        after: int | None = None,
        start: int = 0,
        size: int | None = None,
    ) -> Rows:
        """Return rows of the mask that carry a key, in the order of their positions.

        `after` is the position of one row, which need not be there any more: places are counted from behind it.
        """
        rows, positions = self._placed(name, key, mask)
        order = np.argsort(positions, kind="stable")[:: -1 if descending else 1]
        if after is not None:
            order = order[positions[order] < after] if descending else order[positions[order] > after]
        ordered = rows[order]
        return ordered[start:] if size is None else ordered[start : start + size]

    def _placed(self, name: str, key: int, mask: RowMask) -> tuple[Rows, Ids]:
        """Return the rows of the mask that carry a key, and their positions."""
        rows, positions = [], []
        for table, row_of in ((self.base, None), (self.patch, self.patch_rows)):
            links, at = table.links[name], table.links[name].of_key(key)
            found = links.rows[at].astype(np.int64)
            of_key = found if row_of is None else row_of[found]
            wanted = mask.has(of_key) if row_of is not None else mask.has(of_key) & ~self._is_patched[of_key]
            rows.append(of_key[wanted])
            positions.append(found[wanted] if links.positions is None else links.positions[at][wanted])
        return np.concatenate(rows), np.concatenate(positions)

    def ordered(
        self,
        mask: RowMask,
        orders: Sequence[Order],
        *,
        start: int = 0,
        size: int,
        after: Sequence[int | str | None] | None = None,
        before: Sequence[int | str | None] | None = None,
    ) -> Rows:
        """Return `size` rows of the mask in an order, from place `start` on.

        What is equal in all of them is ordered by id, in the direction of the last. `after` and `before` are what one
        row has in each of `orders`, its id last if they do not end with it; None is NULL. Then places are counted from
        there: behind `after`; or, of the rows that come before `before`, the last ones.
        """
        orders = with_id(orders)
        keys = [self._keys_of(order) for order in orders]
        rows = self._places(mask)
        if after is not None:
            rows = rows[np.flatnonzero(are_behind(rows, keys, self._values_at(orders, after)))]
        if before is None:
            return self._rows_at(part_in_order(rows, keys, start, start + size))
        rows = rows[np.flatnonzero(are_before(rows, keys, self._values_at(orders, before)))]
        return self._rows_at(part_in_order(rows, keys, len(rows) - start - size, len(rows) - start))

    # Changes

    def take(self, rows: Rows) -> Table:
        """Return these rows, which are different ones, in this order."""
        if not len(self.patch_rows):
            return self.base.take(rows)
        places, is_patched = self._in_patch(rows)
        both = self.base.take(rows[~is_patched]).joined(self.patch.take(places[is_patched]))
        back = np.argsort(np.concatenate([np.flatnonzero(~is_patched), np.flatnonzero(is_patched)]))
        return both.take(back)

    def changed(self, rows: Rows, table: Table) -> "Columns":
        """Return columns where these rows, all different, are those of the table, which has the same columns.

        Rows between the last one and new ones are nobody's. Costs what the patch and the table are long.
        """
        if not len(rows):
            return self
        gap = np.setdiff1d(np.arange(self.row_count, int(rows.max())), rows)
        if len(gap):
            rows, table = np.concatenate([rows, gap]), table.joined(table.nobody(len(gap)))
        is_gone = np.zeros(self.row_count + 1, dtype=bool)
        is_gone[rows[rows < self.row_count]] = True
        is_gone = is_gone[self.patch_rows]
        patch = self.patch.without(is_gone) if is_gone.any() else self.patch
        return Columns(self.base, np.concatenate([self.patch_rows[~is_gone], rows]), patch.joined(table))

    def merged(self) -> Table:
        """Return all rows as one table."""
        return self.take(np.arange(self.row_count))

    def renumbered(self, ids: Ids) -> tuple["Columns", Rows]:
        """Return columns where row r is that of the picture `ids[r]`, and the rows whose pictures are not here.

        Those, and the rows of nobody, are nobody's.
        """
        old_rows = self.rows_of(ids)
        missing = np.flatnonzero((old_rows < 0) & (np.asarray(ids) != NO_ID))
        known = np.flatnonzero(old_rows >= 0)
        unknown = np.flatnonzero(old_rows < 0)
        table = self.take(old_rows[known])
        table = table.joined(table.nobody(len(unknown)))
        return Columns.of(table.take(np.argsort(np.concatenate([known, unknown])))), missing

    # Within

    def _tallies(self, mask: RowMask, name: str, added: str | None) -> dict[int, Tally]:
        found = [tallied(*part, name, added=added) for part in self._tables(mask)]
        return {number: found[0].get(number, NONE) + found[1].get(number, NONE) for number in found[0] | found[1]}

    def _tables(self, mask: RowMask) -> tuple[tuple[Table, RowMask], tuple[Table, RowMask]]:
        """Return the base and the patch, each with what of it is in the mask."""
        in_base, in_patch = self._masks(mask)
        return (self.base, in_base), (self.patch, in_patch)

    @cached_property
    def _is_patched(self) -> Booleans:
        """Which rows of the base count no more, (base.row_count,) bool."""
        patched = np.zeros(self.base.row_count, dtype=bool)
        patched[self.patch_rows[self.patch_rows < self.base.row_count]] = True
        return patched

    @cached_property
    def _is_in_patch(self) -> Booleans:
        """Which rows are those of the patch, (row_count,) bool."""
        patched = np.zeros(self.row_count, dtype=bool)
        patched[self.patch_rows] = True
        return patched

    def _in_patch(self, rows: Rows) -> tuple[Rows, Booleans]:
        """Return the place of each row in the patch, and whether it is there, (len(rows),) each."""
        order = self._patch_order
        places = order[np.minimum(np.searchsorted(self.patch_rows[order], rows), len(order) - 1)]
        return places, self.patch_rows[places] == rows

    @cached_property
    def _patch_order(self) -> Rows:
        return np.argsort(self.patch_rows)

    def _masks(self, mask: RowMask) -> Parts:
        """Return a mask of the base, and one of the patch."""
        return self._last_masks.parts_of(mask, self._divided)

    def _divided(self, mask: RowMask) -> Parts:
        if not len(self.patch_rows):
            return mask, RowMask(np.empty(0, dtype=np.uint8), 0)
        return mask.without(self.patch_rows).first(self.base.row_count), RowMask.of_booleans(mask.has(self.patch_rows))

    @cached_property
    def _last_masks(self) -> LastMasks:
        return LastMasks()

    # Places: row r of the base is place r, row p of the patch is place base.row_count + p; so ascending rows are, too

    def _places(self, mask: RowMask) -> Rows:
        """Return the places of a mask's rows, ascending."""
        if not len(self.patch_rows):
            return mask.rows
        in_base, in_patch = self._masks(mask)
        return np.concatenate([in_base.rows, in_patch.rows + self.base.row_count])

    def _rows_at(self, places: Rows) -> Rows:
        if not len(self.patch_rows):
            return places.astype(np.int64, copy=False)
        in_patch = np.maximum(places - self.base.row_count, 0)
        return np.where(places < self.base.row_count, places, self.patch_rows[in_patch])

    def _at_places(self, places: Rows, in_base: Numbers, in_patch: Numbers) -> Ids:
        """Return int64 numbers of ascending places."""
        split = int(np.searchsorted(places, self.base.row_count))
        if split == len(places):
            return in_base[places].astype(np.int64, copy=False)
        found = np.empty(len(places), dtype=np.int64)
        found[:split] = in_base[places[:split]]
        found[split:] = in_patch[places[split:] - self.base.row_count]
        return found

    def _keys_of(self, order: Order) -> KeysOf:
        """Return what gives the keys of ascending places."""
        if order.column in self.base.texts:
            texts = self._text_order(order.column)
            return lambda places: ascending_keys(texts.keys(places), order, has_null=False)
        if order.column == ROW:
            return lambda places: ascending_keys(self._rows_at(places), order, has_null=False)
        in_base, in_patch = self.base.column(order.column), self.patch.column(order.column)
        has_null = any(table.unknown(order.column) is not None for table in (self.base, self.patch))
        return lambda places: ascending_keys(self._at_places(places, in_base, in_patch), order, has_null=has_null)

    def _values_at(self, orders: Sequence[Order], values: Sequence[int | str | None]) -> list[int]:
        """Return the key of each value."""
        return [key_of_value(value, order, self._text_order) for order, value in zip(orders, values, strict=True)]

    def _text_order(self, name: str) -> TextOrder:
        new = self._text_orders.get(name) or TextOrder(self.base.texts[name], self.patch.texts[name])
        return self._text_orders.setdefault(name, new)

    @cached_property
    def _text_orders(self) -> dict[str, TextOrder]:
        return {}
