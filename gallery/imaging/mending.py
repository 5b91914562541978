"""What is wrong in a file outside of its pixels is cut out, when a decoder has refused the file for it.

Only whole pictures are mended: where data of the pixels is missing, no candidate decodes, and the file stays refused.
Metadata that is sound is kept, so that orientation and colours are right; then, if that does not help, none.
"""

import re
import struct
import zlib
from collections.abc import Callable, Iterator
from hashlib import blake2b
from io import BytesIO

from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from gallery.imaging.tiff import with_few_tags

_MAX_CHUNKS = 100_000
_MAX_SEGMENTS = 5_000  # as many as `formats` lets pass
_MAX_GAP_BYTES = 65_536  # as above
_MAX_PROFILE_BYTES = 1 << 20
_STRIP_ROWS = 256


def mended(data: bytes, name: str) -> Iterator[bytes]:
    """Yield what may be left of a file of this format without its faults, the most complete first; lazily."""
    mend = _MENDS.get(name)
    if mend is None:
        return
    try:
        yield from mend(data)
    except (struct.error, IndexError, ValueError, OverflowError):  # too little is left to tell its parts
        return


# JPEG: segments in front of the first scan; an end mark

_FRAMES = (0xC0, 0xC1, 0xC2)  # headers of pictures: baseline, extended, progressive
_START, _END, _START_OF_SCAN, _EXIF, _PROFILE, _ADOBE = 0xD8, 0xD9, 0xDA, 0xE1, 0xE2, 0xEE
_COMMENT = 0xFE
# Neither a stuffed zero, nor a restart (D0 to D7), nor filling
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_START_OF_PICTURE, _TABLES, _END_OF_PICTURE = b"\xff\xd8\xff", b"\xff\xdb\x00", b"\xff\xd9"
_MAX_THUMBNAILS = 8
_FILLINGS = (b"", b"\x55" * 256, b"\xaa" * 256)


def _jpeg(data: bytes) -> Iterator[bytes]:
    segments, scans = _jpeg_parts(data)
    if not scans:
        segments, scans = _jpeg_parts(_without_segment_that_never_ends(data))
    scans = _of_first_picture(scans)
    if not _has_end(scans):
        scans = scans.rstrip(b"\xff")
        if not _is_complete(data[:2] + b"".join(_needed(segments, set())) + scans):
            return
        scans += b"\xff\xd9"
        yield data[:2] + b"".join(segments) + scans
    for kept in ({_EXIF, _PROFILE}, {_EXIF}, set[int]()):
        yield data[:2] + b"".join(_needed(segments, kept)) + scans


def _jpeg_parts(data: bytes) -> tuple[list[bytes], bytes]:
    """Return the segments of the header, each whole, and everything from the first scan on.

    Raises ValueError where there is more between two segments than any program leaves there.
    """
    segments: list[bytes] = []
    before = 2
    for kind, start, end in _markers(data, 2):
        if start - before > _MAX_GAP_BYTES:
            raise ValueError("its header has no end")
        before = end
        if kind == _START_OF_SCAN:
            return segments, data[start:]
        segments.append(data[start:end])
    return segments, b""


def _without_segment_that_never_ends(data: bytes) -> bytes:
    """Return a JPEG without a segment of metadata that says it goes on behind the end of the file.

    What follows is taken up again at the tables of the picture; those of a thumbnail in the metadata are passed over.
    """
    for kind, start, end in _markers(data, 2):
        if end > len(data) and _is_metadata(kind):
            tables = _place_of_tables(data, start + 4)
            return data[:start] + data[tables:] if tables > 0 else b""
    return b""


def _place_of_tables(data: bytes, start: int) -> int:
    for _ in range(_MAX_THUMBNAILS):
        tables = data.find(_TABLES, start)
        thumbnail = data.find(_START_OF_PICTURE, start, max(tables, start))
        if thumbnail < 0:
            return tables
        end = data.find(_END_OF_PICTURE, thumbnail)
        if end < 0:
            break
        start = end + len(_END_OF_PICTURE)
    return -1


