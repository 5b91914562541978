"""How often each number is there, where numbers lie, and what they add up to."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gallery.vectors.kernels.column_loops import column_loops
from gallery.vectors.row_mask import RowMask
from gallery.vectors.unit_vectors import Ids

from .table import NULL, Numbers, Table, extent_of

FEW_ROWS = 8_000  # up to there, listing the rows of a mask and sorting their numbers is as fast as a loop
MOST_PLACES = 1_000_000  # between the least and the greatest of numbers that are counted in place


def summed(keys: Ids, counts: Ids) -> tuple[Ids, Ids]:
    """Return the different keys that count something, ascending, and the sum of each one's counts."""
    used = np.flatnonzero(counts)
    distinct, places = np.unique(keys[used], return_inverse=True)
    totals = np.zeros(len(distinct), dtype=np.int64)
    np.add.at(totals, places, counts[used])
    return distinct, totals


@dataclass(frozen=True, slots=True)
class Tally:
    """How many rows have a number, and the sum of another number of theirs."""

    rows: int
    total: int = 0

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(self.rows + other.rows, self.total + other.total)


def tallied(table: Table, mask: RowMask, name: str, *, added: str | None = None) -> dict[int, Tally]:
    """Return the tally of each number that rows of the mask have; NULL is none, and adds nothing.

    Numbers that lie close together are counted in place, without the rows of the mask being listed.
    """
    numbers, extent = table.column(name), table.extent(name)
    if extent is None or mask.count < FEW_ROWS or extent[1] - extent[0] >= MOST_PLACES:
        rows = mask.rows
        return _sorted(numbers[rows], None if added is None else table.column(added)[rows])
    least, greatest = extent
    more = None if added is None else table.column(added)
    counts, sums = column_loops().tally(numbers, mask, least=least, place_count=greatest - least + 1, added=more)
    places = np.flatnonzero(counts)
    return _tallies((places + least).tolist(), counts[places], sums[places])


def _sorted(numbers: Numbers, added: Numbers | None) -> dict[int, Tally]:
    different, places, counts = np.unique(numbers, return_inverse=True, return_counts=True)
    sums = np.zeros(len(different), dtype=np.int64)
    if added is not None:
        np.add.at(sums, places, np.where(added == NULL, 0, added))
    found = _tallies(different.tolist(), counts, sums)
    found.pop(NULL, None)
    return found


def _tallies(numbers: list[int], counts: Ids, sums: Ids) -> dict[int, Tally]:
    return {
        number: Tally(count, total)
        for number, count, total in zip(numbers, counts.tolist(), sums.tolist(), strict=True)
    }


def counts_between(table: Table, mask: RowMask, name: str, bounds: Sequence[int]) -> Ids:
    """Return of how many rows of the mask 0, 1, ... all of these ascending bounds are at or below the number.

    (len(bounds) + 1,) int64; NULL is left out.
    """
    if mask.count >= FEW_ROWS:
        return column_loops().placed(table.column(name), mask, bounds)
    numbers = table.column(name)[mask.rows]
    places = np.searchsorted(np.array(bounds, dtype=np.int64), numbers[numbers != NULL], "right")
    return np.bincount(places, minlength=len(bounds) + 1)


def extremes(table: Table, mask: RowMask, name: str) -> tuple[int, int] | None:
    """Return the least and the greatest number of the mask's rows that is not NULL, None where there is none."""
    column = table.column(name)
    if mask.count >= FEW_ROWS and column.dtype == np.int64:
        return column_loops().extremes(column, mask)
    return extent_of(column[mask.rows])
