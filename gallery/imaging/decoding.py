"""From bytes to one small RGB picture: limits first, then decoding, then colours, size and orientation."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO

from PIL import Image, ImageFile
from PIL.TiffImagePlugin import TiffImageFile

from gallery.errors import BrokenPicture, ImageSearchError, TooManyFrames, TooManyPixels
from gallery.imaging.colours import plain_rgb, resizable
from gallery.imaging.exif import Shot, read_shot
from gallery.imaging.formats import Format, count_gif_frames, count_jpeg_scans, promised_size, sniff
from gallery.imaging.tiff import count_pages

PREVIEW_PX = 1280  # longest side of the decoded picture: the large thumbnail; encoders look at 224 to 512 px
# A progressive JPEG has about ten scans. Each costs a walk over the whole picture, a hostile one only some bytes:
# 100 scans in 0.5 MB kept one core busy for 8 s at 121 million pixels.
_MAX_SCANS = 50
_TIFF_TILE_TAGS = (322, 323)  # width_px, height_px of one tile
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SIDEWAYS = (5, 6, 7, 8)


@dataclass(frozen=True, slots=True)
class Limits:
    """What may be decoded: bytes of the file, pixels of one frame, frames of an animation (or pages of a TIFF).

    Above about 178 million pixels Pillow's own guard still refuses some GIF and TIFF files.
    """

    max_bytes: int
    max_pixels: int
    max_frames: int


@dataclass(frozen=True, slots=True)
class Decoded:
    """One decoded file: `pixels` is upright RGB of at most PREVIEW_PX; width_px and height_px are the original's."""

    format: Format
    width_px: int
    height_px: int
    frame_count: int
    shot: Shot
    pixels: Image.Image


def decode(data: bytes, limits: Limits) -> Decoded:
    """Return the first frame of `data`. Raises UnsupportedFormat, TooManyPixels, TooManyFrames, BrokenPicture."""
    known = sniff(data)
    with _hostile(known.name):
        _check_pixels(promised_size(data, known.name), limits)
        _check_scans(data, known.name)
        frames = _check_frames(_count_frames(data, known.name, limits), limits)
        with known.open(BytesIO(data)) as image:
            size = image.size
            _check_pixels(size, limits)
            _check_tiles(image, limits)
            if known.name in ("PNG", "WEBP"):  # these two say it in their header
                frames = _check_frames(int(getattr(image, "n_frames", 1)), limits)
            pixels = _small_rgb(image)
            shot = read_shot(image)
    # Pillow turns a TIFF upright while it decodes, size included.
    turn = 1 if known.name == "TIFF" else shot.orientation
    width_px, height_px = reversed(size) if turn in _SIDEWAYS else size
    return Decoded(known, width_px, height_px, frames, shot, _upright(pixels, turn))


@contextmanager
def _hostile(name: str) -> Iterator[None]:
    """Turn whatever Pillow raises for a damaged or hostile file into BrokenPicture: the only place that does.

    Seen or documented: OSError, SyntaxError, ValueError, TypeError, KeyError, IndexError, EOFError, struct.error,
    zlib.error, OverflowError, ZeroDivisionError, AttributeError, AssertionError, RuntimeError, MemoryError and
    DecompressionBombError. The list grows with each Pillow, hence the broad catch. All bytes are in memory by now,
    so no fault of a disk or network can be mistaken for a damaged picture.
    """
    try:
        yield
    except ImageSearchError:
        raise
    except Exception as error:
        raise BrokenPicture(format=name, reason=str(error) or type(error).__name__) from error


def _check_pixels(size: tuple[int, int] | None, limits: Limits) -> None:
    if size and size[0] * size[1] > limits.max_pixels:
        raise TooManyPixels(size_px=size[0] * size[1], limit_px=limits.max_pixels)


def _check_scans(data: bytes, name: str) -> None:
    if name == "JPEG" and count_jpeg_scans(data, _MAX_SCANS + 1) > _MAX_SCANS:
        raise BrokenPicture(format=name, reason=f"more than {_MAX_SCANS} scans")


def _check_tiles(image: ImageFile.ImageFile, limits: Limits) -> None:
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
    scale = min(1.0, PREVIEW_PX / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _small_rgb(image: ImageFile.ImageFile) -> Image.Image:
    """Decode and return an RGB picture of at most PREVIEW_PX, not yet upright, transparency on white."""
    target = _small_size(image.size)
    image.draft(None, target)  # a JPEG is decoded at 1/2, 1/4 or 1/8 when that is still large enough
    image.load()
    small = resizable(image)
    if small.size != target:
        small = small.resize(target, Image.Resampling.BICUBIC, reducing_gap=2.0)
    return plain_rgb(small, image.info.get("icc_profile"))


def _upright(image: Image.Image, orientation: int) -> Image.Image:
    return image.transpose(_UPRIGHT[orientation]) if orientation in _UPRIGHT else image
