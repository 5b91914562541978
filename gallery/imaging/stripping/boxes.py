"""The boxes that JPEG XL, HEIC and AVIF are made of: a size, four letters, a content. Source: ISO/IEC 14496-12."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from .cannot_strip import CannotStrip

_MAX_BOXES = 10_000


@dataclass(frozen=True, slots=True)
class Box:
    """`start` is where its size stands, `content` where its content begins, `end` where it ends: places in the file."""

    kind: bytes
    start: int
    content: int
    end: int


def boxes(data: bytes, start: int, end: int) -> Iterator[Box]:
    """Yield the boxes that fill this part of the file. Raises CannotStrip."""
    for _ in range(_MAX_BOXES):
        if start == end:
            return
        if end - start < 8:
            break
        size, kind = struct.unpack_from(">I4s", data, start)
        content = start + 8
        if size == 1 and end - content >= 8:
            size, content = struct.unpack_from(">Q", data, content)[0], content + 8
        elif size == 0:  # the last one: up to the end
            size = end - start
        if not content <= start + size <= end:
            break
        yield Box(kind, start, content, start + size)
        start += size
    raise CannotStrip("the boxes of this file cannot be walked")
