"""Several ranges of numbers as one array."""

import numpy as np
import numpy.typing as npt


def joined_ranges(firsts: npt.NDArray[np.int64], lengths: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return first, first + 1, ... of each range, one range after the other: (sum of lengths,) int64."""
    ends = np.cumsum(lengths)
    total = int(ends[-1]) if len(ends) else 0
    return np.repeat(firsts - (ends - lengths), lengths) + np.arange(total)
