"""A part of many rows in an order, without sorting them all."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gallery.vectors.unit_vectors import Rows

from .table import NULL
from .text_order import TextOrder

Keys = npt.NDArray[np.int64]
KeysOf = Callable[[Rows], Keys]  # what rows are ordered by, ascending
ROW = "row"  # the order of the rows themselves
SAMPLED = 16_384  # values, which are sorted in a millisecond
SAMPLED_BESIDE = 256  # four times the greatest deviation of a place in a sample of so many: sqrt(16,384) / 2
LAST = int(np.iinfo(np.int64).max)


@dataclass(frozen=True, slots=True)
class Order:
    """One key of an order: a column of numbers or of texts, `id`, or ROW. `nulls_last` says where NULL comes."""

    column: str
    descending: bool = False
    nulls_last: bool = False


def ascending_keys(values: Keys, order: Order, *, has_null: bool) -> Keys:
    """Return int64 keys that ascend where the order wants the values, NULL among them."""
    keys = ~values if order.descending else values  # not negated: -NULL would be NULL
    null, wanted = (~NULL if order.descending else NULL), (LAST if order.nulls_last else NULL)
    if has_null and null != wanted:
        keys = np.where(values == NULL, wanted, keys)
    return keys


def key_of_value(value: int | str | None, order: Order, text_order: Callable[[str], TextOrder]) -> int:
    """Return the key of one value, NULL where it is None; `text_order` gives the order of a column of texts."""
    if isinstance(value, str):
        value = text_order(order.column).key_of(value)
    number = np.array([NULL if value is None else value], dtype=np.int64)
    return int(ascending_keys(number, order, has_null=True)[0])


def part_in_order(rows: Rows, keys: Sequence[KeysOf], start: int, stop: int) -> Rows:
    """Return rows `start` up to `stop` of these rows in the order of their keys, of which the last is unique.

    Costs a pass over all rows for the first key; what is equal in it, at the edges of the part, goes on to the next.
    """
    start, stop = max(0, start), min(stop, len(rows))
    if start >= stop:
        return rows[:0]
    values = keys[0](rows)
    if (near := _near(values, start, stop)) is not None:
        before, places = near
        return part_in_order(rows[places], keys, start - before, stop - before)
    first, last = _values_at(values, start, stop - 1)
    at_first = rows[np.flatnonzero(values == first)]
    before_first = int(np.count_nonzero(values < first)) if start else 0
    if first == last:
        return _edge(at_first, keys[1:], start - before_first, stop - before_first)
    between = rows[np.flatnonzero((values > first) & (values < last))]
    stop_at_last = stop - before_first - len(at_first) - len(between)
    return np.concatenate(
        [
            _edge(at_first, keys[1:], start - before_first, len(at_first)),
            _sorted(between, keys),
            _edge(rows[np.flatnonzero(values == last)], keys[1:], 0, stop_at_last),
        ]
    )


def with_id(orders: Sequence[Order]) -> list[Order]:
    """Return the orders with the id as the last one, in the direction of the one before it."""
    if orders and orders[-1].column == "id":
        return list(orders)
    return [*orders, Order("id", descending=bool(orders) and orders[-1].descending)]


def are_behind(rows: Rows, keys: Sequence[KeysOf], place: Sequence[int]) -> npt.NDArray[np.bool_]:
    """Return which rows come after a place, which is a value of each key, (len(rows),) bool."""
    return _compared(rows, keys, place, np.greater)


def are_before(rows: Rows, keys: Sequence[KeysOf], place: Sequence[int]) -> npt.NDArray[np.bool_]:
    """Return which rows come before a place, (len(rows),) bool."""
    return _compared(rows, keys, place, np.less)


def _compared(rows: Rows, keys: Sequence[KeysOf], place: Sequence[int], further: np.ufunc) -> npt.NDArray[np.bool_]:
    values = keys[0](rows)
    found: npt.NDArray[np.bool_] = further(values, place[0])
    if len(keys) > 1:
        equal = np.flatnonzero(values == place[0])
        found[equal] = _compared(rows[equal], keys[1:], place[1:], further)
    return found


def _near(values: Keys, start: int, stop: int) -> tuple[int, Rows] | None:
    """Return places of the values among which, sorted, those from `start` up to `stop` are, and how many lie before.

    A sample tells between which values they should be. None where there are not many more values than wanted, or the
    sample was a bad one.
    """
    step = len(values) // SAMPLED
    if step < 2:
        return None
    sample = np.sort(values[::step])
    low, high = start // step - SAMPLED_BESIDE, (stop - 1) // step + SAMPLED_BESIDE
    is_wanted = np.ones(len(values), dtype=bool) if high >= len(sample) else values <= sample[high]
    before = 0
    if low >= 0:
        is_before = values < sample[low]
        before = int(np.count_nonzero(is_before))
        is_wanted &= ~is_before
    places = np.flatnonzero(is_wanted)
    is_there = before <= start and stop <= before + len(places)
    return (before, places) if is_there and len(places) <= len(values) // 2 else None


def _values_at(values: Keys, first: int, last: int) -> tuple[int, int]:
    """Return what is at two places of the values, sorted. One place at a time: NumPy is fast at one only."""
    if first == 0:
        return int(values.min()), int(np.partition(values, last)[last])
    parted = np.partition(values, first)
    behind = parted[first:]
    return int(parted[first]), int(np.partition(behind, last - first)[last - first])


def _edge(rows: Rows, keys: Sequence[KeysOf], start: int, stop: int) -> Rows:
    """Return a part of rows that are equal in the keys before these."""
    return part_in_order(rows, keys, start, stop) if keys else rows[start:stop]


def _sorted(rows: Rows, keys: Sequence[KeysOf]) -> Rows:
    return rows[np.lexsort([key(rows) for key in reversed(keys)])]
