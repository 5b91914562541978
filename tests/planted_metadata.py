"""Pictures of every format with things planted in every place that can hold them: none of it may reach a stranger.

Each text has PLANTED in it, the position is the number of `LATITUDE` as EXIF writes it.
"""

import struct
import zlib
from functools import cache
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image, ImageDraw
from PIL.JpegImagePlugin import JpegImageFile

from tests.picture_files import display_p3_profile, lossless_jpeg_xl, png_chunk, register_writers

LATITUDE = struct.pack("<6I", 48, 1, 51, 1, 29_987, 1_000)
LATITUDE_TURNED = struct.pack(">6I", 48, 1, 51, 1, 29_987, 1_000)
WORD = b"PLANTED"
TURNED = 6  # orientation
SIZE_PX = (96, 64)
XMP = (
    b'<?xpacket begin=""?><x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF>'
    b'<rdf:Description exif:GPSLatitude="48,51.5N PLANTED"'
    b' aux:SerialNumber="PLANTED-XMP-SERIAL"/></rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
)
VIDEO = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom\0\0\0\x32moov\0\0\0\x2audta\0\0\0\x22\xa9xyz+48.8583+002.2945/PLANTED\0"


def is_told(content: bytes) -> list[str]:
    """Return what of the planted things can be read in these bytes."""
    told = {"text": WORD, "wide text": WORD.decode().encode("utf-16-le"), "<": LATITUDE, ">": LATITUDE_TURNED}
    return [name for name, secret in told.items() if secret in content]


def drawing(mode: str = "RGB") -> Image.Image:
    """Return four quarters, so that every turn of it looks different."""
    image = Image.new("RGB", SIZE_PX, "red")
    draw = ImageDraw.Draw(image)
    draw.rectangle((48, 0, 95, 31), "green")
    draw.rectangle((0, 32, 47, 63), "blue")
    draw.rectangle((48, 32, 95, 63), "yellow")
    if mode == "RGBA":
        image.putalpha(Image.linear_gradient("L").resize(SIZE_PX))
    return image.convert(mode)


def exif(orientation: int = TURNED, *, order: str = "<") -> bytes:
    """Return EXIF data without its header: position, serial numbers, owner, maker note and a thumbnail."""
    camera = [
        (271, 2, b"PLANTED-MAKE\0"),
        (274, 3, struct.pack(order + "H", orientation)),
        (315, 2, b"PLANTED-ARTIST\0"),
        (33432, 2, b"PLANTED-COPYRIGHT\0"),
        (40093, 1, "PLANTED".encode("utf-16-le")),
    ]
    photo = [
        (37500, 7, b"PLANTED-MAKER-NOTE"),
        (37510, 7, b"ASCII\0\0\0PLANTED-COMMENT"),
        (42032, 2, b"PLANTED-OWNER\0"),
        (42033, 2, b"PLANTED-BODY-SERIAL\0"),
        (42037, 2, b"PLANTED-LENS-SERIAL\0"),
    ]
    latitude = LATITUDE if order == "<" else LATITUDE_TURNED
    place = [(1, 2, b"N\0"), (2, 5, latitude), (3, 2, b"E\0"), (4, 5, latitude), (27, 7, b"PLANTED-METHOD")]
    thumbnail = jpeg_bytes(comment=b"PLANTED-THUMBNAIL")
    start = 8
    size = _directory_bytes(camera, links=2)
    photo_at = start + size
    place_at = photo_at + _directory_bytes(photo)
    small_at = place_at + _directory_bytes(place)
    small: list[Any] = [(513, 4, b""), (514, 4, struct.pack(order + "I", len(thumbnail)))]
    after_small = small_at + 2 + 12 * len(small) + 4
    small[0] = (513, 4, struct.pack(order + "I", after_small))
    links = [(34665, 4, struct.pack(order + "I", photo_at)), (34853, 4, struct.pack(order + "I", place_at))]
    return b"".join(
        [
            struct.pack(order + "2sHI", b"II" if order == "<" else b"MM", 42, start),
            _directory(camera + links, start, order, following=small_at),
            _directory(photo, photo_at, order),
            _directory(place, place_at, order),
            _directory(small, small_at, order),
            thumbnail,
        ]
    )


