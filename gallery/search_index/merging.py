"""One order over pictures of two kinds: rows of the columns, and pictures that have none."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gallery.vectors.columns.columns import Columns
from gallery.vectors.columns.ordering import ROW, Order
from gallery.vectors.columns.table import NULL
from gallery.vectors.unit_vectors import Rows

from .image_columns import CODES, UNKNOWN_CODE, microseconds

Value = int | bytes | None


@dataclass(frozen=True)
class Ordered:
    """A picture and what it is ordered by."""

    image_id: int
    values: tuple[Value, ...]


def from_columns(columns: Columns, rows: Rows, orders: Sequence[Order]) -> list[Ordered]:
    table = columns.take(rows)

    def values_of(order: Order) -> list[Value]:
        if order.column in table.texts:
            return [table.texts[order.column].at(place) for place in range(len(rows))]
        numbers = rows if order.column == ROW else table.column(order.column)
        return [None if number == NULL else number for number in numbers.tolist()]

    keys = [values_of(order) for order in orders]
    return [Ordered(*pair) for pair in zip(table.ids.tolist(), zip(*keys, strict=True), strict=True)]


def value_of(found: Any, order: Order) -> Value:
    """Return what a value of the database is ordered as."""
    if order.column in CODES:
        return CODES[order.column].get(found, UNKNOWN_CODE)
    if isinstance(found, datetime):
        return microseconds(found)
    return found.encode("utf-8", "surrogatepass") if isinstance(found, str) else found


def merged(pictures: Sequence[Ordered], orders: Sequence[Order]) -> list[Ordered]:
    """Return the pictures in the order: sorted by the last key first, as sorting keeps what is equal."""
    found = list(pictures)
    for place, order in reversed(list(enumerate(orders))):
        null_is_greatest = order.nulls_last != order.descending

        def key(one: Ordered, place: int = place, null_is_greatest: bool = null_is_greatest) -> tuple[bool, Any]:
            value = one.values[place]
            return (value is None) == null_is_greatest, 0 if value is None else value

        found.sort(key=key, reverse=order.descending)
    return found
