"""From bytes to one small RGB picture: limits first, then decoding, then colours, size and orientation."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from io import BytesIO
from math import ceil
from typing import TypeVar

from PIL import Image
from PIL.TiffImagePlugin import TiffImageFile

from gallery.errors import BrokenPicture, ImageSearchError, TooManyFrames, TooManyPixels
from gallery.imaging.colours import plain_colours, plain_rgb, resizable
from gallery.imaging.embedded.found import Embedded
from gallery.imaging.embedded.reading import read_embedded
from gallery.imaging.exif import Shot, read_shot
from gallery.imaging.formats import Format, count_gif_frames, promised_size, sniff
from gallery.imaging.limits import Limits
from gallery.imaging.mending import mended
from gallery.imaging.orientation import SIDEWAYS, orientation_of, turned
from gallery.imaging.raw import FULL_SIZE, SHOWN
from gallery.imaging.tiff import count_pages

PREVIEW_PX = 1280  # longest side of the decoded picture: the large thumbnail; encoders look at 224 to 512 px
# A panorama may be longer, so that its short side keeps what an encoder can see: 20:1 would leave 64 px of it.
PANORAMA_SHORT_PX, PANORAMA_LONG_PX = 256, 5120
MAX_PREVIEW_PX = PREVIEW_PX * PREVIEW_PX  # pixels of a decoded picture, panoramas included
_TIFF_TILE_TAGS = (322, 323)  # width_px, height_px of one tile
_OUT_OF_MEMORY = re.compile(r"memory|bad_alloc", re.IGNORECASE)
Result = TypeVar("Result")
Shares = tuple[float, float, float, float]
"""A part of an upright picture: left, top, width and height as shares of its width and height, within it."""
_COUNTED_WHEN_OPENED = ("PNG", "WEBP", "AVIF", "HEIF")  # their headers say it


@dataclass(frozen=True, slots=True)
class Decoded:
    """One decoded file: `pixels` is upright RGB of a preview's size; width_px and height_px are the original's.

    `thumbnails` are there where they were asked for.
    """

    format: Format
    width_px: int
    height_px: int
    frame_count: int
    shot: Shot
    embedded: Embedded
    pixels: Image.Image
    thumbnails: dict[int, bytes] = field(default_factory=dict)


def decode(data: bytes, limits: Limits) -> Decoded:
    """Return the first frame of `data`, decoded in this very process: `Decoders.decode` is for all who serve others.

    A file that is refused for faults outside of its pixels is read without them.
    Raises UnsupportedFormat, UnsupportedTiff, TooManyPixels, TooManyFrames, BrokenPicture, and MemoryError.
    """

    def work(known: Format, image: Image.Image, frames: int) -> Decoded:
        size = image.info.get(FULL_SIZE, image.size)
        pixels = _small_rgb(image)
        shot = _with_what_is_shown(read_shot(image), image)
        embedded = read_embedded(image, data)
        turn = orientation_of(image)
        width_px, height_px = reversed(size) if turn in SIDEWAYS else size
        return Decoded(known, width_px, height_px, frames, shot, embedded, turned(pixels, turn))

    return _read(data, limits, work)


def read_told(data: bytes, limits: Limits) -> tuple[Shot, Embedded]:
    """Return what `data` tells about its picture, the pixels left alone where the format allows it.

    Done in this very process, as `decode` is; raises what that raises.
    """

    def work(known: Format, image: Image.Image, _frames: int) -> tuple[Shot, Embedded]:
        if known.name == "PNG":
            image.load()  # its texts may lie behind its pixels
        return _with_what_is_shown(read_shot(image), image), read_embedded(image, data)

    return _read(data, limits, work)


def decode_whole(data: bytes, limits: Limits) -> Image.Image:
    """Return the first frame of `data` at its full size, upright: sRGB, with alpha where it has transparency.

    Decoded in this very process, as `decode` does; raises what that raises.
    """

    def work(_known: Format, image: Image.Image, _frames: int) -> Image.Image:
        image.load()
        pixels = plain_colours(resizable(image), image.info.get("icc_profile"))
        return turned(pixels, orientation_of(image))

    return _read(data, limits, work)


def decode_part(data: bytes, limits: Limits, shares: Shares) -> Image.Image:
    """Return a part of the first frame, as large as it is up to a preview's size: upright RGB, a pixel at least.

    Decoded in this very process, as `decode` does; raises what that raises.
    """

    def work(_known: Format, image: Image.Image, _frames: int) -> Image.Image:
        scale = min(1.0, PREVIEW_PX / max(_part_size(image, shares)))
        image.draft(None, (round(image.width * scale), round(image.height * scale)))
        image.load()
        part = part_of(turned(resizable(image), orientation_of(image)), shares)
        target = _small_size(part.size)
        small = part if part.size == target else part.resize(target, Image.Resampling.BICUBIC, reducing_gap=2.0)
        return plain_rgb(small, image.info.get("icc_profile"))

    return _read(data, limits, work)


def part_of(picture: Image.Image, shares: Shares) -> Image.Image:
    """Return a part of an upright picture, whole pixels of it and at least one."""
    left, top, width, height = shares
    first_x, last_x = _pixels_between(left, left + width, picture.width)
    first_y, last_y = _pixels_between(top, top + height, picture.height)
    return picture.crop((first_x, first_y, last_x, last_y))


def _pixels_between(first_share: float, last_share: float, side_px: int) -> tuple[int, int]:
    """Return the first pixel of a side between two shares of it, and the one behind the last."""
    first = min(int(round(first_share * side_px, 6)), side_px - 1)  # 0.29 * 100 is a little less than 29
    return first, max(first + 1, min(ceil(round(last_share * side_px, 6)), side_px))


def _part_size(image: Image.Image, shares: Shares) -> tuple[float, float]:
    """Return the width and height in pixels, 1 at least, of a part of a picture that may lie on its side."""
    upright = image.size[::-1] if orientation_of(image) in SIDEWAYS else image.size
    return max(1.0, shares[2] * upright[0]), max(1.0, shares[3] * upright[1])


def _read(data: bytes, limits: Limits, work: Callable[[Format, Image.Image, int], Result]) -> Result:
    """Return what `work` makes of the format, the opened picture and its number of frames, all within the limits."""
    known = sniff(data)
    try:
        return _worked(data, known, limits, work)
    except BrokenPicture:
        for whole in mended(data, known.name):
            with suppress(BrokenPicture):
                return _worked(whole, known, limits, work)
        raise


def _worked(data: bytes, known: Format, limits: Limits, work: Callable[[Format, Image.Image, int], Result]) -> Result:
    with _hostile(known.label):
        _check_pixels(promised_size(data, known.name), limits)
        frames = _check_frames(_count_frames(data, known.name, limits), limits)
        with known.open(BytesIO(data)) as image:
            _check_pixels(image.info.get(FULL_SIZE, image.size), limits)
            _check_tiles(image, limits)
            if known.name in _COUNTED_WHEN_OPENED:
                frames = _check_frames(int(getattr(image, "n_frames", 1)), limits)
            return work(known, image, frames)


def _with_what_is_shown(shot: Shot, image: Image.Image) -> Shot:
    shown = image.info.get(SHOWN)
    return replace(shot, selection=shot.selection | {"shown": shown}) if shown else shot


@contextmanager
def _hostile(name: str) -> Iterator[None]:
    """Turn whatever Pillow raises for a damaged or hostile file into BrokenPicture: the only place that does.

    Seen or documented: OSError, SyntaxError, ValueError, TypeError, KeyError, IndexError, EOFError, struct.error,
    zlib.error, OverflowError, ZeroDivisionError, AttributeError, AssertionError, RuntimeError and
    DecompressionBombError. The list grows with each Pillow, hence the broad catch. All bytes are in memory by now,
    so no fault of a disk or network can be mistaken for a damaged picture.
    """
    try:
        yield
    except (ImageSearchError, MemoryError):
        raise
    except Exception as error:
        if _OUT_OF_MEMORY.search(str(error)):  # how libheif and libavif say it
            raise MemoryError from error
        raise BrokenPicture(format=name, reason=str(error) or type(error).__name__) from error


def _check_pixels(size: tuple[int, int] | None, limits: Limits) -> None:
    if size and size[0] * size[1] > limits.max_pixels:
        raise TooManyPixels(size_px=size[0] * size[1], limit_px=limits.max_pixels)


def _check_tiles(image: Image.Image, limits: Limits) -> None:
    """Refuse a small TIFF made of one huge tile: libtiff allocates whole tiles whatever the picture's size."""
    if isinstance(image, TiffImageFile):
        width, height = (int(image.tag_v2.get(tag, 0)) for tag in _TIFF_TILE_TAGS)
        _check_pixels((width, height), limits)


