"""GIF without comments, programs' data and what follows its end; its loop, pauses, transparency and frames stay.

Source: GIF89a specification; Netscape's loop; ICC.1 annex B.5.
"""

import struct
from collections.abc import Iterator

from .cannot_strip import CannotStrip
from .colour_profile import plain_profile

_EXTENSION, _PICTURE, _TRAILER = 0x21, 0x2C, 0x3B
_CONTROL, _PLAIN_TEXT, _APPLICATION = 0xF9, 0x01, 0xFF
_LOOPS = (b"NETSCAPE2.0", b"ANIMEXTS1.0")
_PROFILE = b"ICCRGBG1012"
_MAX_BLOCKS = 2_000_000  # of 255 bytes they fill 510 MB; in two seconds
_HEADER_BYTES = 13
_CONTROL_BYTES = 8
_PICTURE_BYTES = 10  # where a frame lies, before its colour table


def strip_gif(data: bytes) -> bytes:
    """Return the animation without metadata; a missing trailer is added. Raises CannotStrip."""
    try:
        return b"".join(_kept(data))
    except (IndexError, struct.error):
        raise CannotStrip("this GIF is cut short") from None


def _kept(data: bytes) -> Iterator[bytes]:
    position = _HEADER_BYTES + _table_bytes(data[10])
    if position > len(data):
        raise IndexError
    yield data[:position]
    blocks, control = 0, b""  # the control of a frame stands before it
    while position < len(data) and data[position] != _TRAILER:
        start, kind = position, data[position]
        head = 2 if kind == _EXTENSION else _PICTURE_BYTES + _table_bytes(data[start + 9]) + 1
        if kind not in (_EXTENSION, _PICTURE):
            raise CannotStrip("there is no block where one must be")
        position, count = _after_blocks(data, start + head)
        blocks += count
        if blocks > _MAX_BLOCKS:
            raise CannotStrip("this GIF has too many blocks")
        whole = data[start:position]
        label = data[start + 1] if kind == _EXTENSION else None
        if kind == _PICTURE:
            _check_frame(data, start)
            yield control + whole
        elif label == _APPLICATION and _stays(whole):
            yield whole
        if label == _CONTROL and len(whole) == _CONTROL_BYTES:
            control = whole
        elif kind == _PICTURE or label == _PLAIN_TEXT:
            control = b""
    yield bytes((_TRAILER,))


def _check_frame(data: bytes, start: int) -> None:
    """Raise CannotStrip for what can be no frame, such as a text whose first byte was damaged."""
    width, height = struct.unpack_from("<HH", data, 6)
    left, top, frame_width, frame_height, flags = struct.unpack_from("<4HB", data, start + 1)
    code_bits = data[start + _PICTURE_BYTES + _table_bytes(flags)]
    if left + frame_width > width or top + frame_height > height or not 1 <= code_bits <= 8:
        raise CannotStrip("a frame of this GIF lies outside of it")


def _after_blocks(data: bytes, position: int) -> tuple[int, int]:
    """Return where the sub-blocks end that begin here, and how many there are. Raises IndexError."""
    count = 0
    while size := data[position]:
        position += size + 1
        count += 1
    return position + 1, count


def _stays(application: bytes) -> bool:
    """Say whether this is a loop, or a colour profile that tells nothing else."""
    name, blocks = application[3:14], application[14:]
    if name in _LOOPS:
        return application[2] == 11 and len(blocks) == 5
    return name == _PROFILE and _joined(blocks) == plain_profile(_joined(blocks))


def _joined(blocks: bytes) -> bytes:
    parts, position = [], 0
    while size := blocks[position]:
        parts.append(blocks[position + 1 : position + 1 + size])
        position += size + 1
    return b"".join(parts)


def _table_bytes(flags: int) -> int:
    return 6 << (flags & 0x07) if flags & 0x80 else 0
