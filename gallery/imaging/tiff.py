"""Walks the directories of a TIFF, or of EXIF data, which is one, before Pillow unpacks what they promise.

Pillow turns every tag into a tuple of Python numbers: 12 million strip offsets in 50 MB took it 3 GB and 99 s.
"""

import struct
from collections.abc import Container
from contextlib import suppress
from dataclasses import dataclass

MAX_VALUES = 2_000_000  # numbers in all tags together; a strip for each row of 1,000 tall pages stays below
_BYTES_PER_VALUE = {3: 2, 4: 4, 5: 8, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_PLAIN_BYTES = (1, 2, 7)  # byte, text and "undefined" stay one bytes object
_WHOLE_NUMBERS = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}
_SUB_DIRECTORIES = 330
_MAX_DIRECTORIES, _MAX_ENTRIES, _MAX_NUMBERS = 64, 4_096, 16  # looked at: a camera's raw file has at most ten
# Size, bits, colours, strips, tiles, their compression with its tables, and orientation
_PIXEL_TAGS = {
    *(*range(254, 260), 262, 266, 273, 274, 277, 278, 279, 284, 292, 293, 317, *range(320, 326), 332, 338, 339, 347),
    *(*range(512, 522), *range(529, 533)),
}
_PROFILE = 34675
_NESTED_TAGS = (34665, 34853, 40965)  # EXIF, GPS, interoperability: the directories that Pillow follows


@dataclass(frozen=True, slots=True)
class _Layout:
    count: struct.Struct
    entry: struct.Struct  # tag, kind, number of values, value or offset
    pointer: struct.Struct
    first_pointer: int
    max_inline_bytes: int
    order: str


@dataclass(slots=True)
class _Sums:
    values: int = 0
    bytes: int = 0


def count_pages(data: bytes, stop_after: int) -> int:
    """Return the number of pages, at most `stop_after`, none of whose tags has been unpacked.

    Raises ValueError when the tags of the pages seen hold more than MAX_VALUES numbers, or several times more bytes
    than the whole file (they may overlap); struct.error when the first directory lies outside the file.
    """
    layout, sums = _layout(data), _Sums()
    (position,) = layout.pointer.unpack_from(data, layout.first_pointer)
    seen: set[int] = set()
    while position and position not in seen and len(seen) < stop_after:
        if seen and position + layout.count.size > len(data):  # a page that was lost costs no other
            break
        seen.add(position)
        position = _directory(data, layout, position, sums, nested=False)
    return len(seen)


Tags = dict[int, tuple[int, ...]]


def directories(data: bytes, *, most: int = _MAX_DIRECTORIES) -> list[Tags]:
    """Return the whole numbers that the tags of each directory hold, the first page first, sub-directories included.

    At most sixteen numbers of a tag and a few thousand tags; what lies outside the file is left out. Never raises.
    """
    found: list[Tags] = []
    try:
        layout = _layout(data)
        waiting = [int(layout.pointer.unpack_from(data, layout.first_pointer)[0])]
    except struct.error:
        return found
    seen: set[int] = set()
    while waiting and len(found) < most:
        position = waiting.pop(0)
        if position in seen or not 0 < position < len(data):
            continue
        seen.add(position)
        with suppress(struct.error):
            tags, following = _numbers(data, layout, position)
            found.append(tags)
            waiting += [following, *tags.get(_SUB_DIRECTORIES, ())]
    return found


def _numbers(data: bytes, layout: _Layout, position: int) -> tuple[Tags, int]:
    """Return the numbers of one directory and the position of the next, 0 after the last."""
    (count,) = layout.count.unpack_from(data, position)
    start = position + layout.count.size
    tags: Tags = {}
    for place in range(start, start + min(count, _MAX_ENTRIES) * layout.entry.size, layout.entry.size):
        if place + layout.entry.size > len(data):
            break
        tag, kind, values, offset = layout.entry.unpack_from(data, place)
        if values and (letter := _WHOLE_NUMBERS.get(kind)):
            numbers = struct.Struct(f"{layout.order}{min(values, _MAX_NUMBERS)}{letter}")
            is_inline = values * struct.calcsize("=" + letter) <= layout.max_inline_bytes
            inline = place + layout.entry.size - layout.max_inline_bytes
            with suppress(struct.error, OverflowError):
                tags.setdefault(tag, numbers.unpack_from(data, inline if is_inline else offset))
    end = start + count * layout.entry.size
    following = layout.pointer.unpack_from(data, end)[0] if end + layout.pointer.size <= len(data) else 0
    return tags, int(following)