def _directory_bytes(entries: list[Any], *, links: int = 0) -> int:
    values = sum(len(value) + len(value) % 2 for _tag, _kind, value in entries if len(value) > 4)
    return 2 + 12 * (len(entries) + links) + 4 + values


def _directory(entries: list[Any], start: int, order: str, *, following: int = 0) -> bytes:
    sizes = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 7: 1}
    place = start + 2 + 12 * len(entries) + 4
    table, values = b"", b""
    for tag, kind, value in sorted(entries):
        count = len(value) // sizes[kind]
        if len(value) <= 4:
            table += struct.pack(order + "HHI", tag, kind, count) + value.ljust(4, b"\0")
        else:
            table += struct.pack(order + "HHII", tag, kind, count, place + len(values))
            values += value + b"\0" * (len(value) % 2)
    return struct.pack(order + "H", len(entries)) + table + struct.pack(order + "I", following) + values


# JPEG


def jpeg_bytes(*, comment: bytes = b"", mode: str = "RGB", **options: Any) -> bytes:
    out = BytesIO()
    drawing(mode).save(out, "JPEG", **{"quality": 95, "subsampling": 0} | options)
    content = out.getvalue()
    return content[:2] + jpeg_segment(0xFE, comment) + content[2:] if comment else content


def jpeg_segment(kind: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, kind, len(body) + 2) + body


JPEG_SEGMENTS = {
    "EXIF": jpeg_segment(0xE1, b"Exif\0\0" + exif()),
    "EXIF, big-endian": jpeg_segment(0xE1, b"Exif\0\0" + exif(order=">")),
    "EXIF with two headers": jpeg_segment(0xE1, b"Exif\0\0Exif\0\0" + exif()),
    "XMP": jpeg_segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + XMP),
    "extended XMP": jpeg_segment(
        0xE1, b"http://ns.adobe.com/xmp/extension/\0" + b"A" * 32 + struct.pack(">II", len(XMP), 0) + XMP
    ),
    "IPTC": jpeg_segment(
        0xED, b"Photoshop 3.0\08BIM\x04\x04\0\0" + struct.pack(">I", 17) + b"\x1c\x02\x5a\0\x0cPLANTED-CITY\0"
    ),
    "comment": jpeg_segment(0xFE, b"PLANTED-COMMENT"),
    "JFXX thumbnail": jpeg_segment(0xE0, b"JFXX\0\x10" + jpeg_bytes(comment=b"PLANTED-THUMBNAIL")),
    "CIFF of Canon": jpeg_segment(0xE0, b"II\x1a\0\0\0HEAPJPGM" + WORD),
    "several pictures": jpeg_segment(0xE2, b"MPF\0" + WORD),
    "FlashPix": jpeg_segment(0xE2, b"FPXR\0" + WORD),
    "Samsung": jpeg_segment(0xE4, b"Samsung\0" + WORD),
    "C2PA": jpeg_segment(0xEB, b"JP\0\0\0\0\0\0\0\0jumb" + WORD),
    "Ducky": jpeg_segment(0xEC, b"Ducky" + WORD),
    "GraphicConverter": jpeg_segment(0xEF, WORD),
}
TRAILERS = {
    "a second picture": jpeg_bytes(comment=b"PLANTED-SECOND"),
    "a video": VIDEO,
    "Samsung's blocks": b"\0\0\x30\x0a\x0e\0\0\0Image_UTC_DataPLANTEDSEFHSEFT",
    "a text": b"PLANTED",
}


def jpeg_profile(profile: bytes, *, part_bytes: int = 300) -> bytes:
    """Return a profile in as many segments as it takes."""
    parts = [profile[at : at + part_bytes] for at in range(0, len(profile), part_bytes)]
    return b"".join(
        jpeg_segment(0xE2, b"ICC_PROFILE\0" + bytes((number, len(parts))) + part)
        for number, part in enumerate(parts, start=1)
    )


