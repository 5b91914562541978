"""BMP: Pillow reads it, but for colours in other places of their 16 or 32 bits than the commonest."""

import struct
from io import BytesIO

import numpy as np
import numpy.typing as npt
from PIL import Image
from PIL.BmpImagePlugin import BmpImageFile

_HEADER = struct.Struct("<IiiHH")  # its own size, width, height (negative: first row on top), planes, bits of a pixel
_HEADER_AT, _MASKS_AT, _PIXELS_AT = 14, 54, 10
_SIZE_WITH_ALPHA = 56  # of a header that has a mask of alpha
_Bits = npt.NDArray[np.uint32]


def open_bmp(file: BytesIO) -> Image.Image:
    try:
        return BmpImageFile(file)
    except OSError as error:
        if "bitfields" not in str(error):
            raise
        return _by_masks(file.getvalue())


def _by_masks(data: bytes) -> Image.Image:
    """Return RGB, or RGBA where alpha is not 0 everywhere. Raises ValueError for rows that are not all there."""
    header_bytes, width, height, _planes, bits = _HEADER.unpack_from(data, _HEADER_AT)
    red_green_blue_alpha = struct.unpack_from("<4I", data, _MASKS_AT)
    masks = red_green_blue_alpha if header_bytes >= _SIZE_WITH_ALPHA else red_green_blue_alpha[:3]
    row_bytes = (width * bits // 8 + 3) // 4 * 4
    (start,) = struct.unpack_from("<I", data, _PIXELS_AT)
    rows = np.frombuffer(data, np.uint8, row_bytes * abs(height), start).reshape(abs(height), row_bytes)
    pixels = np.ascontiguousarray(rows[:, : width * bits // 8]).view(f"<u{bits // 8}").astype(np.uint32)
    channels = [_channel(pixels, mask) for mask in masks]
    if len(channels) == 4 and not channels[3].any():
        channels.pop()
    picture = np.dstack(channels)
    return Image.fromarray(picture if height < 0 else np.ascontiguousarray(picture[::-1]))


def _channel(pixels: _Bits, mask: int) -> npt.NDArray[np.uint8]:
    lowest = mask & -mask
    most = mask // lowest if lowest else 0
    if not most or most >= 1 << 24:
        return np.zeros(pixels.shape, np.uint8)
    values = (pixels & np.uint32(mask)) // np.uint32(lowest)
    return (values * np.uint32(255) // np.uint32(most)).astype(np.uint8)
