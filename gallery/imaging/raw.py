"""Camera raw: told by content, shown by the camera's own preview or, without a good one, developed by LibRaw.

A raw file of most cameras is a TIFF whose first page is a thumbnail, so that it must be told from a TIFF by what lies
deeper in it: a directory of sensor data. Source: TIFF/EP (ISO 12234-2), DNG 1.7; for others the first bytes that
LibRaw and ExifTool go by.
"""

from io import BytesIO
from typing import TYPE_CHECKING

from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from gallery.errors import UnsupportedTiff
from gallery.imaging.orientation import UPRIGHT, exif_orientation, turned
from gallery.imaging.tiff import directories
from gallery.imaging.tiff_file import open_tiff

if TYPE_CHECKING:
    from rawpy import RawPy

FULL_SIZE = "full_size"  # in Image.info: (width_px, height_px) of the upright original
SHOWN = "shown"  # in Image.info: what of the file is seen: one of the next two
PREVIEW, DEVELOPED = "preview", "developed"
_STARTS = (
    *(b"IIRO", b"IIRS", b"MMOR", b"IIU\0", b"FUJIFILMCCD-RAW", b"\0MRM", b"FOVb"),  # Olympus, Panasonic, Fuji...
    *(b"II\x1a\0\0\0HEAPCCDR", b"II*\0\x10\0\0\0CR"),  # Canon: CRW, CR2
)
_PHOTOMETRIC = 262
_SENSOR_DATA = (32803, 34892)  # colour filter array, linear raw
_ORIENTATIONS = {3: 3, 5: 8, 6: 6}  # by LibRaw's "flip"
_GOOD_PREVIEW_PX = 640  # longest side from which on a preview is taken for the picture


def is_raw_head(head: bytes) -> bool:
    return head.startswith(_STARTS) or head[4:12] == b"ftypcrx "  # the last is Canon's CR3


def is_raw_tiff(data: bytes) -> bool:
    """Say whether a TIFF holds sensor data; what its tags say about cameras makes none raw."""
    return any(tags.get(_PHOTOMETRIC, (0,))[0] in _SENSOR_DATA for tags in directories(data))


def promised_size(data: bytes) -> tuple[int, int]:
    """Return (width_px, height_px) upright. Raises what LibRaw raises."""
    from rawpy import imread  # noqa: PLC0415 -- LibRaw is loaded in decoder processes only

    with imread(BytesIO(data)) as raw:
        return _upright_size(raw)


def open_raw(file: BytesIO) -> Image.Image:
    """Return the picture upright, with its true size and EXIF data in `info`. Raises what LibRaw raises."""
    from rawpy import imread  # noqa: PLC0415 -- as above

    with imread(BytesIO(file.getvalue())) as raw:
        size = _upright_size(raw)
        preview = _preview(raw, file, size)
        is_good = preview is not None and max(preview.size) >= min(_GOOD_PREVIEW_PX, max(size) // 3)
        picture = preview if preview is not None and is_good else _developed(raw)
    picture.info = {FULL_SIZE: size, SHOWN: PREVIEW if is_good else DEVELOPED, UPRIGHT: True, "exif": _exif(file)}
    return picture


def _upright_size(raw: "RawPy") -> tuple[int, int]:
    width, height = raw.sizes.width, raw.sizes.height
    return (height, width) if raw.sizes.flip in (5, 6) else (width, height)


def _preview(raw: "RawPy", file: BytesIO, size: tuple[int, int]) -> Image.Image | None:
    """Return the largest picture that the camera made, upright; None where there is none that can be read."""
    from rawpy import LibRawError, ThumbFormat  # noqa: PLC0415 -- as above

    try:
        found = raw.extract_thumb()
        if found.format == ThumbFormat.BITMAP:
            return _first_page(file, size)
        with JpegImageFile(BytesIO(found.data)) as opened:
            opened.load()
            said = exif_orientation(opened.info.get("exif", b""))
            return _turned_like(opened.convert("RGB"), max(said, _ORIENTATIONS.get(raw.sizes.flip, 1)), size)
    except (LibRawError, UnsupportedTiff, OSError, SyntaxError, ValueError):
        return None


def _first_page(file: BytesIO, size: tuple[int, int]) -> Image.Image | None:
    """Return the unpacked preview that a raw file in a TIFF begins with, upright.

    LibRaw has it too, but rawpy believes the size that the file says: beyond its end lies memory of the process.
    """
    with open_tiff(BytesIO(file.getvalue())) as page:
        if page.width * page.height > size[0] * size[1]:
            return None
        page.load()
        return page.convert("RGB")


def _turned_like(picture: Image.Image, orientation: int, size: tuple[int, int]) -> Image.Image:
    """Turn a preview, which some cameras store upright already: then it has the shape that it should have."""
    is_quarter = orientation >= 5
    is_like_original = (picture.width > picture.height) == (size[0] > size[1])
    return picture if is_quarter and is_like_original else turned(picture, orientation)


def _developed(raw: "RawPy") -> Image.Image:
    return Image.fromarray(raw.postprocess(half_size=True, use_camera_wb=True))


def _exif(file: BytesIO) -> bytes:
    """Return the whole of a file that is a TIFF, and so EXIF data itself."""
    return file.getvalue() if file.getvalue()[:4] in (b"II*\0", b"MM\0*") else b""
