"""Numbers of a TIFF as they are stored, where neither Pillow nor tifffile reads them: unpacked by libtiff as bytes.

Pillow's libtiff knows every compression but few kinds of numbers. The file is given another directory, by which each
row is that of a grey picture of bytes; what predictors did is undone here. Source: TIFF 6.0, section 14, and Adobe's
Photoshop TIFF Technical Note 3.
"""

from io import BytesIO
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL.TiffImagePlugin import COMPRESSION_INFO, TiffImageFile

from gallery.imaging.tiff import Tags, with_other_values

_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC, _SAMPLES = 256, 257, 258, 259, 262, 277
_PLANAR, _PREDICTOR, _TILE_WIDTH, _FORMAT = 284, 317, 322, 339
_PLACES = (
    _HEIGHT,
    _COMPRESSION,
    266,
    273,
    278,
    279,
    323,
    324,
    325,
)  # where strips or tiles lie and how they are packed
_DIFFERENCES, _FLOAT_DIFFERENCES = 2, 3
_LOSSLESS = ("raw", "tiff_lzw", "tiff_adobe_deflate", "tiff_deflate", "packbits", "lzma", "zstd")
_LETTERS = {1: "u", 2: "i", 3: "f"}
_Bytes = npt.NDArray[np.uint8]
_Numbers = npt.NDArray[Any]


def can_unpack(tags: Tags) -> bool:
    is_known = COMPRESSION_INFO.get(tags.get(_COMPRESSION, (1,))[0]) in _LOSSLESS
    return is_known and tags.get(_PLANAR, (1,))[0] == 1 and tags.get(_PREDICTOR, (1,))[0] in (1, 2, 3)


def unpacked(file: BytesIO, tags: Tags, *, samples: int, bits: int, kind: int) -> _Numbers:
    """Return (height, width, samples) of the first page, each of whole bytes. Raises OSError where data is missing."""
    width, pixel_bytes = tags[_WIDTH][0], samples * bits // 8
    across = tags.get(_TILE_WIDTH, (width,))[0]
    stored_width = -(-width // across) * across
    plain = {_WIDTH: stored_width * pixel_bytes, _BITS: 8, _PHOTOMETRIC: 1, _SAMPLES: 1, _PREDICTOR: 1, _FORMAT: 1}
    if _TILE_WIDTH in tags:
        plain[_TILE_WIDTH] = across * pixel_bytes
    with TiffImageFile(BytesIO(with_other_values(file.getvalue(), plain, keep=_PLACES))) as opened:
        rows = np.asarray(opened).reshape(-1, across * pixel_bytes)
    order = "<" if file.getvalue()[:2] == b"II" else ">"
    numbers = _numbers(rows, f"{order}{_LETTERS[kind]}{bits // 8}", samples, tags.get(_PREDICTOR, (1,))[0])
    return numbers.reshape(-1, stored_width, samples)[:, :width]


def _numbers(rows: _Bytes, kind: str, samples: int, predictor: int) -> _Numbers:
    """Return the numbers of rows of strips or tiles, one after the other."""
    if predictor == _FLOAT_DIFFERENCES:
        summed = np.add.accumulate(rows.reshape(len(rows), -1, samples), axis=1, dtype=np.uint8)
        planes = summed.reshape(len(rows), int(kind[2:]), -1)  # the highest byte of all numbers first
        return np.ascontiguousarray(planes.transpose(0, 2, 1)).view(f">{kind[1:]}")
    numbers = np.ascontiguousarray(rows).view(kind)
    if predictor != _DIFFERENCES:
        return numbers
    whole = numbers.view(f"{kind[0]}u{kind[2:]}").reshape(len(rows), -1, samples)
    summed = np.add.accumulate(whole, axis=1, dtype=f"u{kind[2:]}")
    return summed.view(f"={kind[1:]}")
