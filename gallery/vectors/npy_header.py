"""The first 128 bytes of our `.npy` files: NumPy's format 1.0, always padded to the same size.

The size never changes up to 10^12 rows, so the row count can grow in place with one write of one disk sector.
"""

import os
import re

HEADER_BYTES = 128
_PREAMBLE = b"\x93NUMPY\x01\x00" + (HEADER_BYTES - 10).to_bytes(2, "little")
_DESCRIPTION = "{'descr': '<f4', 'fortran_order': False, 'shape': (%d, %d), }"
_SHAPE = re.compile(rb"'shape': \((\d+), (\d+)\)")


def encode_header(row_count: int, dimension: int) -> bytes:
    """Return the 128 bytes of a (row_count, dimension) float32 array in C order."""
    text = (_DESCRIPTION % (row_count, dimension)).encode("ascii")
    header = _PREAMBLE + text.ljust(HEADER_BYTES - len(_PREAMBLE) - 1) + b"\n"
    if len(header) != HEADER_BYTES:
        raise ValueError(f"the shape ({row_count}, {dimension}) does not fit into {HEADER_BYTES} bytes")
    return header


def decode_header(header: bytes) -> tuple[int, int]:
    """Return (row_count, dimension). Raises ValueError, with the reason, for what encode_header cannot give."""
    found = _SHAPE.search(header)
    if found is None:
        raise ValueError("its header is not that of a float32 matrix")
    row_count, dimension = int(found[1]), int(found[2])
    if header != encode_header(row_count, dimension):
        raise ValueError("its header is not that of a float32 matrix")
    return row_count, dimension


def steady_header(fd: int) -> bytes:
    """Return the header as it was before or after a write that happens right now, never half of each."""
    previous, header = b"", os.pread(fd, HEADER_BYTES, 0)
    while header != previous:  # the kernel does not make a read atomic against a write by another process
        previous, header = header, os.pread(fd, HEADER_BYTES, 0)
    return header
