"""A part of many rows in an order, without sorting them all."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gallery.vectors.unit_vectors import Rows

from .table import NULL

Keys = npt.NDArray[np.int64]
KeysOf = Callable[[Rows], Keys]  # what rows are ordered by, ascending
LAST = int(np.iinfo(np.int64).max)


@dataclass(frozen=True, slots=True)
class Order:
    """One key of an order: a column of numbers or of texts, or `id`. `nulls_last` says where NULL comes."""

    column: str
    descending: bool = False
    nulls_last: bool = False


def ascending_keys(values: Keys, order: Order) -> Keys:
    """Return int64 keys that ascend where the order wants the values, NULL among them."""
    keys = ~values if order.descending else values  # not negated: -NULL would be NULL
    null, wanted = (~NULL if order.descending else NULL), (LAST if order.nulls_last else NULL)
    return keys if null == wanted else np.where(values == NULL, wanted, keys)


def part_in_order(rows: Rows, keys: Sequence[KeysOf], start: int, stop: int) -> Rows:
    """Return rows `start` up to `stop` of these rows in the order of their keys, of which the last is unique.

    Costs a pass over all rows for the first key; what is equal in it, at the edges of the part, goes on to the next.
    """
    start, stop = max(0, start), min(stop, len(rows))
    if start >= stop:
        return rows[:0]
    values = keys[0](rows)
    first, last = _value_at(values, start), _value_at(values, stop - 1)
    if first == last:
        equal = rows[values == first]
        before = int(np.count_nonzero(values < first))
        return equal if len(keys) == 1 else part_in_order(equal, keys[1:], start - before, stop - before)
    return np.concatenate(
        [
            _edge(rows[values == first], keys[1:], start - int(np.count_nonzero(values < first)), None),
            _sorted(rows[(values > first) & (values < last)], keys),
            _edge(rows[values == last], keys[1:], 0, stop - int(np.count_nonzero(values < last))),
        ]
    )


def are_behind(rows: Rows, keys: Sequence[KeysOf], place: Sequence[int]) -> npt.NDArray[np.bool_]:
    """Return which rows come after a place, which is a value of each key, (len(rows),) bool."""
    values = keys[0](rows)
    behind: npt.NDArray[np.bool_] = values > place[0]
    if len(keys) > 1:
        equal = np.flatnonzero(values == place[0])
        behind[equal] = are_behind(rows[equal], keys[1:], place[1:])
    return behind


def _value_at(values: Keys, place: int) -> int:
    return int(np.partition(values, place)[place])


def _edge(rows: Rows, keys: Sequence[KeysOf], start: int, stop: int | None) -> Rows:
    """Return a part of rows that are equal in the keys before these."""
    return part_in_order(rows, keys, start, len(rows) if stop is None else stop) if keys else rows


def _sorted(rows: Rows, keys: Sequence[KeysOf]) -> Rows:
    return rows[np.lexsort([key(rows) for key in reversed(keys)])]
