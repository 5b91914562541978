"""What `checksums-<epoch>.crc32` holds: one little-endian uint32 per row of the matrix, in row order, and nothing else.

It is the CRC-32 of the row's bytes, or NO_CHECKSUM: of a cleared row, and of one written before there were checksums.
What lies beyond the end of the file reads as NO_CHECKSUM too.
"""

import os
import zlib

import numpy as np
import numpy.typing as npt

from gallery.vectors.unit_vectors import Vectors

Checksums = npt.NDArray[np.uint32]

CHECKSUM_BYTES = 4
NO_CHECKSUM = 0


def checksums_of(rows: Vectors) -> Checksums:
    """Return the checksum of each row, (n,); NO_CHECKSUM for a row of zeros."""
    sums = _crc32_of_each(rows)
    sums[~rows.any(axis=1)] = NO_CHECKSUM
    return sums


def unlike(rows: Vectors, recorded: Checksums) -> npt.NDArray[np.intp]:
    """Return the places of the rows whose checksum is not the recorded one; those without one are among them."""
    if not recorded.any():
        return np.arange(len(rows))
    return np.flatnonzero(_crc32_of_each(rows) != recorded)


def read_checksums(fd: int, first_row: int, count: int) -> Checksums:
    """Return the recorded checksums of `count` rows, (count,), writable."""
    sums = np.full(count, NO_CHECKSUM, dtype="<u4")
    held = os.pread(fd, count * CHECKSUM_BYTES, first_row * CHECKSUM_BYTES)
    whole = len(held) // CHECKSUM_BYTES
    sums[:whole] = np.frombuffer(held, dtype="<u4", count=whole)
    return sums


def _crc32_of_each(rows: Vectors) -> Checksums:
    sums = np.fromiter(map(zlib.crc32, rows), dtype="<u4", count=len(rows))
    return np.where(sums == NO_CHECKSUM, np.uint32(1), sums)
