"""PNG without metadata, animated ones too: the chunks that make the picture are copied, all others left out.

Source: W3C PNG Specification, third edition.
"""

import struct
import zlib
from collections.abc import Iterator
from contextlib import suppress

from .cannot_strip import CannotStrip
from .colour_profile import MAX_PROFILE_BYTES, plain_profile
from .minimal_exif import minimal_exif

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_MAX_CHUNKS = 500_000  # a writer that fills 50 MB with chunks of 128 bytes; in a second
_CRITICAL = {b"IHDR": 13, b"PLTE": 768, b"IDAT": 1 << 31, b"IEND": 0}  # with the most bytes that each can have
_KEPT = _CRITICAL | {
    b"tRNS": 256,
    b"cHRM": 32,
    b"gAMA": 4,
    b"sRGB": 1,
    b"sBIT": 4,
    b"cICP": 4,
    b"mDCV": 24,
    b"mDCv": 24,
    b"cLLI": 8,
    b"cLLi": 8,
    b"bKGD": 6,
    b"pHYs": 9,
    b"acTL": 8,
    b"fcTL": 26,
    b"fdAT": 1 << 31,
}
_EXIF_AS_TEXT, _MAX_TEXT_BYTES = b"Raw profile type exif", 1_000_000
_ANIMATED = (b"acTL", b"fcTL", b"fdAT")


def strip_png(data: bytes) -> bytes:
    """Return the picture with its colours and orientation. What follows its end goes. Raises CannotStrip."""
    chunks = list(_chunks(data))
    kept = [chunk for one in chunks for chunk in _kept(*one)]
    exif = None if any(kind == b"eXIf" for kind, _body, _whole in chunks) else _exif_in_text(chunks)
    if exif is not None:
        kept.insert(1, _written(b"eXIf", exif))
    return b"".join([_SIGNATURE, *kept])


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Yield kind, body and the whole of each chunk up to the last; one that is damaged and not needed is left out.

    Raises CannotStrip.
    """
    position = len(_SIGNATURE)
    for number in range(_MAX_CHUNKS):
        if len(data) < position + 12:
            break
        size, kind = struct.unpack_from(">I4s", data, position)
        end = position + 12 + size
        if end > len(data) or not kind.isalpha() or (number == 0) != (kind == b"IHDR"):
            break
        body = data[position + 8 : end - 4]
        is_needed = kind[:1].isupper() or kind in _ANIMATED
        if zlib.crc32(body, zlib.crc32(kind)) == struct.unpack_from(">I", data, end - 4)[0]:
            if is_needed and kind not in _KEPT:
                break  # without it, nobody can show the picture
            yield kind, body, data[position:end]
        elif is_needed:
            break
        if kind == b"IEND":
            return
        position = end
    raise CannotStrip("this PNG cannot be walked to its end")


def _kept(kind: bytes, body: bytes, whole: bytes) -> Iterator[bytes]:
    if kind == b"iCCP":
        yield from _profile(body, whole)
    elif kind == b"eXIf":
        exif = minimal_exif(body)
        if exif is not None:
            yield _written(kind, exif)
    elif len(body) <= _KEPT.get(kind, -1):
        yield whole
    elif kind in _CRITICAL:
        raise CannotStrip("a chunk of this PNG holds more than it can")


def _profile(body: bytes, whole: bytes) -> Iterator[bytes]:
    name, _zero, packed = body.partition(b"\0")
    try:
        unpacking = zlib.decompressobj()
        unpacked = unpacking.decompress(packed[1:], MAX_PROFILE_BYTES)
    except zlib.error:
        return
    profile = plain_profile(unpacked)
    if profile is None:
        return
    if profile == unpacked and unpacking.eof and not unpacking.unused_data:
        yield whole
    else:
        yield _written(b"iCCP", name + b"\0\0" + zlib.compress(profile))


def _exif_in_text(chunks: list[tuple[bytes, bytes, bytes]]) -> bytes | None:
    """Return what stays of EXIF data that ImageMagick wrote as text before there was a chunk for it."""
    for kind, body, _whole in chunks:
        name, _zero, text = body.partition(b"\0")
        if kind in (b"tEXt", b"zTXt") and name == _EXIF_AS_TEXT:
            with suppress(ValueError, zlib.error):
                plain = zlib.decompressobj().decompress(text[1:], _MAX_TEXT_BYTES) if kind == b"zTXt" else text
                return minimal_exif(bytes.fromhex("".join(plain.decode("ascii").split()[2:])))  # "exif", its size
    return None


def _written(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
