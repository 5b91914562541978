"""Files that the tests need and Pillow alone cannot write. The site itself never writes any of these."""

import struct
import zlib
from functools import cache
from tempfile import NamedTemporaryFile

import numpy as np
import pillow_heif
from PIL import Image, ImageCms

from gallery.imaging import FORMATS

WRITABLE = tuple(kind for kind in FORMATS if kind != "RAW")  # by Pillow and its plugins


def register_writers() -> None:
    """After this, Image.save knows "HEIF" and "JXL"."""
    import pillow_jxl  # noqa: F401 -- importing it registers it

    pillow_heif.register_heif_opener()


def png_start(width_px: int, height_px: int, *, bits: int, colour_type: int) -> bytes:
    """Return the signature and the header, which may promise whatever it likes."""
    header = struct.pack(">IIBBBBB", width_px, height_px, bits, colour_type, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header)


def png_chunk(kind: bytes, body: bytes = b"") -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def lossless_jpeg_xl(jpeg: bytes) -> bytes:
    """Return the JPEG packed as JPEG XL, from which it comes back byte for byte."""
    from pillow_jxl import Encoder

    with NamedTemporaryFile(suffix=".jpg") as file:
        file.write(jpeg)
        file.flush()
        with Image.open(file.name) as image:
            encoder = Encoder(mode=image.mode, lossless=True, quality=100, num_threads=0)
            return bytes(encoder(jpeg, image.width, image.height, jpeg_encode=True))


@cache
def display_p3_profile() -> bytes:
    """Return sRGB's profile with the primaries of Display P3, adapted to D50 as profiles want them."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    columns = {  # of the matrix from Display P3 to XYZ (D50), as Apple's own profile has them
        b"rXYZ": (0.51512, 0.24120, -0.00105),
        b"gXYZ": (0.29198, 0.69225, 0.04189),
        b"bXYZ": (0.15710, 0.06657, 0.78407),
    }
    content = bytearray(profile.replace("sRGB".encode("utf-16-be"), "P3  ".encode("utf-16-be")))
    for entry in range(struct.unpack_from(">I", content, 128)[0]):
        tag, offset, _size = struct.unpack_from(">4sII", content, 132 + 12 * entry)
        if tag in columns:
            struct.pack_into(">3i", content, offset + 8, *np.rint(np.array(columns[tag]) * 65_536).astype(int))
    return bytes(content)