def _of_first_picture(scans: bytes) -> bytes:
    """Return the scans up to where another picture begins, as phones put one behind the first."""
    for kind, start, _end in _markers(scans, 0):
        if kind in (_START, _END):
            return scans[:start] if kind == _START else scans
    return scans


def _markers(data: bytes, position: int) -> Iterator[tuple[int, int, int]]:
    """Yield (kind, start, end) of each segment, as far as they are whole, without what follows a scan's header."""
    for _ in range(_MAX_SEGMENTS):
        found = _MARKER.search(data, position)
        if not found or len(data) < found.end() + 2:
            return
        position = found.end() + struct.unpack_from(">H", data, found.end())[0]
        yield data[found.start() + 1], found.start(), position


def _needed(segments: list[bytes], kept: set[int]) -> list[bytes]:
    """Return the segments that pixels need, and those of `kept`; Adobe's, which says what colours mean, if whole."""
    return [
        segment
        for segment in segments
        if segment[1] in kept or not _is_metadata(segment[1]) or _is_whole_adobe(segment)
    ]


def _is_metadata(kind: int) -> bool:
    return 0xE0 <= kind <= 0xEF or kind == _COMMENT


def _is_whole_adobe(segment: bytes) -> bool:
    return segment[1] == _ADOBE and segment[4:9] == b"Adobe" and len(segment) >= 16


def _has_end(scans: bytes) -> bool:
    last = next((end for kind, _start, end in _markers(scans, 0) if kind == _END), None)
    return last is not None or scans.endswith(b"\xff\xd9")


def _is_complete(data: bytes) -> bool:
    """Say whether a JPEG without its end mark holds all of its pixels.

    All its scans are there, and what is put behind the last one changes nothing: a decoder that still needs bits
    takes them from the filling, and the filling shows in the picture.
    """
    return _has_all_scans(data) and len({_fingerprint(data + filling + b"\xff\xd9") for filling in _FILLINGS}) == 1


def _has_all_scans(data: bytes) -> bool:
    """Say whether every coefficient of every component came, to its last bit. Source: ITU T.81, B.2.3 and G.1.1."""
    missing: dict[int, set[int]] = {}
    for kind, start, _end in _markers(data, 2):
        body = start + 4
        if kind in _FRAMES:
            missing = {data[body + 6 + 3 * number]: set(range(64)) for number in range(data[body + 5])}
        if kind == _START_OF_SCAN:
            count = data[body]
            first, last, bits = data[body + 1 + 2 * count : body + 4 + 2 * count]
            for number in range(count if bits & 0x0F == 0 else 0):
                missing.get(data[body + 1 + 2 * number], set()).difference_update(range(first, last + 1))
    return bool(missing) and not any(missing.values())


def _fingerprint(jpeg: bytes) -> bytes:
    """Return a digest of all pixels, b"" where there are none; strip by strip, since they may be many."""
    digest = blake2b()
    try:
        with JpegImageFile(BytesIO(jpeg)) as image:
            image.load()
            for top in range(0, image.height, _STRIP_ROWS):
                digest.update(_rows(image, top))
    except (OSError, SyntaxError, ValueError, struct.error):
        return b""
    return digest.digest()


def _rows(image: Image.Image, top: int) -> bytes:
    return image.crop((0, top, image.width, min(top + _STRIP_ROWS, image.height))).tobytes()


# PNG: chunks that nobody needs, the end

_PNG_NEEDED = {b"IHDR", b"PLTE", b"IDAT"}
_PNG_TRANSPARENCY = {b"tRNS"}
_PNG_WANTED = {b"iCCP", b"eXIf", b"acTL", b"fcTL", b"fdAT"}


