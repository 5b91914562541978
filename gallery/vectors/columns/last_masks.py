"""The masks that were divided last, with their parts: what shows one list asks several things of each."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from gallery.vectors.row_mask import RowMask

LAST_MASKS = 2  # with their rows, 8 MB each at a million

Parts = tuple[RowMask, RowMask]


class LastMasks:
    """Threads share it: its one tuple is replaced whole."""

    def __init__(self) -> None:
        self._kept: tuple[tuple[npt.NDArray[np.uint8], Parts], ...] = ()

    def parts_of(self, mask: RowMask, divide: Callable[[RowMask], Parts]) -> Parts:
        """Return what `divide` makes of a mask."""
        for bits, parts in self._kept:
            if bits is mask.bits:
                return parts
        parts = divide(mask)
        self._kept = (*self._kept, (mask.bits, parts))[-LAST_MASKS:]
        return parts
