"""Bytes in, facts and small pictures out. Every limit on what may be decoded is enforced in this package.

`inspect` reads an uploaded file once and tells what it is; `load_pixels` reads a stored original again and gives
the very same pixels, so that an embedding never depends on the path a picture took. Django is not imported here.
"""

from gallery.imaging.decoding import PREVIEW_PX, Limits
from gallery.imaging.formats import EXTENSIONS, FORMATS, MIME_TYPES
from gallery.imaging.inspection import Facts, Picture, inspect, load_pixels
from gallery.imaging.thumbnails import THUMBNAIL_MIME_TYPE, THUMBNAIL_SIZES_PX, thumbnails

__all__ = [
    "EXTENSIONS",
    "FORMATS",
    "MIME_TYPES",
    "PREVIEW_PX",
    "THUMBNAIL_MIME_TYPE",
    "THUMBNAIL_SIZES_PX",
    "Facts",
    "Limits",
    "Picture",
    "inspect",
    "load_pixels",
    "thumbnails",
]
