"""BMP without what is no part of the picture: what lies between its parts and behind them. It has no metadata.

Source: Microsoft's BITMAPV5HEADER and the headers before it.
"""

import struct

from .cannot_strip import CannotStrip
from .colour_profile import plain_profile

_FILE_HEADER_BYTES = 14
_OS2, _INFO, _V5 = 12, 40, 124  # sizes of headers; those of the sizes between begin as _INFO does
_HEADERS = (_OS2, _INFO, 52, 56, 64, 108, _V5)
_PLAIN, _RUNS8, _RUNS4, _MASKS, _ALPHA_MASKS = 0, 1, 2, 3, 6
_EMBEDDED, _LINKED, _SRGB = b"DEBM", b"KNIL", b"BGRs"  # kinds of colours, the letters turned round
_KIND_AT, _PROFILE_AT = _FILE_HEADER_BYTES + 56, _FILE_HEADER_BYTES + 112


def strip_bmp(data: bytes) -> bytes:
    """Return header, colours, pixels and embedded profile; all else is zeros or gone. Raises CannotStrip."""
    try:
        header_end, start, end = _places(data)
    except struct.error:
        raise CannotStrip("this BMP is cut short") from None
    header = bytearray(data[:header_end])
    profile = _profile(data, header, end)
    size = end + len(profile)
    if size == len(data) and header == data[:header_end] and not any(data[header_end:start]) and data[end:] == profile:
        return data
    struct.pack_into("<I", header, 2, size)
    return b"".join([header, bytes(start - header_end), memoryview(data)[start:end], profile])


def _places(data: bytes) -> tuple[int, int, int]:
    """Return where header and colours end, where pixels begin and end. Raises CannotStrip, struct.error."""
    start, header_bytes = struct.unpack_from("<II", data, 10)
    if header_bytes not in _HEADERS:
        raise CannotStrip("this BMP has a header of another kind")
    if header_bytes == _OS2:
        width, height, _planes, bits = struct.unpack_from("<HhHH", data, 18)
        compression = promised = used = 0
    else:
        width, height, _planes, bits, compression, promised = struct.unpack_from("<iiHHII", data, 18)
        used = struct.unpack_from("<I", data, 46)[0]
    if compression in (_RUNS8, _RUNS4):
        size = promised
    elif compression == _PLAIN or (compression in (_MASKS, _ALPHA_MASKS) and header_bytes != 64):
        size = (width * bits + 31) // 32 * 4 * abs(height)
    else:
        raise CannotStrip("this BMP is packed in another way")
    masks = {_MASKS: 12, _ALPHA_MASKS: 16}.get(compression, 0) if header_bytes == _INFO else 0
    colours = (min(used, 256) or 1 << bits) * (3 if header_bytes == _OS2 else 4) if bits <= 8 else 0
    header_end = min(_FILE_HEADER_BYTES + header_bytes + masks + colours, start)
    if width <= 0 or size <= 0 or start + size > len(data) or header_end < _FILE_HEADER_BYTES + header_bytes:
        raise CannotStrip("this BMP is cut short")
    return header_end, start, start + size


def _profile(data: bytes, header: bytearray, place: int) -> bytes:
    """Return the colour profile, which is to lie at `place`, and make the header say so; none that is linked to."""
    if len(header) < _FILE_HEADER_BYTES + _V5 or header[_KIND_AT : _KIND_AT + 4] not in (_EMBEDDED, _LINKED):
        return b""
    offset, size = struct.unpack_from("<II", header, _PROFILE_AT)
    start = _FILE_HEADER_BYTES + offset
    profile = plain_profile(data[start : start + size]) if header[_KIND_AT : _KIND_AT + 4] == _EMBEDDED else None
    if profile is None:
        header[_KIND_AT : _KIND_AT + 4] = _SRGB
        struct.pack_into("<II", header, _PROFILE_AT, 0, 0)
        return b""
    struct.pack_into("<II", header, _PROFILE_AT, place - _FILE_HEADER_BYTES, len(profile))
    return profile