def _count_frames(data: bytes, name: str, limits: Limits) -> int:
    """Return the number of GIF frames or TIFF pages, looking no further than just past the limit; 1 for others."""
    if name == "GIF":
        return count_gif_frames(data, limits.max_frames + 1)
    return count_pages(data, limits.max_frames + 1) if name == "TIFF" else 1


def _check_frames(frames: int, limits: Limits) -> int:
    if frames > limits.max_frames:
        raise TooManyFrames(limit=limits.max_frames)
    return max(frames, 1)


def _small_size(size: tuple[int, int]) -> tuple[int, int]:
    panorama = min(PANORAMA_SHORT_PX / min(size), PANORAMA_LONG_PX / max(size))
    scale = min(1.0, max(PREVIEW_PX / max(size), panorama))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _small_rgb(image: Image.Image) -> Image.Image:
    """Decode and return an RGB picture of a preview's size, not yet upright, transparency on white."""
    target = _small_size(image.size)
    # A JPEG is decoded at 1/2, 1/4 or 1/8, a HEIC from a smaller copy in it, when that is still large enough.
    image.draft(None, target)
    image.load()
    small = resizable(image)
    if small.size != target:
        small = small.resize(target, Image.Resampling.BICUBIC, reducing_gap=2.0)
    return plain_rgb(small, image.info.get("icc_profile"))
