"""The doors of this package: a file is read once, within the byte limit, and decoded in a process of its own."""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from io import SEEK_END, BytesIO
from typing import BinaryIO, Protocol

from PIL import Image

from gallery.errors import EmptyFile, FileTooLarge
from gallery.imaging.decoding import Decoded, Shares
from gallery.imaging.embedded.found import Embedded
from gallery.imaging.formats import sniff
from gallery.imaging.limits import Limits
from gallery.imaging.sandbox.pool import decoders

_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Facts:
    """What a file is, and what it says. width_px and height_px are of the upright original."""

    md5: str
    sha256: str
    size_bytes: int
    format: str
    extension: str
    mime_type: str
    width_px: int
    height_px: int
    frame_count: int
    exif: dict[str, str | int | float]
    embedded: Embedded

    @property
    def taken_at(self) -> datetime | None:
        """Return the clock on the photographer's wall; naive where its offset from UTC is unknown."""
        return self.embedded.taken_at


@dataclass(frozen=True, slots=True)
class Picture:
    """`pixels` is the first frame: RGB, upright, transparency on white, longest side at most PREVIEW_PX.

    Of a panorama it is longer, up to PANORAMA_LONG_PX, as far as its short side needs that to stay visible.
    `thumbnails` are there where they were asked for.
    """

    facts: Facts
    pixels: Image.Image
    thumbnails: dict[int, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Told:
    """What a picture says of itself: the EXIF selection, and its date and words."""

    exif: dict[str, str | int | float]
    embedded: Embedded


class _Digest(Protocol):
    def update(self, data: bytes, /) -> None: ...


def inspect(file: BinaryIO, *, limits: Limits, with_thumbnails: bool = False, known_md5: str | None = None) -> Picture:
    """Read `file` from its start and return its facts and pixels; it is left at its start where it can seek.

    `known_md5` is the file's, in hexadecimal, where the caller has computed it already.
    Raises a kind of InvalidPicture: EmptyFile, FileTooLarge, UnsupportedFormat, TooManyPixels, TooManyFrames,
    BrokenPicture, DecodingTooSlow, DecodingOutOfMemory or DecoderCrashed; ServerBusy or DecoderUnavailable if no
    picture can be decoded now.
    """
    md5, sha256 = hashlib.md5(usedforsecurity=False), hashlib.sha256()
    data = _read(file, limits.max_bytes, *([sha256] if known_md5 else [md5, sha256]))
    decoded = _decode(data, limits, thumbnails=with_thumbnails)
    facts = _facts(decoded, known_md5 or md5.hexdigest(), sha256.hexdigest(), len(data))
    return Picture(facts, decoded.pixels, decoded.thumbnails)


def load_pixels(file: BinaryIO, *, limits: Limits) -> Image.Image:
    """Return exactly the pixels that `inspect` gives for the same bytes. Raises what `inspect` raises."""
    return _decode(_read(file, limits.max_bytes), limits, thumbnails=False).pixels


def load_part(file: BinaryIO, shares: Shares, *, limits: Limits) -> Image.Image:
    """Return the pixels of a part of the upright picture, as large as it is there up to a preview's size: RGB.

    Raises what `inspect` raises.
    """
    data = _read(file, limits.max_bytes)
    sniff(data)
    return decoders(limits.purpose).part(data, limits, shares)


def read_told(file: BinaryIO, *, limits: Limits) -> Told:
    """Return what a picture says of itself, without its pixels where they can be left alone.

    Raises what `inspect` raises.
    """
    data = _read(file, limits.max_bytes)
    sniff(data)
    return Told(*decoders(limits.purpose).tell(data, limits))


def read_xmp_beside(data: bytes, *, limits: Limits) -> Embedded:
    """Return what an XMP file beside a picture says. Raises DecodingTooSlow and its like, DecoderUnavailable."""
    return decoders(limits.purpose).tell_xmp(data, limits)


def copy_without_metadata(file: BinaryIO, *, limits: Limits) -> tuple[str, bytes]:
    """Return the format and the file of a copy at full size: pixels alone, of an animation the first frame.

    JPEG, or WebP where there is transparency; PNG where a side is too long for these. Raises what `inspect` raises.
    """
    data = _read(file, limits.max_bytes)
    sniff(data)
    return decoders(limits.purpose).copy(data, limits)


def _decode(data: bytes, limits: Limits, *, thumbnails: bool) -> Decoded:
    sniff(data)  # what is no picture needs no process
    return decoders(limits.purpose).decode(data, limits, thumbnails=thumbnails)


def _read(file: BinaryIO, max_bytes: int, *digests: _Digest) -> bytes:
    """Return the whole content, fed to every digest on the way. Raises EmptyFile, FileTooLarge."""
    if file.seekable():
        _check_bytes(file.seek(0, SEEK_END), max_bytes)
        file.seek(0)
    content = BytesIO()
    while chunk := file.read(_CHUNK_BYTES):
        _check_bytes(content.tell() + len(chunk), max_bytes)
        content.write(chunk)
        for digest in digests:
            digest.update(chunk)
    if file.seekable():
        file.seek(0)
    if not content.tell():
        raise EmptyFile()
    return content.getvalue()


def _check_bytes(size_bytes: int, limit_bytes: int) -> None:
    if size_bytes > limit_bytes:
        raise FileTooLarge(size_bytes=size_bytes, limit_bytes=limit_bytes)


def _facts(decoded: Decoded, md5: str, sha256: str, size_bytes: int) -> Facts:
    return Facts(
        md5=md5,
        sha256=sha256,
        size_bytes=size_bytes,
        format=decoded.format.name,
        extension=decoded.format.extensions[0],
        mime_type=decoded.format.mime_type,
        width_px=decoded.width_px,
        height_px=decoded.height_px,
        frame_count=decoded.frame_count,
        exif=decoded.shot.selection,
        embedded=decoded.embedded,
    )
