"""ICC profiles without what tells one screen from all others: some programs write its serial number into them."""

import struct

# "mmod": Apple's maker, model and serial number of a screen. "meta": its EDID, serial number included (colord, GNOME).
_TELLING_TAGS = {b"mmod", b"meta"}
_TAG = struct.Struct(">4sII")  # signature, offset, size
_HEADER_BYTES = 128
_CHECKSUM = slice(84, 100)
MAX_PROFILE_BYTES = 16_000_000  # the largest of printers have 4 million
_MAX_TAGS = 1_000


def plain_profile(profile: bytes) -> bytes | None:
    """Return the profile cut to the size that it says and without telling tags; None if it is no profile.

    A profile that holds nothing of that comes back as it is.
    """
    if len(profile) < _HEADER_BYTES + 4 or profile[36:40] != b"acsp":
        return None
    size, count = struct.unpack_from(">I", profile)[0], struct.unpack_from(">I", profile, _HEADER_BYTES)[0]
    end_of_table = _HEADER_BYTES + 4 + count * _TAG.size
    if count > _MAX_TAGS or not end_of_table <= size <= len(profile):
        return None
    tags = list(_TAG.iter_unpack(profile[_HEADER_BYTES + 4 : end_of_table]))
    kept = [tag for tag in tags if tag[0] not in _TELLING_TAGS]
    if len(kept) == len(tags):
        return profile[:size]
    return _without(profile[:size], tags, kept)


def _without(profile: bytes, tags: list[tuple[bytes, int, int]], kept: list[tuple[bytes, int, int]]) -> bytes:
    content = bytearray(profile)
    for _signature, offset, size in set(tags) - set(kept):
        end = min(offset + size, len(content))
        content[offset:end] = bytes(max(0, end - offset))
    for _signature, offset, size in kept:  # what a telling tag shares with another one stays
        content[offset : offset + size] = profile[offset : offset + size]
    table = struct.pack(">I", len(kept)) + b"".join(_TAG.pack(*tag) for tag in kept)
    content[_HEADER_BYTES : _HEADER_BYTES + 4 + len(tags) * _TAG.size] = table.ljust(4 + len(tags) * _TAG.size, b"\0")
    content[_CHECKSUM] = bytes(16)  # zeros: not computed
    return bytes(content)
