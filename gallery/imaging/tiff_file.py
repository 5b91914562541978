"""TIFF: Pillow reads the common kinds; numbers that it cannot hold, or would misread, are read by tifffile.

tifffile knows of compressions what Python itself knows: none, Deflate and PackBits. Others: `tiff_numbers`.
"""

from io import BytesIO
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image
from PIL.ExifTags import Base
from PIL.TiffImagePlugin import COMPRESSION_INFO, TiffImageFile

from gallery.errors import UnsupportedTiff
from gallery.imaging.colours import DEEP_WHITE, colour_span, deep_bits, eight_bit, span
from gallery.imaging.tiff import Tags, directories
from gallery.imaging.tiff_numbers import can_unpack, unpacked

_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC, _SAMPLES = 256, 257, 258, 259, 262, 277
_MAX_SAMPLE, _PLANAR, _TILE_WIDTH, _TILE_HEIGHT, _EXTRA_SAMPLES, _FORMAT = 281, 284, 322, 323, 338, 339
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB = 0, 1, 2
_UNSIGNED, _SIGNED, _FLOAT = 1, 2, 3
_PREDICTOR, _FLOAT_PREDICTOR = 317, 3
_READ_BY_TIFFFILE = (1, 8, 32946, 32773)  # compressions
_MAX_TILE_EXCESS_PX = 1 << 20
_MOST_UNPACKED_BYTES = 300_000_000  # of 16 bits: four times as much is held, and Pillow shows larger ones, if darker
_Numbers = npt.NDArray[Any]


class PlainTiffFile(TiffImageFile):
    """Turns the picture by its own tag alone: Pillow would follow the orientation in XMP where there is no tag.

    And by that tag also where it is a byte, which Pillow takes for text.
    """

    def _setup(self) -> None:
        said = self.tag_v2.get(Base.Orientation)
        if isinstance(said, bytes) and len(said) == 1:
            self.tag_v2[Base.Orientation] = said[0]
        super()._setup()

    def getexif(self) -> Image.Exif:
        exif = super().getexif()
        if Base.Orientation in exif:
            if Base.Orientation in self.tag_v2:
                exif[Base.Orientation] = self.tag_v2[Base.Orientation]
            else:
                del exif[Base.Orientation]
        return exif


def promised_size(data: bytes) -> tuple[int, int] | None:
    """Return (width_px, height_px) as they are stored, None where the first directory does not say."""
    tags = _first(data)
    size = tags.get(_WIDTH, (0,))[0], tags.get(_HEIGHT, (0,))[0]
    return size if all(size) else None


def open_tiff(file: BytesIO) -> Image.Image:
    """Return the first page. Raises UnsupportedTiff for a sound file of a kind that cannot be shown."""
    tags = _first(file.getvalue())
    if _is_beyond_pillow(tags):
        return _read_numbers(file, tags)
    if _may_be_darker(tags) and (brighter := _brightened(file, tags)):
        return brighter
    image = _opened(file, tags)
    if image.mode.startswith("I;16"):
        image.info[DEEP_WHITE] = tags.get(_MAX_SAMPLE, (0,))[0]
    return image


def _first(data: bytes) -> Tags:
    return next(iter(directories(data, most=1)), {})


def _opened(file: BytesIO, tags: Tags) -> Image.Image:
    try:
        return PlainTiffFile(file)
    except SyntaxError as error:
        is_odd = str(error) == "unknown pixel mode" or tags.get(_COMPRESSION, (1,))[0] not in COMPRESSION_INFO
        if is_odd and promised_size(file.getvalue()):
            raise UnsupportedTiff(kind=_described(tags)) from error
        raise


def _is_beyond_pillow(tags: Tags) -> bool:
    """Say whether Pillow refuses or misreads these numbers: only unsigned ones of 16 bits and what PNG has it knows."""
    samples, bits, kind = _shape(tags)
    if tags.get(_PHOTOMETRIC, (None,))[0] not in (_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB) or samples not in (1, 2, 3, 4):
        return False
    if bits == 16 and kind == _UNSIGNED:
        is_split = tags.get(_PLANAR, (1,))[0] == 2 and samples > 1
        return is_split or samples == 2 or tags[_PHOTOMETRIC][0] == _WHITE_IS_ZERO
    if samples == 1 and (bits, kind) in ((32, _SIGNED), (32, _FLOAT), (16, _SIGNED)):
        return tags[_PHOTOMETRIC][0] == _WHITE_IS_ZERO
    return bits in (32, 64) or (bits == 16 and kind in (_SIGNED, _FLOAT))


def _may_be_darker(tags: Tags) -> bool:
    """Say whether these are colours of 16 bits, of which Pillow keeps the upper 8 alone."""
    samples, bits, kind = _shape(tags)
    is_known = _is_read_by_tifffile(tags) or (can_unpack(tags) and _unpacked_bytes(tags) < _MOST_UNPACKED_BYTES)
    return is_known and (bits, kind) == (16, _UNSIGNED) and samples in (3, 4) and tags.get(_PHOTOMETRIC) == (_RGB,)


def _unpacked_bytes(tags: Tags) -> int:
    samples, bits, _kind = _shape(tags)
    return tags.get(_WIDTH, (0,))[0] * tags.get(_HEIGHT, (0,))[0] * samples * bits // 8


def _is_read_by_tifffile(tags: Tags) -> bool:
    is_known = tags.get(_COMPRESSION, (1,))[0] in _READ_BY_TIFFFILE
    return is_known and tags.get(_PREDICTOR, (1,))[0] != _FLOAT_PREDICTOR


