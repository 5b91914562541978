"""The one value of EXIF data that stays: how a picture is turned. Without it, it would be shown lying on its side."""

import re
import struct

HEADER = b"Exif\0\0"
UPRIGHT = 1
_HEADERS = re.compile(rb"\A(?:Exif\0\0)+")  # some programs write it twice
_ORIENTATION = 274
_ALONE = struct.pack(">2sHIHHHI", b"MM", 42, 8, 1, _ORIENTATION, 3, 1)  # one entry, whose value follows
_BYTE_ORDERS = {b"II": "<", b"MM": ">"}
_NUMBERS = {1: "B", 3: "H", 4: "I"}  # EXIF's kinds of whole numbers


def orientation_of(exif: bytes) -> int:
    """Return EXIF's orientation, 1 (upright) to 8; 1 where it is not said, or not as EXIF says it.

    `exif` may begin with its header or without. A directory that promises more than there is counts as far as it goes.
    """
    tiff = _HEADERS.sub(b"", exif)
    order = _BYTE_ORDERS.get(tiff[:2])
    if order is None or len(tiff) < 8:
        return UPRIGHT
    (start,) = struct.unpack_from(order + "I", tiff, 4)
    if start + 2 > len(tiff):
        return UPRIGHT
    (promised,) = struct.unpack_from(order + "H", tiff, start)
    count = min(promised, (len(tiff) - start - 2) // 12)
    entries = tiff[start + 2 : start + 2 + 12 * count]
    for tag, kind, _values, value in struct.iter_unpack(order + "HHI4s", entries):
        if tag == _ORIENTATION and kind in _NUMBERS:
            (number,) = struct.unpack_from(order + _NUMBERS[kind], value)
            return number if UPRIGHT <= number <= 8 else UPRIGHT
    return UPRIGHT


def exif_of(orientation: int) -> bytes:
    """Return EXIF data, without its header, that says this and nothing else."""
    return _ALONE + struct.pack(">HHI", orientation, 0, 0)