@cache
def planted_jpeg(**options: Any) -> bytes:
    content = jpeg_bytes(**options)
    jfif_thumbnail = jpeg_segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\2\2" + b"PLANTED-JFIF")
    rest = content[2:] if options.get("mode") == "CMYK" else content[20:]  # without Pillow's own JFIF
    return b"".join(
        [content[:2], jfif_thumbnail, *JPEG_SEGMENTS.values(), jpeg_profile(display_p3_profile()), rest,
         *TRAILERS.values()]
    )  # fmt: skip


# PNG


def png_bytes(mode: str = "RGB", **options: Any) -> bytes:
    out = BytesIO()
    drawing(mode).save(out, "PNG", **options)
    return out.getvalue()


PNG_CHUNKS = {
    "EXIF": png_chunk(b"eXIf", exif()),
    "text": png_chunk(b"tEXt", b"Comment\0PLANTED"),
    "packed text": png_chunk(b"zTXt", b"Comment\0\0" + zlib.compress(WORD)),
    "XMP": png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + XMP),
    "time": png_chunk(b"tIME", b"PLANTED"),
    "C2PA": png_chunk(b"caBX", WORD),
    "unknown": png_chunk(b"anNo", WORD),
}


@cache
def planted_png(mode: str = "RGB", **options: Any) -> bytes:
    content = png_bytes(mode, icc_profile=display_p3_profile(), **options)
    return b"".join([content[:33], *PNG_CHUNKS.values(), content[33:], *TRAILERS.values()])


# WebP


