"""Pictures without metadata: no position, serial number, thumbnail, maker note or text, and every pixel as it was.

What stays is named, format by format; whatever is not named goes. Orientation and colour profile stay.
"""

from collections.abc import Callable

from gallery.imaging.formats import SNIFFED_BYTES, format_named

from .bmp import strip_bmp
from .cannot_strip import CannotStrip
from .gif import strip_gif
from .jpeg import strip_jpeg
from .jpeg_xl import strip_jpeg_xl
from .png import strip_png
from .webp import strip_webp

__all__ = ["STRIPPED_FORMATS", "CannotStrip", "strip"]

_BY_FORMAT: dict[str, Callable[[bytes], bytes]] = {
    "JPEG": strip_jpeg,
    "PNG": strip_png,
    "WEBP": strip_webp,
    "GIF": strip_gif,
    "BMP": strip_bmp,
    "JXL": strip_jpeg_xl,
}
STRIPPED_FORMATS = frozenset(_BY_FORMAT)
# WebP and JPEG XL have no checksums and pixels that nobody can walk: a part of a wrong size may have swallowed others.
_SWALLOWERS = ("WEBP", "JXL")
_TRACES = (b"http://ns.adobe.com/", b"<x:xmpmeta", b"ftypmp42", b"ftypisom", b"Exif\0\0")


def strip(data: bytes, format: str) -> bytes:
    """Return the same picture without metadata: `data` itself where it holds none.

    Raises CannotStrip for a format that is not known here, and for a file that cannot be walked to its end.
    """
    if format not in _BY_FORMAT or not format_named(format).starts(data[:SNIFFED_BYTES]):
        raise CannotStrip(f"this is no {format} file that can be walked")
    stripped = _BY_FORMAT[format](data)
    if format in _SWALLOWERS and any(trace in stripped for trace in _TRACES):
        raise CannotStrip("something of its metadata lies among its pixels")
    return stripped
