"""Which rows carry which key: a tag's pictures, an album's pictures."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from gallery.vectors.unit_vectors import Ids, Rows

from .ranges import joined_ranges

LinkRows = npt.NDArray[np.uint32]


@dataclass(frozen=True, eq=False)
class Links:
    """Rows by key.

    `keys` (m,) int64 ascending; the links of `keys[i]` are those from `starts[i]` up to `starts[i + 1]`, (m + 1,)
    int64; `rows` (total,) uint32, ascending within a key. `positions` (total,) int64 or None: what the links of one key
    are ordered by, different for each of them. Each pair of key and row is there once.

    `by_row` (total,) uint32: the numbers of the links, ordered by row, then key; None until somebody needs it.
    """

    keys: Ids
    starts: npt.NDArray[np.int64]
    rows: LinkRows
    positions: npt.NDArray[np.int64] | None = None
    by_row: npt.NDArray[np.uint32] | None = None

    @classmethod
    def of(cls, rows: npt.ArrayLike, keys: npt.ArrayLike, positions: npt.ArrayLike | None = None) -> "Links":
        """Return the links of pairs in any order: (total,) each."""
        pair_rows, pair_keys = np.asarray(rows, dtype=np.int64), np.asarray(keys, dtype=np.int64)
        order = np.lexsort((pair_rows, pair_keys))
        sorted_keys = pair_keys[order]
        firsts = np.flatnonzero(np.concatenate([[True], sorted_keys[1:] != sorted_keys[:-1]])[: len(order)])
        return cls(
            keys=sorted_keys[firsts],
            starts=np.append(firsts, len(order)).astype(np.int64),
            rows=pair_rows[order].astype(np.uint32),
            positions=None if positions is None else np.asarray(positions, dtype=np.int64)[order],
        )

    @property
    def count(self) -> int:
        return len(self.rows)

    def of_key(self, key: int) -> slice:
        """Return where the links of a key are; an empty slice where there are none."""
        place = int(np.searchsorted(self.keys, key))
        if place == len(self.keys) or self.keys[place] != key:
            return slice(0, 0)
        return slice(int(self.starts[place]), int(self.starts[place + 1]))

    def rows_with(self, keys: Collection[int]) -> LinkRows:
        """Return the rows that carry any of these keys; one that carries several is there as often."""
        parts = [self.rows[self.of_key(key)] for key in set(keys)]
        return np.concatenate([np.empty(0, dtype=np.uint32), *parts])

    @cached_property
    def key_of_link(self) -> Ids:
        """The key of each link, (total,) int64."""
        return np.repeat(self.keys, np.diff(self.starts))

    def prepared(self) -> "Links":
        """Return the same with `by_row`."""
        return replace(self, by_row=self.ordered_by_row)

    @cached_property
    def ordered_by_row(self) -> npt.NDArray[np.uint32]:
        """`by_row`, made if it is not there."""
        if self.by_row is not None:
            return self.by_row
        return np.argsort(self.rows, kind="stable").astype(np.uint32)

    def take(self, rows: Rows) -> "Links":
        """Return the links of these rows, which are different ones; what was `rows[i]` is row i then."""
        by_row = self.ordered_by_row
        sorted_rows = self.rows[by_row]
        firsts, lasts = (np.searchsorted(sorted_rows, rows, side) for side in ("left", "right"))
        places = np.repeat(np.arange(len(rows)), lasts - firsts)
        links = by_row[joined_ranges(firsts, lasts - firsts)]
        return Links.of(places, self._keys_of(links), None if self.positions is None else self.positions[links])

    def renumbered(self, new_rows: Rows) -> "Links":
        """Return the links with row r called `new_rows[r]`; those of a row whose new number is -1 are left out."""
        renamed = new_rows[self.rows]
        kept = np.flatnonzero(renamed >= 0)
        positions = None if self.positions is None else self.positions[kept]
        return Links.of(renamed[kept], self._keys_of(kept), positions)

    def joined(self, other: "Links") -> "Links":
        """Return the links of both, which have none in common."""
        positions = None
        if self.positions is not None and other.positions is not None:
            positions = np.concatenate([self.positions, other.positions])
        return Links.of(
            np.concatenate([self.rows, other.rows]), np.concatenate([self.key_of_link, other.key_of_link]), positions
        )

    def _keys_of(self, links: npt.NDArray[np.integer]) -> Ids:
        return self.keys[np.searchsorted(self.starts, links, "right") - 1]