def with_few_tags(data: bytes, *, keep_profile: bool) -> bytes:
    """Return the TIFF with its first directory alone and in it only what pixels need; struct.error if it has none."""
    layout = _layout(data)
    (position,) = layout.pointer.unpack_from(data, layout.first_pointer)
    (count,) = layout.count.unpack_from(data, position)
    start = position + layout.count.size
    rows = data[start : start + count * layout.entry.size]
    rows = rows[: len(rows) - len(rows) % layout.entry.size]
    kept = b"".join(
        layout.entry.pack(*entry)
        for entry in layout.entry.iter_unpack(rows)
        if entry[0] in _PIXEL_TAGS or (keep_profile and entry[0] == _PROFILE)
    )
    directory = layout.count.pack(len(kept) // layout.entry.size) + kept + layout.pointer.pack(0)
    return data[:position] + directory + data[position + len(directory) :]


def with_other_values(data: bytes, values: dict[int, int], *, keep: Container[int]) -> bytes:
    """Return the TIFF with one directory: entries of the first that are to be kept, and whole numbers for other tags.

    Raises struct.error if it has none.
    """
    layout = _layout(data)
    (position,) = layout.pointer.unpack_from(data, layout.first_pointer)
    (count,) = layout.count.unpack_from(data, position)
    start = position + layout.count.size
    rows = layout.entry.iter_unpack(data[start : start + min(count, _MAX_ENTRIES) * layout.entry.size])
    kind = 16 if layout.max_inline_bytes == 8 else 4
    kept = {entry[0]: layout.entry.pack(*entry) for entry in rows if entry[0] in keep}
    entries = kept | {tag: layout.entry.pack(tag, kind, 1, value) for tag, value in values.items()}
    directory = layout.count.pack(len(entries)) + b"".join(entries[tag] for tag in sorted(entries))
    pointer = layout.pointer.pack(len(data))
    after = layout.first_pointer + len(pointer)
    return data[: layout.first_pointer] + pointer + data[after:] + directory + layout.pointer.pack(0)


def _layout(data: bytes) -> _Layout:
    order = "<" if data[:2] == b"II" else ">"
    if struct.unpack_from(order + "H", data, 2)[0] == 43:  # BigTIFF
        return _Layout(
            struct.Struct(order + "Q"), struct.Struct(order + "HHQQ"), struct.Struct(order + "Q"), 8, 8, order
        )
    return _Layout(struct.Struct(order + "H"), struct.Struct(order + "HHII"), struct.Struct(order + "I"), 4, 4, order)


def _directory(data: bytes, layout: _Layout, position: int, sums: _Sums, *, nested: bool) -> int:
    """Add up one directory and those nested in it; return the position of the next, 0 after the last."""
    (count,) = layout.count.unpack_from(data, position)
    start = position + layout.count.size
    end = start + count * layout.entry.size
    whole = min(count, max(0, len(data) - start) // layout.entry.size)  # it may promise more than there is
    for tag, kind, values, offset in layout.entry.iter_unpack(data[start : start + whole * layout.entry.size]):
        _add(sums, kind, values, limit_bytes=4 * len(data) + 65_536)
        if tag in _NESTED_TAGS and not nested:
            with suppress(struct.error):  # a lost EXIF part costs the date, not the picture
                _directory(data, layout, offset, sums, nested=True)
    if end + layout.pointer.size > len(data):
        return 0
    return int(layout.pointer.unpack_from(data, end)[0])


def _add(sums: _Sums, kind: int, values: int, *, limit_bytes: int) -> None:
    sums.values += 0 if kind in _PLAIN_BYTES else values
    sums.bytes += values * _BYTES_PER_VALUE.get(kind, 1)
    if sums.values > MAX_VALUES or sums.bytes > limit_bytes:
        raise ValueError("its tags promise more values than any real picture has")
