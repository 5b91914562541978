"""The picture formats that may be opened, how each is told by its first bytes, and what each promises in its header."""

import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

from PIL import AvifImagePlugin, Image
from PIL.AvifImagePlugin import AvifImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile

from gallery.errors import UnsupportedFormat
from gallery.imaging import bmp, jpeg_xl, large, raw, tiff_file, webp
from gallery.imaging.orientation import UPRIGHT

if TYPE_CHECKING:
    from pillow_heif import HeifFile

# Sizes of the header that follows a BMP's first 14 bytes; two letters "BM" alone would also match ordinary text.
_BMP_HEADER_SIZES = (12, 16, 40, 52, 56, 64, 108, 124)
# Neither a stuffed zero, nor a restart (D0 to D7), nor filling: the only markers that may lie inside a scan.
_JPEG_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_MAX_SEGMENTS = 5_000  # a 16 MB depth map in 64 kB segments needs 256; 12 million of 4 bytes took Pillow 22 to 44 s
_MAX_GAP_BYTES = 65_536  # between two header segments, where none is allowed; 50 MB of filling took 66 s
# A progressive JPEG has about ten scans. Each costs a walk over the whole picture, a hostile one only some bytes:
# 100 scans in 0.5 MB kept one core busy for 8 s at 121 million pixels.
_MAX_SCANS = 50
SNIFFED_BYTES = 256  # a HEIC names the kinds of picture that it holds behind its first bytes
_AVIF_BRANDS = {b"avif", b"avis"}
_HEVC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"}


@dataclass(frozen=True, slots=True)
class Format:
    """One format: `open` is its decoder itself, so nothing outside this file's table can ever be tried.

    `name` is kept in the database and told to programs; `label` is what people call it. The first extension is that
    of stored files. `is_shown_by_browsers`: a page can show the original itself.
    """

    name: str
    label: str
    extensions: tuple[str, ...]
    mime_type: str
    open: Callable[[BytesIO], Image.Image]
    starts: Callable[[bytes], bool]
    is_shown_by_browsers: bool = True


def _is_bmp(head: bytes) -> bool:
    return head[:2] == b"BM" and len(head) >= 18 and struct.unpack_from("<I", head, 14)[0] in _BMP_HEADER_SIZES


def _is_webp(head: bytes) -> bool:
    return head[:4] == b"RIFF" and head[8:12] == b"WEBP"


def _prefix(*prefixes: bytes) -> Callable[[bytes], bool]:
    return lambda head: head.startswith(prefixes)


def _brands(head: bytes) -> set[bytes]:
    """Return the kinds that a file of the HEIC and AVIF family names, as far as `head` goes; none for others."""
    if head[4:8] != b"ftyp":
        return set()
    end = min(len(head), struct.unpack_from(">I", head)[0])
    return {head[8:12]} | {head[place : place + 4] for place in range(16, end - 3, 4)}


def _is_avif(head: bytes) -> bool:
    return bool(_brands(head) & _AVIF_BRANDS) and head[8:12] not in _HEVC_BRANDS


def _is_heif(head: bytes) -> bool:
    return bool(_brands(head) & _HEVC_BRANDS) and head[8:12] not in _AVIF_BRANDS


def _open_jpeg(file: BytesIO) -> Image.Image:
    """JpegImageFile, not Pillow's factory: a phone's multi-picture file (MPO) is a JPEG, of which the first is used."""
    if count_jpeg_scans(file.getvalue(), _MAX_SCANS + 1) > _MAX_SCANS:
        raise ValueError(f"more than {_MAX_SCANS} scans")
    return JpegImageFile(file)


def _open_heif(file: BytesIO) -> Image.Image:
    from pillow_heif import open_heif, options  # noqa: PLC0415 -- libheif is loaded in decoder processes only
    from pillow_heif.as_plugin import HeifImageFile  # noqa: PLC0415 -- as above

    options.DECODE_THREADS = 1  # as many pictures as cores are decoded at a time already
    options.DEPTH_IMAGES = options.AUX_IMAGES = False  # never used
    opened: Image.Image = HeifImageFile(file)  # type: ignore[no-untyped-call]
    _restore_exif(opened, open_heif(file))
    return opened


def _restore_exif(opened: Image.Image, file: "HeifFile") -> None:
    """Put back what Pillow's plugin rewrites, the orientation, and say whether the file turns its picture by itself.

    Phones write both and mean one turn; some programs lose the boxes `irot` and `imir` and keep the EXIF data.
    """
    exif = file.info.get("exif")
    if exif:
        opened.info["exif"] = exif
    turns = {kind for kind, *_numbers in file[file.primary_index]._c_image.transformations}
    opened.info[UPRIGHT] = bool(turns & {"irot", "imir"})


def _open_avif(file: BytesIO) -> Image.Image:
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1  # as above; each thread more takes memory for frames of its own
    image = AvifImageFile(file)
    is_large = image.mode == "RGBA" and image.width * image.height > large.LARGE_PX
    return large.with_pixels(image, image._decoder.get_frame(0)[0]) if is_large else image


def _open_jpeg_xl(file: BytesIO) -> Image.Image:
    return jpeg_xl.open_picture(file, open_jpeg=_open_jpeg)


