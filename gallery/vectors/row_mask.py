"""Which rows of an index a search may return: one bit per row."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from .unit_vectors import Rows


@dataclass(frozen=True)
class RowMask:
    """`bits` is (row_count / 8,) uint8, rounded up; bit r of byte r // 8, lowest first, says that row r is allowed."""

    bits: npt.NDArray[np.uint8]
    row_count: int

    @classmethod
    def of_rows(cls, rows: Rows, row_count: int) -> "RowMask":
        """Allow these rows; those beyond `row_count` are left out."""
        allowed = np.zeros(row_count, dtype=bool)
        allowed[rows[rows < row_count]] = True
        return cls.of_booleans(allowed)

    @classmethod
    def of_booleans(cls, allowed: npt.NDArray[np.bool_]) -> "RowMask":
        return cls(np.packbits(allowed, bitorder="little"), len(allowed))

    @cached_property
    def count(self) -> int:
        """The number of rows that are allowed."""
        return int(np.bitwise_count(self.bits).sum(dtype=np.int64))

    @cached_property
    def rows(self) -> Rows:
        """The allowed rows, ascending."""
        return np.flatnonzero(np.unpackbits(self.bits, count=self.row_count, bitorder="little"))

    def has(self, rows: Rows) -> npt.NDArray[np.bool_]:
        """Return which of these rows are allowed, (len(rows),) bool."""
        found: npt.NDArray[np.bool_] = (self.bits[rows >> 3] >> (rows & 7).astype(np.uint8)) & 1 != 0
        return found

    def extended(self, rows: Rows, row_count: int) -> "RowMask":
        """Allow these rows too, up to `row_count` rows in all."""
        bits = np.zeros(-(-row_count // 8), dtype=np.uint8)
        bits[: len(self.bits)] = self.bits
        rows = rows[rows < row_count]
        np.bitwise_or.at(bits, rows // 8, (1 << (rows % 8)).astype(np.uint8))
        return RowMask(bits, row_count)

    def without(self, rows: Rows) -> "RowMask":
        """Allow these rows no more."""
        bits = self.bits.copy()
        np.bitwise_and.at(bits, rows // 8, ~(1 << (rows % 8)).astype(np.uint8))
        return RowMask(bits, self.row_count)

    def first(self, row_count: int) -> "RowMask":
        """Return the mask of the first `row_count` rows."""
        if row_count >= self.row_count:
            return self
        allowed = np.unpackbits(self.bits, count=row_count, bitorder="little")
        return RowMask.of_booleans(allowed.astype(bool))

    def words(self, row_count: int) -> npt.NDArray[np.uint64]:
        """Return 64-bit words for `row_count` rows, a multiple of 64; rows beyond the mask's own are not allowed."""
        words = np.zeros(row_count // 64, dtype="<u8")
        words.view(np.uint8)[: len(self.bits)] = self.bits[: row_count // 8]
        return words
