"""JPEG XL without metadata: only the boxes that hold the picture itself stay.

Orientation and colour profile are part of the picture here. What a JPEG that was packed without loss would need to
come back byte for byte ("jbrd") holds all of its metadata, so it goes: the pixels stay the same.
Source: ISO/IEC 18181-2.
"""

from .boxes import boxes

_CODESTREAM = b"\xff\x0a"
_KEPT = (b"JXL ", b"jxll", b"jxlc", b"jxlp", b"jxli")


def strip_jpeg_xl(data: bytes) -> bytes:
    """Return the picture. Raises CannotStrip."""
    if data.startswith(_CODESTREAM):
        return data  # no boxes, so nothing beside the picture
    walked = list(boxes(data, 0, len(data)))
    kept = [box for number, box in enumerate(walked) if box.kind in _KEPT or (box.kind == b"ftyp" and number == 1)]
    return data if kept == walked else b"".join(data[box.start : box.end] for box in kept)
