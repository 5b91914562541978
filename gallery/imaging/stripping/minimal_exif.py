"""EXIF data that says how a picture is turned, without which it would be shown lying on its side, and nothing else."""

import struct

from gallery.imaging.orientation import exif_orientation

HEADER = b"Exif\0\0"
UPRIGHT = 1
_TAG, _SHORT = 274, 3


def minimal_exif(exif: bytes) -> bytes | None:
    """Return what stays of EXIF data, with its header or without: its orientation, without header; None if upright."""
    orientation = exif_orientation(exif)
    return None if orientation == UPRIGHT else exif_of(orientation)


def exif_of(orientation: int) -> bytes:
    return struct.pack(">2sHIHHHIHHI", b"MM", 42, 8, 1, _TAG, _SHORT, 1, orientation, 0, 0)
