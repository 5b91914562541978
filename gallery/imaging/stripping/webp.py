"""WebP without metadata, animated ones too: the chunks that make the picture are copied, all others left out.

Source: RFC 9649.
"""

import struct
from collections.abc import Iterator

from .cannot_strip import CannotStrip
from .colour_profile import plain_profile
from .minimal_exif import minimal_exif

_HAS_XMP, _HAS_EXIF, _HAS_PROFILE = 0x04, 0x08, 0x20  # flags of VP8X
_MAX_CHUNKS = 100_000
_CODED = (b"VP8 ", b"VP8L", b"ALPH")
_FRAME_BYTES = 16  # where a frame lies and how long it is shown, before its own chunks
_SIZES = {b"VP8X": 10, b"ANIM": 6}
Chunk = tuple[bytes, bytes]


def strip_webp(data: bytes) -> bytes:
    """Return the picture with its colour profile and orientation. What follows its end goes. Raises CannotStrip."""
    end = 8 + int.from_bytes(data[4:8], "little")
    if not 12 <= end <= len(data):
        raise CannotStrip("this WebP is cut short")
    chunks = list(_chunks(data[12:end]))
    kept = [one for chunk in chunks for one in _kept(*chunk)]
    if not any(kind in (*_CODED, b"ANMF") for kind, _body in kept):
        raise CannotStrip("this WebP holds no picture")
    if kept == chunks and end == len(data):
        return data
    kinds = {kind for kind, _body in kept}
    body = b"WEBP" + b"".join(_written(kind, _with_flags(kind, body, kinds)) for kind, body in kept)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _chunks(data: bytes) -> Iterator[Chunk]:
    """Yield kind and body of each chunk. Raises CannotStrip."""
    position = 0
    for _ in range(_MAX_CHUNKS):
        if position >= len(data):
            return
        if len(data) < position + 8:
            break
        kind, size = struct.unpack_from("<4sI", data, position)
        end = position + 8 + size
        if end > len(data) or (kind in _SIZES and size != _SIZES[kind]):
            break
        yield kind, data[position + 8 : end]
        position = end + size % 2
    raise CannotStrip("this WebP cannot be walked to its end")


def _kept(kind: bytes, body: bytes) -> Iterator[Chunk]:
    if kind in _SIZES or kind in _CODED:
        yield kind, body
    elif kind == b"ANMF":
        coded = (one for one in _chunks(body[_FRAME_BYTES:]) if one[0] in _CODED)
        yield kind, body[:_FRAME_BYTES] + b"".join(_written(*one) for one in coded)
    elif kind == b"ICCP":
        profile = plain_profile(body)
        if profile is not None:
            yield kind, profile
    elif kind == b"EXIF":
        exif = minimal_exif(body)
        if exif is not None:
            yield kind, exif


def _with_flags(kind: bytes, body: bytes, kinds: set[bytes]) -> bytes:
    """Return the body; that of VP8X says which chunks there are."""
    if kind != b"VP8X":
        return body
    there = _HAS_EXIF * (b"EXIF" in kinds) | _HAS_PROFILE * (b"ICCP" in kinds)
    return bytes((body[0] & ~(_HAS_XMP | _HAS_EXIF | _HAS_PROFILE) | there,)) + body[1:]


def _written(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)
