"""JPEG without metadata: its segments are copied one by one, its scans byte for byte, so that no pixel changes.

Source: ITU-T T.81, annex B; T.871 (JFIF); Adobe's APP14; ICC.1, annex B.4 (profiles in APP2).
"""

import re
import struct
from collections.abc import Callable, Iterator

from .cannot_strip import CannotStrip
from .colour_profile import MAX_PROFILE_BYTES, plain_profile
from .minimal_exif import HEADER, minimal_exif

_START, _END = b"\xff\xd8", b"\xff\xd9"
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")  # neither a stuffed zero, nor a restart, nor filling
_FILLED_MARKER = re.compile(rb"\xff+([^\xff])")
_EOI, _SOS, _DQT, _DHT, _DAC, _DNL, _DRI, _DHP, _EXP, _COM = 0xD9, 0xDA, 0xDB, 0xC4, 0xCC, 0xDC, 0xDD, 0xDE, 0xDF, 0xFE
_APPLICATIONS = range(0xE0, 0xF0)
_APP0, _APP1, _APP2, _APP14 = 0xE0, 0xE1, 0xE2, 0xEE
_FRAMES = {*range(0xC0, 0xD0)} - {_DHT, 0xC8, _DAC}
_FIXED_BYTES = {_DRI: 2, _DNL: 2, _EXP: 1}
_MAX_SEGMENTS = 5_000  # a 16 MB depth map in 64 kB segments needs 256
_JFIF, _JFIF_BYTES = b"JFIF\0", 14
_ADOBE, _ADOBE_BYTES = b"Adobe", 12
_PROFILE = b"ICC_PROFILE\0"
_PROFILE_PART_BYTES = 65_519  # of a profile in one segment
_NAMED = (  # marker, how its body begins, its fewest bytes
    (_APP0, _JFIF, _JFIF_BYTES),
    (_APP1, HEADER, len(HEADER)),
    (_APP2, _PROFILE, len(_PROFILE) + 2),
    (_APP14, _ADOBE, _ADOBE_BYTES),
)
Segment = tuple[int, bytes]


def strip_jpeg(data: bytes) -> bytes:
    """Return the picture with JFIF and Adobe's note on colours, colour profile and orientation, and nothing else.

    What follows its end goes: a phone's second picture, thumbnail or video. Raises CannotStrip.
    """
    segments, end = _walk(data)
    kept = list(_kept(segments))
    if kept == segments and end == len(data):
        return data
    return b"".join([_START, *(_written(kind, body) for kind, body in kept), _END])


def _kept(segments: list[Segment]) -> Iterator[Segment]:
    """Yield what stays, in its order; what programs write comes where the first of its kind was."""
    stays = {_JFIF: _jfif, HEADER: _orientation, _PROFILE: _profile, _ADOBE: _adobe}
    for kind, body in segments:
        name = _name(kind, body)
        if name in stays:
            yield from stays.pop(name)([each for marker, each in segments if _name(marker, each) == name])
        elif kind not in _APPLICATIONS and kind != _COM:
            yield kind, body


def _name(kind: int, body: bytes) -> bytes:
    """Return which of the segments of programs this is, nothing for one that does not stay and for all others."""
    for marker, name, least_bytes in _NAMED:
        if kind == marker and body.startswith(name) and len(body) >= least_bytes:
            return name
    return b""


def _walk(data: bytes) -> tuple[list[Segment], int]:
    """Return marker and body of each segment, and where the picture ends. Raises CannotStrip.

    To the body of a scan (SOS) belong the coded pixels that follow it.
    """
    segments: list[Segment] = []
    position, scans = 2, 0
    for _ in range(_MAX_SEGMENTS):
        kind, start = _marker(data, position)
        if kind == _EOI and scans:
            return segments, start
        if len(data) < start + 2:
            break
        end = start + struct.unpack_from(">H", data, start)[0]
        body = data[start + 2 : end]
        if end > len(data) or not _is_sound(kind, body):
            break
        if kind == _SOS:
            scans += 1
            following = _MARKER.search(data, end)
            if following is None:
                break  # without an end, nobody can say what else lies behind the picture
            end = following.start()
            body = data[start + 2 : end]
        segments.append((kind, body))
        position = end
    raise CannotStrip("this JPEG cannot be walked to its end")


def _marker(data: bytes, position: int) -> tuple[int, int]:
    """Return the marker at this place and where its body starts; any number of FF may stand before it."""
    found = _FILLED_MARKER.match(data, position)
    if found is None:
        raise CannotStrip("there is no marker where one must be")
    return found[1][0], found.end()


def _is_sound(kind: int, body: bytes) -> bool:
    """Say whether this is a known segment that holds what it must and no more, so that nothing hides in it."""
    if kind in _FRAMES or kind == _DHP:
        return len(body) > 5 and len(body) == 6 + 3 * body[5]
    if kind == _SOS:
        return bool(body) and len(body) == 4 + 2 * body[0]
    if kind == _DQT:
        return _are_tables(body, lambda table: 1 + (128 if table[0] >> 4 else 64))
    if kind == _DHT:
        return _are_tables(body, lambda table: 17 + sum(table[1:17]))
    if kind in _FIXED_BYTES:
        return len(body) == _FIXED_BYTES[kind]
    return kind in _APPLICATIONS or kind == _COM or (kind == _DAC and len(body) % 2 == 0)


def _are_tables(body: bytes, size_of: Callable[[bytes], int]) -> bool:
    while body:
        size = size_of(body)
        if size > len(body):
            return False
        body = body[size:]
    return True


def _jfif(bodies: list[bytes]) -> list[Segment]:
    """Return version and density without the thumbnail that may follow."""
    return [(_APP0, bodies[0][: _JFIF_BYTES - 2] + b"\0\0")]


def _orientation(bodies: list[bytes]) -> list[Segment]:
    exif = minimal_exif(b"".join(body.removeprefix(HEADER) for body in bodies))
    return [] if exif is None else [(_APP1, HEADER + exif)]


def _profile(bodies: list[bytes]) -> list[Segment]:
    """Return the colour profile in its segments: those that are there where nothing has to go, else new ones."""
    parts = sorted(bodies, key=lambda body: body[len(_PROFILE)])  # each says its number, from 1
    joined = b"".join(part[len(_PROFILE) + 2 :] for part in parts)
    profile = plain_profile(joined) if len(joined) <= MAX_PROFILE_BYTES else None
    if profile is None or profile == joined:
        return [] if profile is None else [(_APP2, body) for body in bodies]
    pieces = [profile[at : at + _PROFILE_PART_BYTES] for at in range(0, len(profile), _PROFILE_PART_BYTES)]
    return [(_APP2, _PROFILE + bytes((number, len(pieces))) + piece) for number, piece in enumerate(pieces, start=1)]


def _adobe(bodies: list[bytes]) -> list[Segment]:
    """Return the note without which inverted and CMYK colours come out wrong."""
    return [(_APP14, bodies[0][:_ADOBE_BYTES])]


def _written(kind: int, body: bytes) -> bytes:
    if kind == _SOS:  # its length is that of its header alone
        return b"".join([bytes((0xFF, kind)), struct.pack(">H", 6 + 2 * body[0]), body])
    return struct.pack(">BBH", 0xFF, kind, len(body) + 2) + body
