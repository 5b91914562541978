"""Bytes in, facts and small pictures out. Every limit on what may be decoded is enforced in this package.

`inspect` reads an uploaded file once and tells what it is; `load_pixels` reads a stored original again and gives
the very same pixels, so that an embedding never depends on the path a picture took. Django is not imported here.

Files are decoded in processes of their own (`sandbox`), under limits of
memory and time: a hostile file may end one of them, never the site. The work itself is in `decoding`.
"""

from gallery.imaging.decoding import PREVIEW_PX, Shares, part_of
from gallery.imaging.embedded.found import Embedded
from gallery.imaging.embedded.takeout import read_takeout
from gallery.imaging.formats import (
    ALL_EXTENSIONS,
    EXTENSIONS,
    FORMATS,
    LABELS,
    MIME_TYPES,
    SHOWN_BY_BROWSERS,
    SNIFFED_BYTES,
    sniff,
)
from gallery.imaging.inspection import (
    Facts,
    Picture,
    Told,
    copy_without_metadata,
    inspect,
    load_part,
    load_pixels,
    read_told,
    read_xmp_beside,
)
from gallery.imaging.limits import Limits, Purpose
from gallery.imaging.plain_copy import COPY_FORMATS
from gallery.imaging.stripping import STRIPPED_FORMATS, CannotStrip, strip
from gallery.imaging.thumbnails import THUMBNAIL_MIME_TYPE, THUMBNAIL_SIZES_PX, thumbnails

__all__ = [
    "ALL_EXTENSIONS",
    "COPY_FORMATS",
    "EXTENSIONS",
    "FORMATS",
    "LABELS",
    "MIME_TYPES",
    "PREVIEW_PX",
    "SHOWN_BY_BROWSERS",
    "SNIFFED_BYTES",
    "STRIPPED_FORMATS",
    "THUMBNAIL_MIME_TYPE",
    "THUMBNAIL_SIZES_PX",
    "CannotStrip",
    "Embedded",
    "Facts",
    "Limits",
    "Picture",
    "Purpose",
    "Shares",
    "Told",
    "copy_without_metadata",
    "inspect",
    "load_part",
    "load_pixels",
    "part_of",
    "read_takeout",
    "read_told",
    "read_xmp_beside",
    "sniff",
    "strip",
    "thumbnails",
]
