"""Files as real cameras and programs write them, faults included, and what is right for each.

Upright, each shows four quarters: red, green, blue, yellow (`QUARTERS`), unless it says otherwise. `python -m
tests.odd_files` writes the table of docs/odd_files.md: what is expected of each, what came of it.
"""

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO

import numpy as np
import numpy.typing as npt
import tifffile
from PIL import Image

from tests.picture_files import lossless_jpeg_xl, png_chunk, register_writers

register_writers()
Colour = tuple[int, int, int]
Quarters = tuple[Colour, Colour, Colour, Colour]
QUARTERS: Quarters = ((220, 30, 30), (30, 180, 30), (30, 30, 220), (230, 220, 30))
WHITE: Colour = (255, 255, 255)
RAMP: Quarters = ((64, 64, 64), (191, 191, 191), (64, 64, 64), (191, 191, 191))  # black to white, left to right
WIDTH, HEIGHT = SIZE = 160, 100
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'


@dataclass(frozen=True, slots=True)
class Odd:
    """One odd file. `refused` is the code of the error that is right for it, "" where it is to be shown.

    `at` is how far from the nearest edges its quarters are looked at, as a share of width and height.
    """

    name: str
    make: Callable[[], bytes]
    quarters: Quarters = QUARTERS
    size: tuple[int, int] = SIZE
    refused: str = ""
    at: float = 0.25


def picture(size: tuple[int, int] = SIZE) -> Image.Image:
    """Return the four quarters."""
    image = Image.new("RGB", size)
    half = size[0] // 2, size[1] // 2
    for place, colour in zip(((0, 0), (half[0], 0), (0, half[1]), half), QUARTERS, strict=True):
        image.paste(colour, (*place, size[0], size[1]))
    return image


def stored_sideways() -> Image.Image:
    """Return the quarters as a camera held on its side stores them: orientation 6 turns them upright."""
    return picture().transpose(Image.Transpose.ROTATE_90)


def saved(kind: str, image: Image.Image | None = None, **options: object) -> bytes:
    out = BytesIO()
    (image or picture()).save(out, kind, **{"quality": 95} | options)
    return out.getvalue()


def exif(*, orientation: int = 6, kind: int = 3, order: str = "<", count: int = 1) -> bytes:
    """Return EXIF data with one entry, of a directory that may say that it has more."""
    number = struct.pack(order + {1: "B", 3: "H", 4: "I"}[kind], orientation).ljust(4, b"\0")
    start = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8)
    return start + struct.pack(order + "H", count) + struct.pack(order + "HHI", 0x0112, kind, 1) + number + bytes(4)


