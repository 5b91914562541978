"""What is known of rows, column by column."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from gallery.vectors.unit_vectors import NO_ID, Ids, Rows

from .links import Links
from .texts import Booleans, Texts

NULL: Final = int(np.iinfo(np.int64).min)  # in an int64 column: SQL's NULL
Numbers = npt.NDArray[np.signedinteger[Any]]


@dataclass(frozen=True, eq=False)
class Table:
    """n rows. The arrays never change.

    `ids` (n,) int64 are the pictures' ids, NO_ID where the row is nobody's. `numbers` are (n,) of any signed integer
    type; NULL can be in int64 alone. `texts` have n texts each, `links` speak of rows below n. `by_id` (n,) uint32 are
    the rows by id; None until somebody looks for one.
    """

    ids: Ids
    numbers: Mapping[str, Numbers] = field(default_factory=dict)
    texts: Mapping[str, Texts] = field(default_factory=dict)
    links: Mapping[str, Links] = field(default_factory=dict)
    by_id: npt.NDArray[np.uint32] | None = None

    @property
    def row_count(self) -> int:
        return len(self.ids)

    @cached_property
    def live(self) -> Booleans:
        """Which rows are somebody's, (n,) bool."""
        live: Booleans = self.ids != NO_ID
        return live

    def column(self, name: str) -> Numbers:
        """Return a column of numbers; `id` is one. Raises KeyError."""
        return self.ids if name == "id" else self.numbers[name]

    def unknown(self, name: str) -> Booleans | None:
        """Return where a column of numbers is NULL, (n,) bool; None if it is nowhere."""
        if name not in self._unknown:
            column = self.column(name)
            is_null = column == NULL if column.dtype == np.int64 else None
            self._unknown[name] = is_null if is_null is not None and is_null.any() else None
        return self._unknown[name]

    def extent(self, name: str) -> tuple[int, int] | None:
        """Return the least and the greatest number of a column that is not NULL, None where there is none."""
        if name not in self._extents:
            self._extents[name] = extent_of(self.column(name))
        return self._extents[name]

    @cached_property
    def _extents(self) -> dict[str, tuple[int, int] | None]:
        return {}

    @cached_property
    def _unknown(self) -> dict[str, Booleans | None]:
        return {}

    def rows_of(self, ids: npt.ArrayLike) -> Rows:
        """Return the row of each id, -1 for one that is not here, (len(ids),) int64."""
        asked = np.asarray(ids, dtype=np.int64)
        if not self.row_count:
            return np.full(len(asked), -1, dtype=np.int64)
        rows = self._rows_by_id[np.minimum(self._places_by_id(asked), self.row_count - 1)].astype(np.int64)
        return np.where((self.ids[rows] == asked) & (asked != NO_ID), rows, -1)

    def _places_by_id(self, asked: Ids) -> npt.NDArray[np.int64]:
        """Return how many ids are less than each of these. `np.searchsorted` would copy the order that it is given."""
        low, high = np.zeros(len(asked), dtype=np.int64), np.full(len(asked), self.row_count)
        while len(open_ := np.flatnonzero(low < high)):
            middle = (low[open_] + high[open_]) // 2
            less = self.ids[self._rows_by_id[middle]] < asked[open_]
            low[open_] = np.where(less, middle + 1, low[open_])
            high[open_] = np.where(less, high[open_], middle)
        return low

    @cached_property
    def _rows_by_id(self) -> npt.NDArray[np.uint32]:
        if self.by_id is not None:
            return self.by_id
        return np.argsort(self.ids, kind="stable").astype(np.uint32)

    def prepared(self, *, ranked: Collection[str]) -> "Table":
        """Return the same with all that is made only once: rows by id, links by row, ranks of the texts `ranked`."""
        return Table(
            ids=self.ids,
            numbers=self.numbers,
            texts={name: texts.ranked() if name in ranked else texts for name, texts in self.texts.items()},
            links={name: links.prepared(self.row_count) for name, links in self.links.items()},
            by_id=self._rows_by_id,
        )

    def take(self, rows: Rows) -> "Table":
        """Return these rows, which are different ones, in this order."""
        return Table(
            ids=self.ids[rows],
            numbers={name: column[rows] for name, column in self.numbers.items()},
            texts={name: texts.take(rows) for name, texts in self.texts.items()},
            links={name: links.take(rows) for name, links in self.links.items()},
        )

    def without(self, is_gone: Booleans) -> "Table":
        """Return the rows that are not gone, (n,) bool, in their order."""
        kept = np.flatnonzero(~is_gone)
        return Table(
            ids=self.ids[kept],
            numbers={name: column[kept] for name, column in self.numbers.items()},
            texts={name: texts.without(is_gone) for name, texts in self.texts.items()},
            links={name: links.without(is_gone) for name, links in self.links.items()},
        )

    def joined(self, other: "Table") -> "Table":
        """Return these rows and the other's behind them; both have the same columns."""
        return Table(
            ids=np.concatenate([self.ids, other.ids]),
            numbers={name: np.concatenate([one, other.numbers[name]]) for name, one in self.numbers.items()},
            texts={name: one.joined(other.texts[name]) for name, one in self.texts.items()},
            links={name: one.joined(other.links[name], self.row_count) for name, one in self.links.items()},
        )

    def nobody(self, row_count: int) -> "Table":
        """Return so many rows of nobody, with the columns of this table."""
        return Table(
            ids=np.full(row_count, NO_ID, dtype=np.int64),
            numbers={name: np.zeros(row_count, dtype=column.dtype) for name, column in self.numbers.items()},
            texts={name: Texts.of([""] * row_count) for name in self.texts},
            links={
                name: Links.of([], [], None if links.positions is None else []) for name, links in self.links.items()
            },
        )


def extent_of(numbers: Numbers) -> tuple[int, int] | None:
    """Return the least and the greatest number that is not NULL, None where there is none."""
    if not len(numbers) or (greatest := int(numbers.max())) == NULL:  # which is the least number there is
        return None
    least = int((numbers - 1).min()) + 1 if numbers.dtype == np.int64 else int(numbers.min())
    return least, greatest
