"""WebP: opened by Pillow, with less memory for large pictures and a clear canvas around small frames."""

import struct
from io import BytesIO

from PIL import Image
from PIL.WebPImagePlugin import WebPImageFile

from gallery.imaging.large import LARGE_PX, with_pixels

_ALPHA = 0x10  # in the flags of VP8X


def promised_size(data: bytes) -> tuple[int, int] | None:
    """Return (width_px, height_px) from the header. Raises struct.error or IndexError when it is cut short."""
    chunk = data[12:16]
    if chunk == b"VP8X":  # extended: two 24-bit numbers, each stored less one
        low_width, high_width, low_height, high_height = struct.unpack_from("<HBHB", data, 24)
        return (high_width << 16 | low_width) + 1, (high_height << 16 | low_height) + 1
    if chunk == b"VP8L":  # lossless: two 14-bit numbers, each stored less one
        (bits,) = struct.unpack_from("<I", data, 21)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if chunk == b"VP8 ":  # lossy: 14-bit numbers below two bits of scaling each
        width, height = struct.unpack_from("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    return None


def open_webp(file: BytesIO) -> Image.Image:
    data = file.getvalue()
    if _is_first_frame_smaller(data):
        data = data[:20] + bytes([data[20] | _ALPHA]) + data[21:]  # what no frame covers is clear, not black
    image = WebPImageFile(BytesIO(data))
    return _loaded_lean(image) if image.width * image.height > LARGE_PX else image


def _loaded_lean(image: WebPImageFile) -> Image.Image:
    """Return the first frame in the very buffer that the decoder filled."""
    pixels, _start, _duration = image._get_next()
    return with_pixels(image, pixels, mode=image.rawmode)


def _is_first_frame_smaller(data: bytes) -> bool:
    """Say whether the first frame of an animation leaves some of its canvas uncovered."""
    if data[12:16] != b"VP8X":
        return False
    position = 12
    while position + 24 <= len(data):
        kind, size = struct.unpack_from("<4sI", data, position)
        if kind == b"ANMF":
            frame = data[position + 14 : position + 20]  # stored as the canvas is: two 24-bit numbers less one
            return frame != data[24:30]
        position += 8 + size + (size & 1)
    return False
