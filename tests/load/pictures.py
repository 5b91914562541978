"""Pictures to load a site with: many small ones of few, large photos, and files that unpack to far more."""

import os
import struct
import zlib
from functools import cache
from io import BytesIO
from itertools import count
from pathlib import Path

from PIL import Image

from tests.picture_files import png_chunk, png_start

PHOTOS = Path(os.environ.get("IMAGESEARCH_TEST_PHOTOS", "../shared/photos"))
LARGE_SIZE_PX = (4_000, 3_000)
BOMB_SIZE_PX = (12_700, 10_000)
SMALLER_BOMB_SIZE_PX = (7_000, 7_000)  # a little below what one may search with, unless the settings say otherwise
BOMB_BYTES = 1_000_000

_numbers = count()


@cache
def photos(number: int = 30) -> list[bytes]:
    """Return JPEGs, of about 35 kB in the folder of photos, else the samples."""
    paths = sorted(PHOTOS.glob("*.jpg"))[:number] or _sample_paths()
    return [path.read_bytes() if path.suffix == ".jpg" else _jpeg(Image.open(path)) for path in paths]


def _sample_paths() -> list[Path]:
    import skimage

    return sorted((Path(skimage.__file__).parent / "data").glob("*.[jp][pn]g"))


@cache
def _large_photos() -> list[bytes]:
    """Return photos of 12 megapixels and some 4 MB, with noise as a camera's have."""
    noise = Image.effect_noise(LARGE_SIZE_PX, 24).convert("RGB")
    opened = (Image.open(BytesIO(photo)).convert("RGB").resize(LARGE_SIZE_PX) for photo in photos()[:4])
    return [_jpeg(Image.blend(picture, noise, 0.15)) for picture in opened]


def small_picture(number: int) -> bytes:
    return _unlike_others(photos()[number % len(photos())])


def large_picture(number: int) -> bytes:
    return _unlike_others(_large_photos()[number % len(_large_photos())])


def bomb(size_px: tuple[int, int] = BOMB_SIZE_PX) -> bytes:
    """Return a PNG of 1 MB, of 127 megapixels unless told otherwise, whose bytes no other has."""
    start, rows, end = _bomb_parts(size_px)
    return start + png_chunk(b"tEXt", b"Comment\0" + _label()) + rows + end


@cache
def _bomb_parts(size_px: tuple[int, int]) -> tuple[bytes, bytes, bytes]:
    width_px, height_px = size_px
    packed = zlib.compressobj(6)
    row = b"\0" + bytes(3 * width_px)
    rows = b"".join([*(packed.compress(row) for _row in range(height_px)), packed.flush()])
    padding = png_chunk(b"prIv", os.urandom(max(0, BOMB_BYTES - len(rows))))
    return png_start(width_px, height_px, bits=8, colour_type=2) + padding, png_chunk(b"IDAT", rows), png_chunk(b"IEND")


def _unlike_others(jpeg: bytes) -> bytes:
    """Return the same picture in other bytes: with a comment that no other has."""
    label = _label()
    return jpeg[:2] + b"\xff\xfe" + struct.pack(">H", len(label) + 2) + label + jpeg[2:]


def _label() -> bytes:
    return f"{os.getpid()} {next(_numbers)} {os.urandom(8).hex()}".encode()


def _jpeg(picture: Image.Image) -> bytes:
    out = BytesIO()
    picture.convert("RGB").save(out, "JPEG", quality=88)
    return out.getvalue()
