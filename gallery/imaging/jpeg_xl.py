"""JPEG XL: how large a file says that it is, and its pixels. Pillow cannot read it by itself.

The size is read here because the decoder (libjxl, by pillow-jxl-plugin) allocates whole pictures when it opens them.
Source: ISO/IEC 18181-1, annexes D.2 (SizeHeader) and D.3 (ImageMetadata); 18181-2 (boxes).
"""

import struct
from collections.abc import Callable
from io import BytesIO

from PIL import Image

from gallery.imaging.orientation import UPRIGHT

_CODESTREAM = b"\xff\x0a"
_CONTAINER = b"\x00\x00\x00\x0cJXL \r\n\x87\n"
STARTS = (_CODESTREAM, _CONTAINER)
_RATIOS = {1: (1, 1), 2: (12, 10), 3: (4, 3), 4: (3, 2), 5: (16, 9), 6: (5, 4), 7: (2, 1)}  # width : height
_SIZE_BITS = (9, 13, 18, 30)
_MAX_BOXES = 10_000


def promised_size(data: bytes) -> tuple[int, int]:
    """Return (width_px, height_px) before any turning. Raises ValueError or struct.error for a header cut short."""
    bits = _Bits(_codestream_head(data))
    is_small = bits.take(1)
    height = 8 * (bits.take(5) + 1) if is_small else bits.take(_SIZE_BITS[bits.take(2)]) + 1
    ratio = bits.take(3)
    if ratio:
        across, down = _RATIOS[ratio]
        return height * across // down, height
    return 8 * (bits.take(5) + 1) if is_small else bits.take(_SIZE_BITS[bits.take(2)]) + 1, height


def open_picture(file: BytesIO, *, open_jpeg: Callable[[BytesIO], Image.Image]) -> Image.Image:
    """Return the decoded picture; a JPEG that was packed without loss comes back as the JPEG that it was."""
    from pillow_jxl import Decoder  # noqa: PLC0415 -- libjxl is loaded in decoder processes only

    is_jpeg, info, content, profile, boxes = Decoder(num_threads=0)(file.getvalue())
    if is_jpeg:
        return open_jpeg(BytesIO(content))
    mode = "F" if info.mode == "F;16" else info.mode
    picture = Image.frombuffer(mode, (info.width, info.height), content)
    picture.info[UPRIGHT] = True
    if profile:
        picture.info["icc_profile"] = profile
    for box in boxes:
        if box.box_type == b"Exif":
            picture.info.setdefault("exif", _exif(bytes(box.data)))
        elif box.box_type == b"xml ":
            picture.info.setdefault("xmp", bytes(box.data))
    return picture


def _exif(box: bytes) -> bytes:
    """Return EXIF data without the offset in front of it, which some writers forget."""
    if box.startswith((b"II", b"MM")) or len(box) < 4:
        return box
    return box[4 + struct.unpack_from(">I", box)[0] :]


def _codestream_head(data: bytes) -> bytes:
    """Return the first bytes of the picture itself, which may lie in a box of a file of many."""
    if data.startswith(_CODESTREAM):
        return data[2:64]
    position = 0
    for _ in range(_MAX_BOXES):
        size, kind = struct.unpack_from(">I4s", data, position)
        start = position + 8
        if size == 1:
            (size,) = struct.unpack_from(">Q", data, start)
            start += 8
        if kind == b"jxlp":
            start += 4  # the number of this part
        if kind in (b"jxlc", b"jxlp"):
            if data[start : start + 2] != _CODESTREAM:
                raise ValueError("its picture does not begin as one")
            return data[start + 2 : start + 64]
        if size < 8:
            break
        position += size
    raise ValueError("it holds no picture")


class _Bits:
    """Numbers of some bits each, the lowest bit of the first byte first."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "little")
        self._left = len(data) * 8

    def take(self, count: int) -> int:
        self._left -= count
        if self._left < 0:
            raise ValueError("its header is cut short")
        value = self._value & ((1 << count) - 1)
        self._value >>= count
        return value
