"""The few EXIF values that are looked for, out of data that may be damaged in every other respect.

Nothing but these is unpacked, so no promise of millions of values costs anything. Source: TIFF 6.0, EXIF 3.0.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from PIL.ExifTags import GPS, IFD, Base

from gallery.imaging.orientation import without_headers

from .texts import clean_text

RATING, RATING_PERCENT = 0x4746, 0x4749  # of Windows
XMP, IPTC, PHOTOSHOP = 700, 33723, 34377  # whole blocks, in a TIFF and in camera raw that is one
MAX_VALUE_BYTES = 65_536
MAX_BLOCK_BYTES = 8_000_001
_PLAIN_BYTES = {1: 1, 2: 1, 7: 1, 129: 1}  # bytes, ASCII, undefined, UTF-8
_NUMBERS = {3: "H", 4: "I", 8: "h", 9: "i", 13: "I", 16: "Q"}
_FRACTIONS = {5: "II", 10: "ii"}
_FLOATS = {11: "f", 12: "d"}
_MAX_NUMBERS = 8
_SHARED_TAGS: set[int] = {
    Base.DateTime,
    Base.DateTimeOriginal,
    Base.DateTimeDigitized,
    Base.OffsetTime,
    Base.OffsetTimeOriginal,
    Base.OffsetTimeDigitized,
    Base.TimeZoneOffset,
    Base.ImageDescription,
    Base.Make,
    Base.Model,
    Base.UserComment,
    Base.XPTitle,
    Base.XPComment,
    Base.XPKeywords,
    Base.XPSubject,
    RATING,
    RATING_PERCENT,
    *(XMP, IPTC, PHOTOSHOP),
    IFD.Exif,
    IFD.GPSInfo,
}
_BLOCK_TAGS = (XMP, IPTC, PHOTOSHOP)
_PLACE_TAGS: set[int] = {GPS.GPSTimeStamp, GPS.GPSDateStamp}
Values = Mapping[int, Any]


@dataclass(frozen=True, slots=True)
class Exif:
    """The directories of EXIF data: bytes, or tuples of numbers, by tag. `is_whole`: all could be read."""

    camera: Values = field(default_factory=dict)
    photo: Values = field(default_factory=dict)
    place: Values = field(default_factory=dict)
    is_whole: bool = True

    def value(self, tag: int) -> Any:
        """Return a value wherever it stands: some programs mix the directories up."""
        found = self.photo.get(tag)
        return self.camera.get(tag) if found is None else found

    def text(self, tag: int, *, max_characters: int = 100) -> str:
        return clean_text(self.value(tag), max_characters=max_characters)

    def date(self, tag: int) -> str:
        """Return a text within which a zero is no end: some cameras part day and clock by one."""
        value = self.value(tag)
        return clean_text(value.replace(b"\0", b" ") if isinstance(value, bytes) else value, max_characters=100)


def read_exif(raw: bytes) -> Exif:
    """Read EXIF data, or a TIFF, which is the same. Never raises; what lies outside of the data is left out."""
    raw = without_headers(raw)
    order = {b"II": "<", b"MM": ">"}.get(raw[:2])
    if order is None:
        return Exif(is_whole=not raw.strip(b"\0"))
    reader = _Reader(raw, order)
    camera = reader.directory(reader.first(), _SHARED_TAGS)
    photo = reader.directory(_pointer(camera, IFD.Exif), _SHARED_TAGS)
    place = reader.directory(_pointer(camera, IFD.GPSInfo), _PLACE_TAGS)
    return Exif(camera, photo, place, reader.is_whole)


def _pointer(values: Values, tag: int) -> int:
    value = values.get(tag)
    return value[0] if isinstance(value, tuple) and value and isinstance(value[0], int) else 0


class _Reader:
    def __init__(self, raw: bytes, order: str) -> None:
        self.is_whole = True
        self._raw = raw
        self._order = order
        is_big = raw[2:4] in (b"+\0", b"\0+")  # BigTIFF
        self._count = struct.Struct(order + ("Q" if is_big else "H"))
        self._entry = struct.Struct(order + ("HHQ8s" if is_big else "HHI4s"))
        self._where = struct.Struct(order + ("Q" if is_big else "I"))
        self._first_at = 8 if is_big else 4

    def first(self) -> int:
        return int(self._unpack(self._where, self._first_at) or 0)

    def directory(self, start: int, wanted: set[int]) -> Values:
        """Return what is wanted of one directory; one that promises more than there is ends with the data."""
        if not start:
            return {}
        count = self._unpack(self._count, start)
        if count is None:
            return {}
        first = start + self._count.size
        possible = max(0, len(self._raw) - first) // self._entry.size
        self.is_whole &= count <= possible
        found: dict[int, Any] = {}
        for place in range(first, first + min(count, possible, 65_535) * self._entry.size, self._entry.size):
            tag, kind, values, inline = self._entry.unpack_from(self._raw, place)
            if tag not in wanted or tag in found:
                continue
            read = self._block if tag in _BLOCK_TAGS else self._value
            if (value := read(kind, values, inline)) is not None:
                found[tag] = value
        return found

    def _block(self, kind: int, count: int, inline: bytes) -> bytes | None:
        """Return bytes, also where a program declares them as numbers of four bytes each."""
        letters = _NUMBERS.get(kind)
        size = struct.calcsize(self._order + letters) if letters else 1
        return self._bytes(count * size, inline, limit=MAX_BLOCK_BYTES)

    def _value(self, kind: int, count: int, inline: bytes) -> Any:
        if kind in _PLAIN_BYTES:
            return self._bytes(count, inline)
        letters = _NUMBERS.get(kind) or _FRACTIONS.get(kind) or _FLOATS.get(kind)
        if letters is None:
            return None
        item = struct.Struct(self._order + letters)
        count = min(count, _MAX_NUMBERS)
        raw = self._bytes(count * item.size, inline)
        if raw is None or len(raw) < count * item.size:
            return None
        items = list(item.iter_unpack(raw))
        if kind in _FRACTIONS:
            return tuple(above / below if below else 0.0 for above, below in items)
        return tuple(one for (one,) in items)

    def _bytes(self, size: int, inline: bytes, *, limit: int = MAX_VALUE_BYTES) -> bytes | None:
        if size <= len(inline):
            return inline[:size]
        where = int(self._where.unpack(inline)[0])
        if where >= len(self._raw):
            self.is_whole = False
            return None
        return self._raw[where : where + min(size, limit)]

    def _unpack(self, number: struct.Struct, place: int) -> int | None:
        if place + number.size > len(self._raw):
            self.is_whole = False
            return None
        return int(number.unpack_from(self._raw, place)[0])