def segment(marker: int, body: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body


def jpeg(*segments: bytes, image: Image.Image | None = None, **options: object) -> bytes:
    """Return a JPEG with these segments in front."""
    content = saved("JPEG", image, **options)
    return content[:2] + b"".join(segments) + content[2:]


def sideways_jpeg(*segments: bytes) -> bytes:
    return jpeg(*segments, image=stored_sideways())


def png(*chunks: bytes, behind: bytes = b"") -> bytes:
    """Return a PNG with these chunks behind its header, and others behind its pixels."""
    content = saved("PNG")
    return content[:33] + b"".join(chunks) + content[33:-12] + behind + content[-12:]


def wrong(chunk: bytes) -> bytes:
    """Return a chunk of PNG whose checksum is wrong."""
    return chunk[:-1] + bytes([chunk[-1] ^ 0xFF])


def riff(chunk: bytes, body: bytes, *, size: int | None = None) -> bytes:
    return chunk + struct.pack("<I", len(body) if size is None else size) + body + b"\0" * (len(body) % 2)


def webp(*, riff_size: int | None = None, behind: bytes = b"", flags: int = 0) -> bytes:
    """Return a WebP with chunks behind its picture, for which the flags of its header are set."""
    bare = saved("WEBP", lossless=True)[12:]
    size = struct.pack("<I", WIDTH - 1)[:3] + struct.pack("<I", HEIGHT - 1)[:3]
    body = b"WEBP" + riff(b"VP8X", bytes([flags, 0, 0, 0]) + size) + bare + behind
    return riff(b"RIFF", body, size=riff_size)


def webp_of_small_frames(*, alpha: bool) -> bytes:
    """Return an animation whose first frame covers the lower right quarter."""
    image = saved("WEBP", Image.new("RGB", (WIDTH // 2, HEIGHT // 2), QUARTERS[3]), lossless=True)[12:]
    u24 = lambda number: struct.pack("<I", number)[:3]  # noqa: E731
    place = u24(WIDTH // 4) + u24(HEIGHT // 4) + u24(WIDTH // 2 - 1) + u24(HEIGHT // 2 - 1)
    frame = riff(b"ANMF", place + u24(100) + b"\0" + image)
    canvas = riff(b"VP8X", bytes([0x12 if alpha else 0x02, 0, 0, 0]) + u24(WIDTH - 1) + u24(HEIGHT - 1))
    return riff(b"RIFF", b"WEBP" + canvas + riff(b"ANIM", b"\x10\x20\x30\xff\0\0") + frame + frame)


def gif(*, covers: tuple[int, int, int, int], transparent: bool = False, trailer: bool = True) -> bytes:
    """Return a GIF whose first frame covers this box (left, top, right, bottom) of its canvas."""
    whole = picture().quantize(8)
    out = BytesIO()
    whole.crop(covers).save(out, "GIF", **({"transparency": 7} if transparent else {}))
    content = bytearray(out.getvalue())
    content[6:10] = struct.pack("<HH", *SIZE)
    at = content.index(b"\x2c", 13 + (6 << (content[10] & 7)))
    content[at + 1 : at + 5] = struct.pack("<HH", *covers[:2])
    return bytes(content if trailer else content[:-1])


def bmp(*, header: int, alpha: int, masks: tuple[int, ...] = (0xFF0000, 0xFF00, 0xFF, 0xFF000000)) -> bytes:
    """Return a BMP of 32 bits with this size of header and this alpha everywhere."""
    values = np.dstack([np.asarray(picture())[::-1, :, ::-1], np.full((HEIGHT, WIDTH), alpha, np.uint8)]).tobytes()
    extra = (struct.pack("<4I", *masks) + b"BGRs" + bytes(64))[: header - 40]
    start = 14 + header
    facts = struct.pack("<IiiHHIIiiII", header, WIDTH, HEIGHT, 1, 32, 3, len(values), 2835, 2835, 0, 0)
    return b"BM" + struct.pack("<IHHI", start + len(values), 0, 0, start) + facts + extra + values


def bmp_of_nibbles(*, alpha: int) -> bytes:
    """Return a BMP of four bits for each colour and for alpha."""
    red, green, blue = (np.asarray(picture())[::-1].astype(np.uint16) >> 4).transpose(2, 0, 1)
    values = (red << 8 | green << 4 | blue | alpha << 12).astype("<u2").tobytes()
    facts = struct.pack("<IiiHHIIiiII", 108, WIDTH, HEIGHT, 1, 16, 3, len(values), 2835, 2835, 0, 0)
    masks = struct.pack("<4I", 0xF00, 0xF0, 0xF, 0xF000) + b"BGRs" + bytes(48)
    return b"BM" + struct.pack("<IHHI", 122 + len(values), 0, 0, 122) + facts + masks + values


def tiff(values: npt.NDArray[np.generic], **options: object) -> bytes:
    out = BytesIO()
    tifffile.imwrite(out, values, **options)
    return out.getvalue()


def ramp(top: float = 1.0, kind: str = "f4", bottom: float = 0.0) -> npt.NDArray[np.generic]:
    return np.tile(np.linspace(bottom, top, WIDTH), (HEIGHT, 1)).astype(kind)


def colours(top: float = 1.0, kind: str = "f4") -> npt.NDArray[np.generic]:
    """Return the quarters as numbers up to `top`: (height, width, 3)."""
    return (np.asarray(picture()) / 255 * top).astype(kind)


def with_one(values: npt.NDArray[np.generic], number: float) -> npt.NDArray[np.generic]:
    """Return the values with one that is far out, or none at all."""
    changed = values.copy()
    changed[3, 5] = number
    return changed


def with_many(values: npt.NDArray[np.generic], number: float, count: int) -> npt.NDArray[np.generic]:
    """Return the values with this number at the first places."""
    changed = values.copy()
    changed.reshape(WIDTH * HEIGHT, -1)[:count] = number
    return changed


def tiff_with_alpha(values: npt.NDArray[np.generic], opaque: int) -> bytes:
    alpha = np.full(SIZE[::-1], opaque, values.dtype)
    photometric = "rgb" if values.ndim == 3 else "minisblack"
    return tiff(np.dstack([values, alpha]), photometric=photometric, extrasamples=["unassalpha"])


def packed_tiff(values: npt.NDArray[np.generic], compression: str, *, predictor: int = 1) -> bytes:
    """Return a TIFF of these numbers as libtiff packs their bytes, with the differences that a predictor leaves."""
    height, width, samples = values.shape
    rows = _differences(values, predictor).view(np.uint8).reshape(height, -1)
    out = BytesIO()
    Image.fromarray(rows).save(out, "TIFF", compression=compression)
    content = out.getvalue()
    with tifffile.TiffFile(BytesIO(content)) as opened:
        page = opened.pages.first
        strips, sizes, height_of_strip = page.dataoffsets, page.databytecounts, page.rowsperstrip
    bits, kind = values.dtype.itemsize * 8, {"u": 1, "f": 3}[values.dtype.kind]
    at = len(content) + len(content) % 2
    entries: list[tuple[int, int, tuple[int, ...] | bytes]] = [
        *((256, 4, (width,)), (257, 4, (height,)), (258, 3, (bits,) * samples), (259, 3, (int(page.compression),))),
        *((262, 3, (2 if samples > 1 else 1,)), (273, 4, tuple(strips)), (277, 3, (samples,))),
        *((278, 4, (height_of_strip,)), (279, 4, tuple(sizes)), (317, 3, (predictor,)), (339, 3, (kind,) * samples)),
    ]
    return (b"II*\0" + struct.pack("<I", at) + content[8:]).ljust(at, b"\0") + directory(entries, at)


def _differences(values: npt.NDArray[np.generic], predictor: int) -> npt.NDArray[np.generic]:
    """Return what predictor 2 (numbers) or 3 (bytes of floats, the highest of all first) leaves of each row."""
    if predictor == 1:
        return values
    numbers = values
    if predictor == 3:
        height, width, samples = values.shape
        planes = values.astype(values.dtype.newbyteorder(">")).view(np.uint8).reshape(height, width * samples, -1)
        numbers = planes.transpose(0, 2, 1).reshape(height, -1, samples)
    return np.diff(numbers, axis=1, prepend=np.zeros_like(numbers[:, :1]))


def tiff_with_broken_tag() -> bytes:
    """Return a TIFF whose last tag, a private one, promises four thousand million numbers elsewhere."""
    content = bytearray(tiff(colours(255, "u1"), photometric="rgb", extratags=[(65_000, 4, 1, 7, True)]))
    at = content.index(struct.pack("<HH", 65_000, 4))
    content[at + 4 : at + 12] = struct.pack("<II", 0xFFFFFFF0, 0xFFFFFF00)
    return bytes(content)


def tiff_with_lost_next_page() -> bytes:
    """Return a TIFF of one page that says there is another, far behind its end."""
    content = bytearray(tiff(colours(255, "u1"), photometric="rgb"))
    (start,) = struct.unpack_from("<I", content, 4)
    (count,) = struct.unpack_from("<H", content, start)
    struct.pack_into("<I", content, start + 2 + 12 * count, 0x7FFFFFF0)
    return bytes(content)


def directory(entries: list[tuple[int, int, tuple[int, ...] | bytes]], at: int, order: str = "<") -> bytes:
    """Return a TIFF directory for the place `at`, its longer values behind it. Kinds: 1 byte, 2 text, 3, 4."""
    letters = {1: "B", 3: "H", 4: "I", 5: "I"}
    behind, rows = b"", b""
    first_behind = at + 2 + 12 * len(entries) + 4
    for tag, kind, values in sorted(entries):
        body = values if isinstance(values, bytes) else struct.pack(f"{order}{len(values)}{letters[kind]}", *values)
        count = len(values) // (2 if kind == 5 else 1)
        if len(body) > 4:
            rows += struct.pack(order + "HHII", tag, kind, count, first_behind + len(behind))
            behind += body + b"\0" * (len(body) % 2)
        else:
            rows += struct.pack(order + "HHI", tag, kind, count) + body.ljust(4, b"\0")
    return struct.pack(order + "H", len(entries)) + rows + bytes(4) + behind


def tiff_turned_by_a_byte() -> bytes:
    pixels = stored_sideways().tobytes()
    size: list[tuple[int, int, tuple[int, ...] | bytes]] = [(256, 4, (HEIGHT,)), (257, 4, (WIDTH,))]
    where = [(273, 4, (8,)), (277, 3, (3,)), (278, 4, (WIDTH,)), (279, 4, (len(pixels),)), (274, 1, bytes([6]))]
    kind = [(258, 3, (8, 8, 8)), (259, 3, (1,)), (262, 3, (2,))]
    at = 8 + len(pixels)
    return b"II*\0" + struct.pack("<I", at) + pixels + directory([*size, *kind, *where], at)


def raw_file(
    *,
    orientation: int = 1,
    preview: bool = True,
    make: bytes = b"Maker\0",
    dng: bool = True,
    size: tuple[int, int] = (320, 200),
    plain_width: int = 0,
) -> bytes:
    """Return a DNG (or what a camera of old writes): sensor data of this size, a preview of 160 x 100.

    The preview is a JPEG, or with a `plain_width` unpacked pixels that say they are so wide.
    """
    thumbnail = picture().tobytes() if plain_width else saved("JPEG") if preview else b""
    sensor = sensor_data(size)
    pixels_at, sensor_at = 8, 8 + len(thumbnail) + len(thumbnail) % 2
    sub_at = sensor_at + len(sensor)
    sub = directory(
        [
            *(
                (254, 4, (0,)),
                (256, 4, (size[0],)),
                (257, 4, (size[1],)),
                (258, 3, (16,)),
                (259, 3, (1,)),
                (262, 3, (32803,)),
            ),
            *((273, 4, (sensor_at,)), (277, 3, (1,)), (278, 4, (size[1],)), (279, 4, (len(sensor),))),
            *((33421, 3, (2, 2)), (33422, 1, bytes([0, 1, 1, 2])), (50717, 4, (4095,))),
        ],
        sub_at,
    )
    main_at = sub_at + len(sub) + len(sub) % 2
    compression, photometric = (1, 2) if plain_width else (7, 6)
    shown = [
        *((254, 4, (1,)), (256, 4, (plain_width or WIDTH,)), (257, 4, (HEIGHT,)), (258, 3, (8, 8, 8))),
        *((259, 3, (compression,)), (262, 3, (photometric,)), (273, 4, (pixels_at,)), (277, 3, (3,))),
        *((278, 4, (HEIGHT,)), (279, 4, (len(thumbnail),))),
    ]
    facts: list[tuple[int, int, tuple[int, ...] | bytes]] = [
        *((271, 2, make), (272, 2, make), (274, 3, (orientation,)), (330, 4, (sub_at,))),
        *((50706, 1, bytes([1, 4, 0, 0])), (50708, 2, make)) * dng,
        *(shown if preview else [(254, 4, (1,))]),
        (50721, 5, (1, 1, 0, 1, 0, 1, 0, 1, 1, 1, 0, 1, 0, 1, 0, 1, 1, 1)),
    ]
    start = b"II*\0" + struct.pack("<I", main_at)
    body = (start + thumbnail).ljust(sensor_at, b"\0") + sensor
    return (body + sub).ljust(main_at, b"\0") + directory(facts, main_at)


def sensor_data(size: tuple[int, int]) -> bytes:
    """Return what a sensor behind a Bayer filter sees of the quarters: numbers of 12 bits in 16."""
    seen = np.asarray(picture(size)).astype(np.uint16) * 16
    mosaic = seen[..., 1].copy()
    mosaic[::2, ::2] = seen[::2, ::2, 0]
    mosaic[1::2, 1::2] = seen[1::2, 1::2, 2]
    return mosaic.astype("<u2").tobytes()


def heic_without_box() -> bytes:
    content = saved("HEIF", stored_sideways(), exif=exif()).replace(b"irot", b"free")
    start = content.rindex(b"II*\0") + 18  # its writer put an upright orientation there and the turn into the box
    return content[:start] + struct.pack("<H", 6) + content[start + 2 :]


def isobmff_with_broken_exif(kind: str) -> bytes:
    """Return a HEIC or AVIF whose EXIF item is noise."""
    content = saved(kind, exif=exif(orientation=1) + b"here I am" * 9)
    start = max(content.rfind(b"II*\0"), content.rfind(b"MM\0*"))
    return content[:start] + b"\xff" * 100 + content[start + 100 :]


def heic_cut_in_exif() -> bytes:
    content = saved("HEIF", exif=exif(orientation=1))
    return content[: content.rindex(b"II*\0") + 10]


def long_text(kind: bytes) -> bytes:
    """Return a chunk of PNG with 8 MB of text in few bytes."""
    text = zlib.compress(b"a" * 8_000_000)
    head = {b"zTXt": b"Note\0\0", b"iTXt": b"Note\0\1\0\0\0", b"iCCP": b"Profile\0\0"}[kind]
    return png_chunk(kind, head + text)


def png_cut(behind: bytes, *, by: int) -> bytes:
    """Return a PNG cut by some bytes, all of its rows complete, with something else behind."""
    content = saved("PNG")
    return content[: len(content) - by] + behind


def jpeg_cut(by: int, **options: object) -> bytes:
    content = saved("JPEG", **options)
    return content[: len(content) - by]


def endless(*, thumbnail: bytes = b"") -> bytes:
    """Return a JPEG with a segment that says it goes on behind the end of the file."""
    content = saved("JPEG")
    return content[:2] + b"\xff\xef\xff\xf0words" + thumbnail + content[2:]


def small_jpeg() -> bytes:
    return saved("JPEG", Image.new("RGB", (40, 30)))


def half(content: bytes) -> bytes:
    return content[: len(content) // 2]


def black_on_white() -> bytes:
    """Return grey of 16 bits whose zero is white."""
    return tiff(65_535 - ramp(65_535, "u2"), photometric="miniswhite")


CLEAR_BUT_LAST: Quarters = (WHITE, WHITE, WHITE, QUARTERS[3])
ON_ITS_SIDE: Quarters = (QUARTERS[2], QUARTERS[0], QUARTERS[3], QUARTERS[1])
GREY: Quarters = ((87, 87, 87), (118, 118, 118), (52, 52, 52), (201, 201, 201))
DARK: Quarters = ((0, 0, 0), (1, 1, 1), (0, 0, 0), (1, 1, 1))
EXIF = b"Exif\0\0"
XMP_SEGMENT = segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + XMP)
RIGHT_BOTTOM = (WIDTH // 2, HEIGHT // 2, WIDTH, HEIGHT)
BROKEN, UNSUPPORTED = "broken_picture", "unsupported_tiff"


def without_last_scan() -> bytes:
    content = saved("JPEG", progressive=True)
    return content[: content.rindex(b"\xff\xda")]


def png_of_wrong_pixels() -> bytes:
    content = bytearray(saved("PNG"))
    content[content.index(b"IDAT") + 30] ^= 0xFF
    return bytes(content)


def sideways_png() -> bytes:
    content = saved("PNG", stored_sideways())
    return content[:-12] + png_chunk(b"eXIf", exif()) + content[-12:]


def tiff_in_planes(top: float, kind: str) -> bytes:
    return tiff(np.moveaxis(colours(top, kind), -1, 0), photometric="rgb", planarconfig="separate")


def cut_in_its_pixels(tiff_file: bytes) -> bytes:
    """Return a TIFF whose directory is there and whose first strip has nothing but zeros in its second half."""
    with tifffile.TiffFile(BytesIO(tiff_file)) as opened:
        start, size = opened.pages.first.dataoffsets[0], opened.pages.first.databytecounts[0]
    return tiff_file[: start + size // 2] + bytes(size - size // 2) + tiff_file[start + size :]


FIVE = {"photometric": "minisblack", "planarconfig": "contig"}
LZW, DEFLATE = "tiff_lzw", "tiff_adobe_deflate"
SIXTEEN = (281, 3, 1, 65_535, True)  # MaxSampleValue
ODD_FILES = (
    # Faults that lie outside of the pixels
    Odd("JPEG without its end mark", lambda: jpeg_cut(2)),
    Odd("grey JPEG without its end mark", lambda: saved("JPEG", picture().convert("L"))[:-2], GREY),
    Odd("CMYK JPEG without its end mark", lambda: saved("JPEG", picture().convert("CMYK"))[:-2]),
    Odd("JPEG without the last byte", lambda: jpeg_cut(1)),
    Odd("progressive JPEG without its end mark", lambda: jpeg_cut(2, progressive=True)),
    Odd("JPEG without its end mark, zeros behind", lambda: jpeg_cut(2) + bytes(512)),
    Odd("JPEG with rubbish behind", lambda: saved("JPEG") + b"\xff\xd8rubbish" * 9),
    Odd("JPEG without its end mark, another behind", lambda: jpeg_cut(2) + small_jpeg()),
    Odd("JPEG with a segment without end", endless),
    Odd("JPEG with a segment without end, thumbnail in it", lambda: endless(thumbnail=small_jpeg())),
    Odd("JPEG cut in its thumbnail", lambda: jpeg(segment(0xE1, bytes(99) + small_jpeg()))[:500], refused=BROKEN),
    Odd("JPEG with a broken colour profile", lambda: jpeg(segment(0xE2, b"ICC_PROFILE\0\1\1" + b"\xff" * 40))),
    Odd("JPEG with part 1 of a profile of 2", lambda: jpeg(segment(0xE2, b"ICC_PROFILE\0\1\2" + bytes(40)))),
    Odd("JPEG with broken Photoshop data", lambda: jpeg(segment(0xED, b"Photoshop 3.0\x008BIM\x04\x04\xff\xff\xff"))),
    Odd("JPEG with a broken JFIF header", lambda: jpeg(segment(0xE0, b"JFIF\0\1"))),
    Odd("JPEG with a broken Adobe segment", lambda: jpeg(segment(0xEE, b"Adobe"))),
    Odd("JPEG with EXIF data of noise", lambda: jpeg(segment(0xE1, EXIF + b"\xff" * 64))),
    Odd("JPEG cut by half", lambda: half(saved("JPEG")), refused=BROKEN),
    Odd("JPEG cut by 40 bytes", lambda: jpeg_cut(40), refused=BROKEN),
    Odd("progressive JPEG without its last scan", without_last_scan, refused=BROKEN),
    Odd("PNG with 8 MB in zTXt", lambda: png(long_text(b"zTXt"))),
    Odd("PNG with 8 MB in iTXt behind the pixels", lambda: png(behind=long_text(b"iTXt"))),
    Odd("PNG with 8 MB in iCCP", lambda: png(long_text(b"iCCP"))),
    Odd("PNG with a broken iCCP", lambda: png(png_chunk(b"iCCP", b"Profile\0\0rubbish"))),
    Odd("PNG, wrong checksum of tEXt", lambda: png(wrong(png_chunk(b"tEXt", b"Title\0x")))),
    Odd("PNG, wrong checksum of pHYs", lambda: png(wrong(png_chunk(b"pHYs", bytes(9))))),
    Odd("PNG, wrong checksum of tEXt behind", lambda: png(behind=wrong(png_chunk(b"tEXt", b"Title\0x")))),
    Odd("PNG with a short pHYs", lambda: png(png_chunk(b"pHYs", b"\0"))),
    Odd("PNG with a short gAMA", lambda: png(png_chunk(b"gAMA", b"\0"))),
    Odd("PNG, wrong checksum of tRNS", lambda: png(wrong(png_chunk(b"tRNS", bytes(6))))),
    Odd("PNG cut in the sum of its rows", lambda: png_cut(b"", by=18)),
    Odd("PNG without IEND", lambda: png_cut(b"", by=12)),
    Odd("PNG cut in IEND", lambda: png_cut(b"", by=7)),
    Odd("PNG cut in the checksum of its pixels", lambda: png_cut(b"", by=14)),
    Odd("PNG, wrong checksum of IEND", lambda: png_cut(b"\0\0\0\0", by=4)),
    Odd("PNG cut by half", lambda: half(saved("PNG")), refused=BROKEN),
    Odd("PNG, wrong checksum of its pixels", png_of_wrong_pixels, refused=BROKEN),
    Odd("GIF without its end mark", lambda: gif(covers=(0, 0, *SIZE), trailer=False)),
    Odd("GIF cut by half", lambda: half(saved("GIF")), refused=BROKEN),
    Odd("WebP that says it is longer", lambda: webp(riff_size=100_000)),
    Odd("WebP that says it is shorter", lambda: webp(riff_size=60)),
    Odd("WebP with a cut EXIF chunk", lambda: webp(behind=riff(b"EXIF", b"II*\0", size=900), flags=0x08)),
    Odd("WebP with EXIF data of noise", lambda: webp(behind=riff(b"EXIF", b"\xff" * 64), flags=0x08)),
    Odd("WebP that promises XMP and has none", lambda: webp(flags=0x04)),
    Odd("WebP cut by half", lambda: half(saved("WEBP")), refused=BROKEN),
    Odd("TIFF with a broken private tag", tiff_with_broken_tag),
    Odd("TIFF whose next page is lost", tiff_with_lost_next_page),
    Odd("TIFF cut by half", lambda: half(saved("TIFF")), refused=BROKEN),
    Odd("HEIC with EXIF data of noise", lambda: isobmff_with_broken_exif("HEIF")),
    Odd("HEIC cut in its EXIF data", heic_cut_in_exif),
    Odd("AVIF with EXIF data of noise", lambda: isobmff_with_broken_exif("AVIF")),
    Odd("HEIC cut by half", lambda: half(saved("HEIF")), refused=BROKEN),
    Odd("BMP without the padding of its last row", lambda: saved("BMP", picture((161, 100)))[:-1], size=(161, 100)),
    # Orientation
    Odd("JPEG, orientation as 32 bits", lambda: sideways_jpeg(segment(0xE1, EXIF + exif(kind=4)))),
    Odd("JPEG, orientation as a byte", lambda: sideways_jpeg(segment(0xE1, EXIF + exif(kind=1)))),
    Odd("JPEG, orientation in big-endian order", lambda: sideways_jpeg(segment(0xE1, EXIF + exif(order=">")))),
    Odd("JPEG, XMP in front of EXIF data", lambda: sideways_jpeg(XMP_SEGMENT, segment(0xE1, EXIF + exif()))),
    Odd("JPEG, EXIF header three times", lambda: sideways_jpeg(segment(0xE1, EXIF * 3 + exif()))),
    Odd("JPEG, EXIF directory of 60,000", lambda: sideways_jpeg(segment(0xE1, EXIF + exif(count=60_000)))),
    Odd("JPEG, orientation 0", lambda: jpeg(segment(0xE1, EXIF + exif(orientation=0)))),
    Odd("JPEG, orientation 9", lambda: jpeg(segment(0xE1, EXIF + exif(orientation=9)))),
    Odd("JPEG, orientation in XMP only", lambda: jpeg(XMP_SEGMENT)),
    Odd("PNG, orientation in XMP only", lambda: saved("PNG", xmp=XMP)),
    Odd("TIFF, orientation in XMP only", lambda: tiff(colours(255, "u1"), extratags=[(700, 1, len(XMP), XMP, True)])),
    Odd("WebP, EXIF directory of 60,000", lambda: saved("WEBP", stored_sideways(), exif=exif(count=60_000))),
    Odd("PNG, EXIF data behind the pixels", sideways_png),
    Odd("HEIC, orientation in EXIF data alone", heic_without_box),
    Odd("HEIC, orientation in both", lambda: saved("HEIF", stored_sideways(), exif=exif())),
    Odd("AVIF, orientation in its box", lambda: saved("AVIF", stored_sideways(), exif=exif())),
    Odd("JPEG XL, EXIF data beside its own header", lambda: saved("JXL", exif=exif())),
    Odd("JPEG XL of a JPEG", lambda: lossless_jpeg_xl(sideways_jpeg(segment(0xE1, EXIF + exif())))),
    Odd("TIFF, orientation as a byte", tiff_turned_by_a_byte),
    # Camera raw
    Odd("DNG with a preview", raw_file, size=(320, 200)),
    Odd("DNG on its side", lambda: raw_file(orientation=6), ON_ITS_SIDE, (200, 320)),
    Odd("DNG with an unpacked preview", lambda: raw_file(plain_width=WIDTH), size=(320, 200)),
    Odd("raw in a TIFF that is no DNG", lambda: raw_file(dng=False, make=b"NIKON CORPORATION\0"), size=(320, 200)),
    Odd("raw cut in its sensor data", lambda: half(raw_file()), refused=BROKEN),
    Odd("TIFF of a camera, no raw", lambda: tiff(colours(255, "u1"), extratags=[(271, 2, 0, "NIKON", True)])),
    # Deep and floating numbers
    Odd("TIFF grey, 10 bits in 16", lambda: tiff(ramp(1023, "u2")), RAMP),
    Odd("TIFF grey, 12 bits in 16", lambda: tiff(ramp(4095, "u2")), RAMP),
    Odd("TIFF grey, 14 bits in 16, big-endian", lambda: tiff(ramp(16_383, "u2"), byteorder=">"), RAMP),
    Odd("TIFF grey, 16 bits", lambda: tiff(ramp(65_535, "u2")), RAMP),
    Odd("TIFF grey, dark but said to be of 16 bits", lambda: tiff(ramp(400, "u2"), extratags=[SIXTEEN]), DARK),
    Odd("TIFF colours, 12 bits in 16", lambda: tiff(colours(4095, "u2"), photometric="rgb")),
    Odd("TIFF colours, 16 bits in planes", lambda: tiff_in_planes(65_535, "u2")),
    Odd("TIFF grey, 16 bits, zero is white", black_on_white, RAMP),
    Odd("TIFF grey, 32 bits unsigned", lambda: tiff(ramp(4e9, "u4")), RAMP),
    Odd("TIFF grey, floats, one hot pixel", lambda: tiff(with_one(ramp(), 1e9)), RAMP),
    Odd("TIFF grey, floats, one lost as -9999", lambda: tiff(with_one(ramp(), -9999)), RAMP),
    Odd("TIFF grey, floats, NaN and infinity", lambda: tiff(with_one(with_one(ramp(), np.nan), np.inf)), RAMP),
    Odd("TIFF grey, floats of 64 bits", lambda: tiff(ramp(1, "f8")), RAMP),
    Odd("TIFF colours, floats of 32 bits", lambda: tiff(colours(), photometric="rgb")),
    Odd("TIFF colours, floats of 16 bits, Deflate", lambda: tiff(colours(1, "f2"), photometric="rgb", compression=8)),
    Odd("TIFF colours, floats in planes", lambda: tiff_in_planes(1, "f4")),
    Odd("TIFF colours and alpha, 12 bits in 16", lambda: tiff_with_alpha(colours(4095, "u2"), 4095)),
    Odd("TIFF grey and alpha, 12 bits in 16", lambda: tiff_with_alpha(ramp(4095, "u2"), 4095), RAMP),
    Odd("TIFF colours, 32 bits unsigned", lambda: tiff(colours(2**32 - 1, "u4"), photometric="rgb")),
    Odd("TIFF colours, floats up to 255", lambda: tiff(colours(255), photometric="rgb")),
    Odd("TIFF colours, floats, one a little above 1", lambda: tiff(with_one(colours(), 1.02), photometric="rgb")),
    Odd("TIFF colours, floats, one below 0", lambda: tiff(with_one(colours(), -0.01), photometric="rgb")),
    Odd("TIFF colours, floats, a bright light", lambda: tiff(with_many(colours(), 40, 100), photometric="rgb")),
    Odd("TIFF grey, floats, 30 hot pixels", lambda: tiff(with_many(ramp(), 1e6, 30)), RAMP),
    Odd("TIFF grey, floats, a tenth not measured", lambda: tiff(with_many(ramp(), -3.4e38, 1600)), RAMP),
    Odd("TIFF grey, signed, a tenth not measured", lambda: tiff(with_many(ramp(900, "i2"), -32768, 1600)), RAMP),
    Odd("TIFF colours, 12 bits in 16, LZW", lambda: packed_tiff(colours(4095, "u2"), LZW)),
    Odd("TIFF colours, 12 bits in 16, LZW of differences", lambda: packed_tiff(colours(4095, "u2"), LZW, predictor=2)),
    Odd("TIFF colours, 16 bits, LZW of differences", lambda: packed_tiff(colours(65_535, "u2"), LZW, predictor=2)),
    Odd("TIFF colours, floats, LZW", lambda: packed_tiff(colours(), LZW)),
    Odd("TIFF colours, floats, Deflate of differences", lambda: packed_tiff(colours(), DEFLATE, predictor=3)),
    Odd("TIFF colours, floats, LZW of differences", lambda: packed_tiff(colours(), LZW, predictor=3)),
    Odd("TIFF colours, floats of 64 bits, Zstandard", lambda: packed_tiff(colours(1, "f8"), "zstd")),
    Odd("TIFF colours, floats, LZW, cut", lambda: cut_in_its_pixels(packed_tiff(colours(), LZW)), refused=BROKEN),
    Odd("TIFF of five channels", lambda: tiff(np.zeros((9, 9, 5), "u1"), **FIVE), refused=UNSUPPORTED),
    Odd("TIFF of complex numbers", lambda: tiff(ramp(1, "c8")), refused=UNSUPPORTED),
    Odd("TIFF colours, floats, cut", lambda: tiff(colours(), photometric="rgb")[:-9000], refused=BROKEN),
    # Transparency and canvases
    Odd("BMP V3, alpha 0 everywhere", lambda: bmp(header=56, alpha=0)),
    Odd("BMP V4, alpha 0 everywhere", lambda: bmp(header=108, alpha=0)),
    Odd("BMP V5, alpha 255 everywhere", lambda: bmp(header=124, alpha=255)),
    Odd("BMP of 16 bits, 4 for each colour", lambda: bmp_of_nibbles(alpha=15)),
    Odd("BMP of 16 bits, alpha 0 everywhere", lambda: bmp_of_nibbles(alpha=0)),
    Odd("BMP of 16 bits, cut", lambda: bmp_of_nibbles(alpha=15)[:-9000], refused=BROKEN),
    Odd("GIF, first frame in a corner", lambda: gif(covers=RIGHT_BOTTOM), CLEAR_BUT_LAST),
    Odd("GIF, transparent frame in a corner", lambda: gif(covers=RIGHT_BOTTOM, transparent=True), CLEAR_BUT_LAST),
    Odd("WebP, first frame in a corner", lambda: webp_of_small_frames(alpha=False), CLEAR_BUT_LAST),
    Odd("WebP, first frame in a corner, alpha", lambda: webp_of_small_frames(alpha=True), CLEAR_BUT_LAST),
)  # fmt: skip