def riff_chunk(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


@cache
def planted_webp(mode: str = "RGB", *, frames: int = 1) -> bytes:
    out = BytesIO()
    others = [drawing(mode).rotate(180) for _ in range(frames - 1)]
    animated = {"save_all": True, "append_images": others, "duration": 70} if others else {}
    drawing(mode).save(
        out, "WEBP", lossless=True, exif=exif(), xmp=XMP, icc_profile=display_p3_profile(), **animated
    )  # fmt: skip
    content = out.getvalue() + riff_chunk(b"ANNO", b"PLANTED-CHUNK")
    content = content[:4] + struct.pack("<I", len(content) - 8) + content[8:]
    return content + b"".join(TRAILERS.values())


# GIF


def gif_blocks(*texts: bytes) -> bytes:
    return b"".join(bytes((len(text),)) + text for text in texts) + b"\0"


GIF_EXTENSIONS = {
    "comment": b"\x21\xfe" + gif_blocks(WORD),
    "XMP": b"\x21\xff\x0bXMP DataXMP" + XMP + b"\x01" + bytes(range(255, -1, -1)) + b"\0",
    "an application": b"\x21\xff\x0bPLANTEDAPPL" + gif_blocks(WORD),
    "text on the picture": b"\x21\x01\x0c" + bytes(12) + gif_blocks(WORD),
    "unknown": b"\x21\xab" + gif_blocks(WORD),
}


@cache
def planted_gif(*, frames: int = 1) -> bytes:
    out = BytesIO()
    others = [drawing().rotate(180) for _ in range(frames - 1)]
    animated = {"save_all": True, "append_images": others, "duration": 70, "loop": 0} if others else {}
    drawing().save(out, "GIF", **animated)
    content = out.getvalue()
    colours = 13 + (6 << (content[10] & 7))
    return b"".join([content[:colours], *GIF_EXTENSIONS.values(), content[colours:], *TRAILERS.values()])


# BMP


@cache
def planted_bmp(mode: str = "RGB") -> bytes:
    """Return a BMP with a gap between its header and its pixels."""
    out = BytesIO()
    drawing(mode).save(out, "BMP")
    content = out.getvalue()
    (start,) = struct.unpack_from("<I", content, 10)
    moved = content[:10] + struct.pack("<I", start + len(WORD)) + content[14:start] + WORD + content[start:]
    return moved + b"".join(TRAILERS.values())


def bmp_v5(kind: bytes, profile: bytes) -> bytes:
    """Return a BMP of 2 x 2 pixels whose header tells of a profile behind the pixels. `kind`: MBED or LINK."""
    pixels = bytes(range(16))
    header = struct.pack("<IiiHHIIiiII", 124, 2, 2, 1, 24, 0, len(pixels), 2835, 2835, 0, 0)
    header += bytes(16) + kind[::-1] + bytes(36) + bytes(12)
    header += struct.pack("<IIII", 4, 124 + len(pixels), len(profile), 0)
    return b"BM" + struct.pack("<IHHI", 14 + 124 + len(pixels) + len(profile), 0, 0, 138) + header + pixels + profile


# JPEG XL, and the formats that only a decoder can strip


def box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", len(body) + 8, kind) + body


@cache
def plain_jpeg_xl() -> bytes:
    register_writers()
    out = BytesIO()
    drawing().save(out, "JXL", lossless=True)
    return out.getvalue()


JPEG_XL_BOXES = {
    "EXIF": box(b"Exif", bytes(4) + exif()),
    "XMP": box(b"xml ", XMP),
    "packed EXIF": box(b"brob", b"Exif" + WORD),
    "C2PA": box(b"jumb", WORD),
    "gain map": box(b"jhgm", WORD),
    "unknown": box(b"anno", WORD),
}


@cache
def planted_jpeg_xl() -> bytes:
    content = plain_jpeg_xl()
    if content.startswith(b"\xff\x0a"):
        start = box(b"JXL ", b"\r\n\x87\n") + box(b"ftyp", b"jxl \0\0\0\0jxl ")
        content = start + box(b"jxlc", content)
    return b"".join([content, *JPEG_XL_BOXES.values(), VIDEO])


@cache
def planted_jpeg_in_jpeg_xl() -> bytes:
    content = jpeg_bytes()
    planted = content[:2] + JPEG_SEGMENTS["EXIF"] + JPEG_SEGMENTS["XMP"] + JPEG_SEGMENTS["comment"] + content[2:]
    return lossless_jpeg_xl(planted + b"PLANTED-BEHIND")


@cache
def planted_by_pillow(format: str, mode: str = "RGB") -> bytes:
    """Return a TIFF, AVIF or HEIC with EXIF data, XMP and colour profile."""
    register_writers()
    out = BytesIO()
    image = drawing(mode)
    if format == "TIFF":
        known = Image.Exif()
        known.load(exif(1))
        image.save(out, format, exif=known, icc_profile=display_p3_profile(), description="PLANTED-DESCRIPTION")
    else:
        image.save(out, format, exif=exif(1), xmp=XMP, icc_profile=display_p3_profile(), quality=95)
    return out.getvalue()


def frames_of(content: bytes, format: str) -> list[np.ndarray]:
    """Return every frame as it is stored, before any turning; of a JPEG with several pictures the first."""
    register_writers()
    file = BytesIO(content)
    with JpegImageFile(file) if format == "JPEG" else Image.open(file, formats=[format]) as image:
        frames = []
        for number in range(getattr(image, "n_frames", 1)):
            image.seek(number)
            frames.append(np.asarray(image.convert("RGBA")))
        return frames


PLANTED = {
    "JPEG": ("JPEG", planted_jpeg),
    "progressive JPEG": ("JPEG", lambda: planted_jpeg(progressive=True)),
    "grey JPEG": ("JPEG", lambda: planted_jpeg(mode="L")),
    "CMYK JPEG": ("JPEG", lambda: planted_jpeg(mode="CMYK")),
    "PNG": ("PNG", planted_png),
    "PNG with alpha": ("PNG", lambda: planted_png("RGBA")),
    "PNG with a palette": ("PNG", lambda: planted_png("P")),
    "WebP": ("WEBP", planted_webp),
    "WebP with alpha": ("WEBP", lambda: planted_webp("RGBA")),
    "animated WebP": ("WEBP", lambda: planted_webp(frames=3)),
    "GIF": ("GIF", planted_gif),
    "animated GIF": ("GIF", lambda: planted_gif(frames=3)),
    "BMP": ("BMP", planted_bmp),
    "BMP with a palette": ("BMP", lambda: planted_bmp("P")),
    "JPEG XL": ("JXL", planted_jpeg_xl),
}
