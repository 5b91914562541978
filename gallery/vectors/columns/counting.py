"""How often each number is there."""

import numpy as np

from gallery.vectors.unit_vectors import Ids

from .table import Numbers

MOST_PLACES = 1_000_000  # between the least and the greatest of numbers that are counted in place


def summed(keys: Ids, counts: Ids) -> tuple[Ids, Ids]:
    """Return the different keys that count something, ascending, and the sum of each one's counts."""
    used = np.flatnonzero(counts)
    distinct, places = np.unique(keys[used], return_inverse=True)
    totals = np.zeros(len(distinct), dtype=np.int64)
    np.add.at(totals, places, counts[used])
    return distinct, totals


def counted(values: Numbers) -> list[tuple[int, int]]:
    """Return the numbers and how often each is there. Those close together are not sorted, but counted in place."""
    if not len(values):
        return []
    least, greatest = int(values.min()), int(values.max())
    if greatest - least >= MOST_PLACES:
        different, counts = np.unique(values, return_counts=True)
        return list(zip(different.tolist(), counts.tolist(), strict=True))
    counts = np.bincount(values - least if values.dtype.itemsize >= 4 else values.astype(np.int32) - least)
    places = np.flatnonzero(counts)
    return list(zip((places + least).tolist(), counts[places].tolist(), strict=True))
