"""The picture formats that may be opened, how each is told by its first bytes, and what each promises in its header."""

import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO

from PIL import ImageFile
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from gallery.errors import UnsupportedFormat

# Sizes of the header that follows a BMP's first 14 bytes; two letters "BM" alone would also match ordinary text.
_BMP_HEADER_SIZES = (12, 16, 40, 52, 56, 64, 108, 124)
# Neither a stuffed zero, nor a restart (D0 to D7), nor filling: the only markers that may lie inside a scan.
_JPEG_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_MAX_SEGMENTS = 5_000  # a 16 MB depth map in 64 kB segments needs 256; 12 million of 4 bytes took Pillow 22 to 44 s
_MAX_GAP_BYTES = 65_536  # between two header segments, where none is allowed; 50 MB of filling took 66 s


@dataclass(frozen=True, slots=True)
class Format:
    """One format: `open` is Pillow's class itself, so nothing outside this file's table can ever be tried."""

    name: str
    extension: str
    mime_type: str
    open: Callable[[BytesIO], ImageFile.ImageFile]
    starts: Callable[[bytes], bool]


def _is_bmp(head: bytes) -> bool:
    return head[:2] == b"BM" and len(head) >= 18 and struct.unpack_from("<I", head, 14)[0] in _BMP_HEADER_SIZES


def _is_webp(head: bytes) -> bool:
    return head[:4] == b"RIFF" and head[8:12] == b"WEBP"


def _prefix(*prefixes: bytes) -> Callable[[bytes], bool]:
    return lambda head: head.startswith(prefixes)


# JpegImageFile, not Pillow's factory: a phone's multi-picture file (MPO) is then a JPEG, of which the first is used.
_TABLE = (
    Format("JPEG", ".jpg", "image/jpeg", JpegImageFile, _prefix(b"\xff\xd8\xff")),
    Format("PNG", ".png", "image/png", PngImageFile, _prefix(b"\x89PNG\r\n\x1a\n")),
    Format("GIF", ".gif", "image/gif", GifImageFile, _prefix(b"GIF87a", b"GIF89a")),
    Format("BMP", ".bmp", "image/bmp", BmpImageFile, _is_bmp),
    Format("WEBP", ".webp", "image/webp", WebPImageFile, _is_webp),
    Format("TIFF", ".tif", "image/tiff", TiffImageFile, _prefix(b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")),
)
FORMATS = tuple(known.name for known in _TABLE)
EXTENSIONS = {known.name: known.extension for known in _TABLE}
MIME_TYPES = {known.name: known.mime_type for known in _TABLE}


def sniff(data: bytes) -> Format:
    """Return the format of `data` by its content; the file's name is never asked. Raises UnsupportedFormat."""
    head = data[:32]
    for known in _TABLE:
        if known.starts(head):
            return known
    raise UnsupportedFormat(formats=", ".join(FORMATS))


def promised_size(data: bytes, name: str) -> tuple[int, int] | None:
    """Return (width_px, height_px) from the header of a GIF or WebP, None for formats that Pillow opens lazily.

    Pillow allocates whole canvases when it merely opens these two, so their size must be known before.
    Raises struct.error when the header is cut short.
    """
    if name == "GIF":
        width, height = struct.unpack_from("<HH", data, 6)
        return width, height
    return _webp_size(data) if name == "WEBP" else None


def _webp_size(data: bytes) -> tuple[int, int] | None:
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


def count_gif_frames(data: bytes, stop_after: int) -> int:
    """Return how many pictures a GIF holds, at most `stop_after`, by walking its blocks without decoding any.

    A file that ends early counts as far as it goes: whether its first frame is whole is the decoder's verdict.
    """
    frames = 0
    try:
        position = 13 + _colour_table_bytes(data[10])
        while frames < stop_after and data[position] in (0x21, 0x2C):
            if data[position] == 0x21:  # extension: a label byte, then blocks
                position += 2
            else:  # picture: 9 bytes of header, perhaps a colour table, the code size, then blocks
                frames += 1
                position += 11 + _colour_table_bytes(data[position + 9])
            while size := data[position]:
                position += size + 1
            position += 1
    except IndexError:
        pass
    return frames


def count_jpeg_scans(data: bytes, stop_after: int) -> int:
    """Return how many scans the first picture of a JPEG has, at most `stop_after`, by walking its markers.

    Raises ValueError for a header so long-winded that Pillow, which reads it in Python, would take a minute.
    """
    scans = segments = 0
    position = 2
    while scans < stop_after and (marker := _JPEG_MARKER.search(data, position)):
        kind = data[marker.start() + 1]
        segments += 1
        if segments > _MAX_SEGMENTS or (not scans and marker.start() - position > _MAX_GAP_BYTES):
            raise ValueError("its header has no end")
        if kind == 0xD9 or len(data) < marker.end() + 2:  # end of the picture, or cut short
            break
        scans += kind == 0xDA
        position = marker.end() + struct.unpack_from(">H", data, marker.end())[0]
    return scans


def _colour_table_bytes(flags: int) -> int:
    return 6 << (flags & 0x07) if flags & 0x80 else 0
