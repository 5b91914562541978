"""What is wrong with rows of the store, by themselves and by their recorded checksums."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from .checksums import NO_CHECKSUM, Checksums, unlike
from .unit_vectors import UNIT_TOLERANCE, Vectors, are_unit, lengths


@dataclass(frozen=True)
class Problem:
    """One thing that a check found. `row` is None when it is about the whole file."""

    code: str
    detail: str
    row: int | None = None


@dataclass(frozen=True)
class StoredRows:
    """Rows from `first_row` on, (n, dimension), and their checksums, (n,), which were read before them.

    So a row without a checksum never had one while it was as it is here: a row is cleared before its checksum is.
    """

    first_row: int
    vectors: Vectors
    recorded: Checksums

    @cached_property
    def filled(self) -> npt.NDArray[np.bool_]:
        """Which rows are not all zeros."""
        return np.asarray(self.vectors.any(axis=1))

    def check(self) -> "RowsChecked":
        suspects = unlike(self.vectors, self.recorded)
        row_lengths = lengths(self.vectors[suspects])
        unvouched = are_unit(row_lengths) & (self.recorded[suspects] == NO_CHECKSUM)
        bad = np.flatnonzero(~unvouched & (row_lengths != 0.0))
        problems = [_bad_row(self.first_row + int(suspects[place]), float(row_lengths[place])) for place in bad]
        return RowsChecked(problems, int(unvouched.sum()))


@dataclass(frozen=True)
class RowsChecked:
    """Rows that are `not_finite`, `not_unit` or of unit length with a `checksum_mismatch`; and how many have none."""

    problems: list[Problem]
    without_checksum: int


def missing_checksums(count: int) -> list[Problem]:
    """Return the one problem that so many rows without a checksum are."""
    if not count:
        return []
    detail = f"{count:,} rows have no checksum: a flipped bit in them would not be found."
    return [Problem("checksums_missing", detail)]


def _bad_row(row: int, length: float) -> Problem:
    if not np.isfinite(length):
        return Problem("not_finite", f"Row {row:,} has a number that is not finite.", row)
    if abs(length - 1.0) > UNIT_TOLERANCE:
        return Problem("not_unit", f"Row {row:,} has length {length:.4g}, not 1.", row)
    return Problem("checksum_mismatch", f"Row {row:,} is not what was written: its checksum differs.", row)