def _shape(tags: Tags) -> tuple[int, int, int]:
    """Return (samples of a pixel, bits of a sample, kind of number); 0 bits where samples differ."""
    bits, kinds = set(tags.get(_BITS, (1,))), set(tags.get(_FORMAT, (_UNSIGNED,)))
    samples = tags.get(_SAMPLES, (len(tags.get(_BITS, (1,))),))[0]
    return samples, bits.pop() if len(bits) == 1 else 0, kinds.pop() if len(kinds) == 1 else 0


def _brightened(file: BytesIO, tags: Tags) -> Image.Image | None:
    """Return colours of 10, 12 or 14 bits in 16; None where all 16 are used."""
    values = _values(file, tags)
    return _as_picture(values, tags, file) if _bits_of_16(values[..., :3], tags) < 16 else None


def _read_numbers(file: BytesIO, tags: Tags) -> Image.Image:
    if not _is_read_by_tifffile(tags) and not (can_unpack(tags) and _shape(tags)[2] in (_UNSIGNED, _SIGNED, _FLOAT)):
        raise UnsupportedTiff(kind=_described(tags))
    return _as_picture(_values(file, tags), tags, file)


def _values(file: BytesIO, tags: Tags) -> _Numbers:
    """Return (height, width, samples) as they are stored. Raises ValueError for data that is not all there."""
    from tifffile import TiffFile  # noqa: PLC0415 -- loaded in decoder processes only, for rare files

    _check_tile(tags)
    if not _is_read_by_tifffile(tags):
        samples, bits, kind = _shape(tags)
        return unpacked(file, tags, samples=samples, bits=bits, kind=kind)
    with TiffFile(file) as opened:
        page = opened.pages.first
        size = page.imagelength, page.imagewidth
        values: _Numbers = page.asarray()
        if page.planarconfig == 2 and values.ndim == 3:
            values = np.moveaxis(values, 0, -1)
    if sum(page.databytecounts) > len(file.getvalue()) or values.shape[:2] != size:
        raise ValueError("its pixels are not all there")
    file.seek(0)
    return values[..., np.newaxis] if values.ndim == 2 else values


def _check_tile(tags: Tags) -> None:
    tile_px = tags.get(_TILE_WIDTH, (0,))[0] * tags.get(_TILE_HEIGHT, (0,))[0]
    if tile_px > 4 * tags[_WIDTH][0] * tags[_HEIGHT][0] + _MAX_TILE_EXCESS_PX:
        raise ValueError("its tiles are larger than the picture")


def _as_picture(values: _Numbers, tags: Tags, file: BytesIO) -> Image.Image:
    """Return 8-bit L, LA, RGB or RGBA with the file's profile, EXIF data and orientation still to be followed."""
    if values.dtype.kind not in "uif":
        raise UnsupportedTiff(kind=_described(tags))
    colours = values.shape[2] - (1 if values.shape[2] in (2, 4) else 0)
    light = _eight_bits(values[..., :colours], tags)
    if tags[_PHOTOMETRIC][0] == _WHITE_IS_ZERO:
        light = 255 - light
    if values.shape[2] > colours and tags.get(_EXTRA_SAMPLES, (2,))[0] != 0:
        light = np.concatenate([light, _opacity(values, tags)], axis=2)
    picture = Image.fromarray(np.ascontiguousarray(light[..., 0] if light.shape[2] == 1 else light))
    return _with_facts(picture, file, tags)


def _eight_bits(colours: _Numbers, tags: Tags) -> npt.NDArray[np.uint8]:
    if colours.dtype.kind == "u" and colours.dtype.itemsize == 2:
        bits = _bits_of_16(colours, tags)
        shown: npt.NDArray[np.uint8] = np.clip(colours >> (bits - 8), 0, 255).astype(np.uint8)
        return shown
    return eight_bit(colours, *(colour_span(colours) if colours.shape[2] == 3 else span([colours], colours.size)))


def _opacity(values: _Numbers, tags: Tags) -> npt.NDArray[np.uint8]:
    """Return alpha, which in 16 bits is of as many as the colours unless it does not fit into those."""
    alpha = values[..., -1:]
    if alpha.dtype.kind == "f":
        return eight_bit(alpha, 0.0, 1.0)
    if alpha.dtype.kind == "u" and alpha.dtype.itemsize == 2:
        return eight_bit(alpha, 0.0, float((1 << _bits_of_16(values, tags)) - 1))
    return eight_bit(alpha, 0.0, float(np.iinfo(alpha.dtype).max))


def _bits_of_16(numbers: _Numbers, tags: Tags) -> int:
    return deep_bits(int(numbers.max(initial=0)), tags.get(_MAX_SAMPLE, (0,))[0])


def _with_facts(picture: Image.Image, file: BytesIO, tags: Tags) -> Image.Image:
    """Give the picture what the file says about it: a TIFF is EXIF data from its first byte on."""
    from tifffile import TiffFile  # noqa: PLC0415 -- as above

    with TiffFile(file) as opened:
        profile = opened.pages.first.tags.get(34675)
    if profile is not None and isinstance(profile.value, bytes):
        picture.info["icc_profile"] = profile.value
    picture.info["exif"] = file.getvalue()
    return picture


def _described(tags: Tags) -> str:
    """Return what the file holds, for people who know TIFF: “3 × 32-bit float, compression 5”."""
    samples, bits, kind = _shape(tags)
    name = {_UNSIGNED: "", _SIGNED: " signed", _FLOAT: " float"}.get(kind, " other")
    return (
        f"{samples} × {bits}-bit{name}, compression {tags.get(_COMPRESSION, (1,))[0]}, "
        f"colours {tags.get(_PHOTOMETRIC, ('?',))[0]}"
    )