def _png(data: bytes) -> Iterator[bytes]:
    chunks = list(_png_chunks(data))
    for wanted in (_PNG_NEEDED | _PNG_TRANSPARENCY | _PNG_WANTED, _PNG_NEEDED | _PNG_TRANSPARENCY, _PNG_NEEDED):
        kept = (whole for kind, whole in chunks if kind in wanted and (kind in _PNG_NEEDED or _is_sound(whole)))
        yield data[:8] + b"".join(kept) + b"\0\0\0\0IEND\xaeB`\x82"


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield (kind, the whole chunk). The last may be cut in its checksum, which is then made anew."""
    position = 8
    for _ in range(_MAX_CHUNKS):
        if position + 8 > len(data):
            return
        (size,) = struct.unpack_from(">I", data, position)
        kind, end = data[position + 4 : position + 8], position + 12 + size
        if kind == b"IEND" or end - 4 > len(data):
            return
        body = data[position : end - 4]
        yield kind, body + (data[end - 4 : end] if end <= len(data) else struct.pack(">I", zlib.crc32(body[4:])))
        position = end


def _is_sound(chunk: bytes) -> bool:
    body = chunk[8:-4]
    if struct.unpack(">I", chunk[-4:])[0] != zlib.crc32(chunk[4:-4]):
        return False
    return chunk[4:8] != b"iCCP" or _is_small_profile(body)


def _is_small_profile(body: bytes) -> bool:
    _name, _zero, packed = body.partition(b"\0")
    unpacking = zlib.decompressobj()
    try:
        return bool(unpacking.decompress(packed[1:], _MAX_PROFILE_BYTES)) and not unpacking.unconsumed_tail
    except zlib.error:
        return False


# WebP: the size that it says, metadata behind the picture

_WEBP_FLAGS = {b"ICCP": 0x20, b"EXIF": 0x08, b"XMP ": 0x04}
_WEBP_PIXELS = (b"VP8X", b"ALPH", b"VP8 ", b"VP8L", b"ANIM", b"ANMF")


def _webp(data: bytes) -> Iterator[bytes]:
    chunks = list(_riff_chunks(data))
    for wanted in ({*_WEBP_PIXELS, *_WEBP_FLAGS}, {*_WEBP_PIXELS}):
        kept = [(kind, body) for kind, body in chunks if kind in wanted]
        flags = sum({_WEBP_FLAGS.get(kind, 0) for kind, _body in kept})
        parts = b"".join(_riff(kind, _flagged(body, flags) if kind == b"VP8X" else body) for kind, body in kept)
        yield b"RIFF" + struct.pack("<I", 4 + len(parts)) + b"WEBP" + parts


def _riff_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield (kind, body) of the chunks that are whole."""
    position = 12
    for _ in range(_MAX_CHUNKS):
        if position + 8 > len(data):
            return
        kind, size = struct.unpack_from("<4sI", data, position)
        body = data[position + 8 : position + 8 + size]
        if len(body) < size:
            return
        yield kind, body
        position += 8 + size + size % 2


def _riff(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


def _flagged(header: bytes, flags: int) -> bytes:
    """Return the extended header that promises just the metadata that is there."""
    return bytes([header[0] & ~sum(_WEBP_FLAGS.values()) & 0xFF | flags]) + header[1:]


# TIFF, HEIC and AVIF: what else their directories name


def _tiff(data: bytes) -> Iterator[bytes]:
    yield from (with_few_tags(data, keep_profile=True), with_few_tags(data, keep_profile=False))


_METADATA_ITEM = re.compile(rb"(infe[\x02\x03].{3}(?:.{4}|.{6}))(?:Exif|mime)", re.DOTALL)
_ITEMS_WITHIN = 1 << 20  # the directory of the file comes before its pixels


def _boxes(data: bytes) -> Iterator[bytes]:
    """Yield the file with its items of EXIF and XMP renamed, so that no decoder looks for them."""
    yield _METADATA_ITEM.sub(rb"\1skip", data[:_ITEMS_WITHIN]) + data[_ITEMS_WITHIN:]


_MENDS: dict[str, Callable[[bytes], Iterator[bytes]]] = {
    **{"JPEG": _jpeg, "PNG": _png, "WEBP": _webp, "TIFF": _tiff},
    **{"HEIF": _boxes, "AVIF": _boxes},
}
