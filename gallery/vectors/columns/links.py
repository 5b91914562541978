"""Which rows carry which key: a tag's pictures, an album's pictures."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from gallery.vectors.kernels.column_loops import column_loops
from gallery.vectors.row_mask import RowMask
from gallery.vectors.unit_vectors import Ids, Rows

from .ranges import joined_ranges

FEW_ROWS = 20  # one of so many: up to there, reading the links of each row is faster than reading all
LinkRows = npt.NDArray[np.uint32]


@dataclass(frozen=True, eq=False)
class Links:
    """Rows by key.

    `keys` (m,) int64 ascending; the links of `keys[i]` are those from `starts[i]` up to `starts[i + 1]`, (m + 1,)
    int64; `rows` (total,) uint32, ascending within a key. `positions` (total,) int64 or None: what the links of one key
    are ordered by, different for each of them. Each pair of key and row is there once.

    `by_row` (total,) uint32 are the numbers of the links, ordered by row; those of row r are
    `by_row[row_starts[r] : row_starts[r + 1]]`, (n + 1,) uint32. Both are None until somebody needs them.
    """

    keys: Ids
    starts: npt.NDArray[np.int64]
    rows: LinkRows
    positions: npt.NDArray[np.int64] | None = None
    row_starts: npt.NDArray[np.uint32] | None = None
    by_row: npt.NDArray[np.uint32] | None = None

    @classmethod
    def of(cls, rows: npt.ArrayLike, keys: npt.ArrayLike, positions: npt.ArrayLike | None = None) -> "Links":
        """Return the links of pairs in any order: (total,) each."""
        pair_rows, pair_keys = np.asarray(rows, dtype=np.uint32), np.asarray(keys, dtype=np.int64)
        pair_positions = None if positions is None else np.asarray(positions, dtype=np.int64)
        return cls._ordered(pair_rows, pair_keys, pair_positions, np.lexsort((pair_rows, pair_keys)))

    @classmethod
    def _ordered(
        cls, rows: LinkRows, keys: Ids, positions: npt.NDArray[np.int64] | None, order: npt.NDArray[np.int64]
    ) -> "Links":
        keys = keys[order]
        is_first = np.ones(len(keys), dtype=bool)
        np.not_equal(keys[1:], keys[:-1], out=is_first[1:])
        firsts = np.flatnonzero(is_first)
        return cls(
            keys=keys[firsts],
            starts=np.append(firsts, len(order)).astype(np.int64),
            rows=rows[order],
            positions=None if positions is None else positions[order],
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

    def are_there(self, row_count: int) -> npt.NDArray[np.bool_]:
        """Return which of so many rows carry a key, (row_count,) bool."""
        carries = np.zeros(row_count, dtype=bool)
        if self.row_starts is None:
            carries[self.rows] = True
        else:
            np.greater(self.row_starts[1:], self.row_starts[:-1], out=carries[: len(self.row_starts) - 1])
        return carries

    def counts(self, mask: RowMask) -> Ids:
        """Return how many rows of the mask carry each key, (m,) int64.

        Where the mask has few rows, their links are read, else all links.
        """
        if self.row_starts is not None and mask.count < mask.row_count // FEW_ROWS:
            return np.bincount(self._places_of_keys(self._links_of(mask.rows)[0]), minlength=len(self.keys))
        return column_loops().count(self.rows, self.starts, mask.bits, mask.row_count)

    def with_keys(self, keys: Collection[int]) -> tuple[LinkRows, Ids]:
        """Return the row and the key of each link of these keys, (total,) both."""
        wanted = np.array(sorted(set(keys)), dtype=np.int64)
        places = np.searchsorted(self.keys, wanted)
        wanted, places = wanted[places < len(self.keys)], places[places < len(self.keys)]
        are_here = self.keys[places] == wanted
        wanted, places = wanted[are_here], places[are_here]
        firsts, counts = self.starts[places], self.starts[places + 1] - self.starts[places]
        return self.rows[joined_ranges(firsts, counts)], np.repeat(wanted, counts)

    def prepared(self, row_count: int) -> "Links":
        """Return the same with the links of each of so many rows."""
        row_starts, by_row = self._by_row
        padding = (0, row_count + 1 - len(row_starts))
        return replace(self, row_starts=np.pad(row_starts, padding, mode="edge"), by_row=by_row)

    def take(self, rows: Rows) -> "Links":
        """Return the links of these rows, which are different ones; what was `rows[i]` is row i then."""
        links, counts = self._links_of(rows)
        positions = None if self.positions is None else self.positions[links]
        return Links.of(np.repeat(np.arange(len(rows)), counts), self._keys_of(links), positions)

    def have_strays(self, rows: Rows) -> npt.NDArray[np.bool_]:
        """Return which of these rows have links by row that are not theirs by key, (len(rows),): in sound ones none."""
        links, counts = self._links_of(rows)
        are_strays = self.rows[links] != np.repeat(rows, counts)
        have_strays = np.zeros(len(rows), dtype=bool)
        have_strays[np.repeat(np.arange(len(rows)), counts)[are_strays]] = True
        return have_strays

    def without(self, is_gone: npt.NDArray[np.bool_]) -> "Links":
        """Return the links of the rows that are not gone, (n,) bool; those move up."""
        kept = np.flatnonzero(~is_gone[self.rows])
        new_rows = (np.cumsum(~is_gone) - 1).astype(np.uint32)
        starts = np.searchsorted(kept, self.starts)
        has_links = starts[1:] > starts[:-1]
        return Links(
            keys=self.keys[has_links],
            starts=np.append(starts[:-1][has_links], len(kept)),
            rows=new_rows[self.rows[kept]],
            positions=None if self.positions is None else self.positions[kept],
        )

    def joined(self, other: "Links", shift: int) -> "Links":
        """Return these links and the other's, whose rows are `shift` further on, behind all of these."""
        positions = None
        if self.positions is not None and other.positions is not None:
            positions = np.concatenate([self.positions, other.positions])
        keys = np.concatenate([self.key_of_link, other.key_of_link])
        rows = np.concatenate([self.rows, other.rows + np.uint32(shift)])
        return Links._ordered(rows, keys, positions, np.argsort(keys, kind="stable"))  # of two sorted runs: fast

    @cached_property
    def key_of_link(self) -> Ids:
        """The key of each link, (total,) int64."""
        return np.repeat(self.keys, np.diff(self.starts))

    def _keys_of(self, links: npt.NDArray[np.uint32]) -> Ids:
        return self.keys[self._places_of_keys(links)]

    def _places_of_keys(self, links: npt.NDArray[np.uint32]) -> npt.NDArray[np.int64]:
        return np.searchsorted(self.starts, links, "right") - 1

    def _links_of(self, rows: Rows) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.int64]]:
        """Return the links of these rows, row by row, and how many each has."""
        row_starts, by_row = self._by_row
        last = len(row_starts) - 1  # rows from there on have no links
        firsts = row_starts[np.minimum(rows, last)].astype(np.int64)
        counts = row_starts[np.minimum(rows + 1, last)] - firsts
        return by_row[joined_ranges(firsts, counts)], counts

    @cached_property
    def _by_row(self) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint32]]:
        if self.row_starts is not None and self.by_row is not None:
            return self.row_starts, self.by_row
        row_starts = np.concatenate([[0], np.cumsum(np.bincount(self.rows))]).astype(np.uint32)
        return row_starts, np.argsort(self.rows, kind="stable").astype(np.uint32)
