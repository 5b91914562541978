"""Which way up a picture is, by EXIF data that may be damaged in every other respect.

Only this one number is looked for, so that a nonsense count, a lost value or a broken date costs nothing else. XMP is
never asked: browsers do not ask it either.
"""

import struct

from PIL import Image
from PIL.TiffImagePlugin import TiffImageFile

UPRIGHT = "is_upright"  # in Image.info: the decoder turned the picture already, whatever its EXIF data says
SIDEWAYS = (5, 6, 7, 8)
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_HEADER = b"Exif\0\0"
_TAG = 0x0112
_NUMBERS = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i"}  # TIFF's kinds of whole numbers; cameras mean 3
_ENTRY_BYTES = 12


def turned(image: Image.Image, orientation: int) -> Image.Image:
    """Return the picture upright, given EXIF's number of how it is stored."""
    return image.transpose(_UPRIGHT[orientation]) if orientation in _UPRIGHT else image


def orientation_of(image: Image.Image) -> int:
    """Return by which of EXIF's 1 (upright) to 8 the loaded pixels are still to be turned."""
    if image.info.get(UPRIGHT):
        return 1
    if isinstance(image, TiffImageFile):  # Pillow turns it, by whatever number it understands
        return 1
    return exif_orientation(_exif(image))


def exif_orientation(exif: bytes) -> int:
    """Return 1 to 8; 1 where nothing sound is said. Bounded by the length of one directory of 65,535 entries."""
    exif = without_headers(exif)
    order = {b"II": "<", b"MM": ">"}.get(exif[:2])
    try:
        value = _first_orientation(exif, order) if order else 1
    except struct.error:
        return 1
    return value if 1 <= value <= 8 else 1


def without_headers(exif: bytes) -> bytes:
    """Return the TIFF structure behind the header of EXIF data, which some programs write twice."""
    while exif.startswith(_HEADER):
        exif = exif[len(_HEADER) :]
    return exif


def _first_orientation(exif: bytes, order: str) -> int:
    """Raises struct.error where the directory lies outside; one that promises more than there is ends with the data."""
    (start,) = struct.unpack_from(order + "I", exif, 4)
    (count,) = struct.unpack_from(order + "H", exif, start)
    for place in range(start + 2, start + 2 + count * _ENTRY_BYTES, _ENTRY_BYTES):
        tag, kind, values = struct.unpack_from(order + "HHI", exif, place)
        if tag == _TAG and kind in _NUMBERS and values:
            return int(struct.unpack_from(order + _NUMBERS[kind], exif, place + 8)[0])
    return 1


def _exif(image: Image.Image) -> bytes:
    exif = image.info.get("exif")
    if isinstance(exif, bytes):
        return exif
    # PNG had no place for EXIF data for twenty years; ImageMagick wrote it as hexadecimal text
    text = str(image.info.get("Raw profile type exif", ""))
    try:
        return bytes.fromhex("".join(text.split("\n")[3:]))
    except ValueError:
        return b""
