"""Conditions as SQL judges them: true, false or, of what is NULL, neither."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gallery.vectors.row_mask import RowMask

Booleans = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Truth:
    """Of which rows a condition is `true` and of which it is `false`; of the others it is unknown.

    `&`, `|` and `~` are SQL's AND, OR and NOT.
    """

    true: RowMask
    false: RowMask

    @classmethod
    def of(cls, true: Booleans, unknown: Booleans | None = None) -> "Truth":
        """Return the truth of (n,) bools; where it is `unknown`, `true` does not matter."""
        if unknown is None:
            return cls(RowMask.of_booleans(true), RowMask.of_booleans(~true))
        return cls(RowMask.of_booleans(true & ~unknown), RowMask.of_booleans(~(true | unknown)))

    @classmethod
    def of_mask(cls, mask: RowMask) -> "Truth":
        """Return what is true of the rows of a mask and false of all others."""
        return cls(mask, RowMask.of_booleans(_booleans(mask) == 0))

    @classmethod
    def everywhere(cls, value: bool | None, row_count: int) -> "Truth":
        """Return what is true, false or unknown of every row."""
        return cls(*(RowMask.of_booleans(np.full(row_count, value is one)) for one in (True, False)))

    @property
    def row_count(self) -> int:
        return self.true.row_count

    def __and__(self, other: "Truth") -> "Truth":
        return Truth(_both(self.true, other.true), _either(self.false, other.false))

    def __or__(self, other: "Truth") -> "Truth":
        return Truth(_either(self.true, other.true), _both(self.false, other.false))

    def __invert__(self) -> "Truth":
        return Truth(self.false, self.true)


def _both(one: RowMask, other: RowMask) -> RowMask:
    return RowMask(one.bits & other.bits, one.row_count)


def _either(one: RowMask, other: RowMask) -> RowMask:
    return RowMask(one.bits | other.bits, one.row_count)


def _booleans(mask: RowMask) -> npt.NDArray[np.uint8]:
    return np.unpackbits(mask.bits, count=mask.row_count, bitorder="little")