_RAW_EXTENSIONS = (
    ".raw",  # of stored files: what a file is called is its owner's business
    *(".dng", ".cr2", ".cr3", ".crw", ".nef", ".nrw", ".arw", ".srf", ".sr2", ".orf", ".rw2", ".pef", ".raf", ".srw"),
    *(".3fr", ".erf", ".mrw", ".x3f", ".kdc", ".dcr", ".mef", ".mos", ".iiq", ".rwl"),
)
_TABLE = (
    Format("JPEG", "JPEG", (".jpg", ".jpeg", ".jpe", ".jfif"), "image/jpeg", _open_jpeg, _prefix(b"\xff\xd8\xff")),
    Format("PNG", "PNG", (".png", ".apng"), "image/png", PngImageFile, _prefix(b"\x89PNG\r\n\x1a\n")),
    Format("GIF", "GIF", (".gif",), "image/gif", GifImageFile, _prefix(b"GIF87a", b"GIF89a")),
    Format("BMP", "BMP", (".bmp",), "image/bmp", bmp.open_bmp, _is_bmp),
    Format("WEBP", "WebP", (".webp",), "image/webp", webp.open_webp, _is_webp),
    Format(
        "TIFF",
        "TIFF",
        (".tif", ".tiff"),
        "image/tiff",
        tiff_file.open_tiff,
        _prefix(b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"),
        is_shown_by_browsers=False,
    ),
    Format("AVIF", "AVIF", (".avif",), "image/avif", _open_avif, _is_avif),
    Format("HEIF", "HEIC", (".heic", ".heif", ".hif"), "image/heic", _open_heif, _is_heif, is_shown_by_browsers=False),
    Format(
        "JXL", "JPEG XL", (".jxl",), "image/jxl", _open_jpeg_xl, _prefix(*jpeg_xl.STARTS), is_shown_by_browsers=False
    ),
    Format("RAW", "RAW", _RAW_EXTENSIONS, "image/x-dcraw", raw.open_raw, raw.is_raw_head, is_shown_by_browsers=False),
)
_BY_NAME = {known.name: known for known in _TABLE}
FORMATS = tuple(_BY_NAME)
LABELS = {known.name: known.label for known in _TABLE}
EXTENSIONS = {known.name: known.extensions[0] for known in _TABLE}
ALL_EXTENSIONS = tuple(extension for known in _TABLE for extension in known.extensions)
BY_EXTENSION = {extension: known.name for known in _TABLE for extension in known.extensions}
MIME_TYPES = {known.name: known.mime_type for known in _TABLE}
SHOWN_BY_BROWSERS = frozenset(known.name for known in _TABLE if known.is_shown_by_browsers)


def format_named(name: str) -> Format:
    """Raises KeyError."""
    return _BY_NAME[name]


def sniff(data: bytes) -> Format:
    """Return the format of `data` by its content; the file's name is never asked. Raises UnsupportedFormat."""
    head = bytes(data[:SNIFFED_BYTES])
    if raw.is_raw_head(head):
        return _BY_NAME["RAW"]
    for known in _TABLE:
        if known.starts(head):
            return _BY_NAME["RAW"] if known.name == "TIFF" and raw.is_raw_tiff(data) else known
    raise UnsupportedFormat(formats=", ".join(LABELS.values()))


def promised_size(data: bytes, name: str) -> tuple[int, int] | None:
    """Return (width_px, height_px) from the header of a GIF, WebP, TIFF or JPEG XL, None for others.

    Whole canvases may be allocated when these are merely opened, so their size must be known before.
    Raises struct.error or ValueError when the header is cut short.
    """
    if name == "JXL":
        return jpeg_xl.promised_size(data)
    if name == "RAW":
        return raw.promised_size(data)
    if name == "TIFF":
        return tiff_file.promised_size(data)
    if name == "GIF":
        width, height = struct.unpack_from("<HH", data, 6)
        return width, height
    return webp.promised_size(data) if name == "WEBP" else None


def count_gif_frames(data: bytes, stop_after: int) -> int:
    """Return how many pictures a GIF holds, at most `stop_after`, by walking its blocks without decoding any.

    A file that ends early counts as far as it goes: whether its first frame is whole is the decoder's verdict.
    """
    frames = 0
    try:
        position = 13 + _colour_table_bytes(data[10])
        while frames < stop_after and data[position] in (0x21, 0x2C):
            if data[position] == 0x21:  # extension: a label byte, then blocks
                position += 2
            else:  # picture: 9 bytes of header, perhaps a colour table, the code size, then blocks
                frames += 1
                position += 11 + _colour_table_bytes(data[position + 9])
            while size := data[position]:
                position += size + 1
            position += 1
    except IndexError:
        pass
    return frames


def count_jpeg_scans(data: bytes, stop_after: int) -> int:
    """Return how many scans the first picture of a JPEG has, at most `stop_after`, by walking its markers.

    Raises ValueError for a header so long-winded that Pillow, which reads it in Python, would take a minute.
    """
    scans = segments = 0
    position = 2
    while scans < stop_after and (marker := _JPEG_MARKER.search(data, position)):
        kind = data[marker.start() + 1]
        segments += 1
        if segments > _MAX_SEGMENTS or (not scans and marker.start() - position > _MAX_GAP_BYTES):
            raise ValueError("its header has no end")
        if kind == 0xD9 or len(data) < marker.end() + 2:  # end of the picture, or cut short
            break
        scans += kind == 0xDA
        position = marker.end() + struct.unpack_from(">H", data, marker.end())[0]
    return scans


def _colour_table_bytes(flags: int) -> int:
    return 6 << (flags & 0x07) if flags & 0x80 else 0
