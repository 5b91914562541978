"""Pictures that say when they were taken and what they show, in every block and format that people bring."""

import struct
from io import BytesIO
from typing import Any

from PIL import Image, PngImagePlugin, TiffImagePlugin
from PIL.ExifTags import GPS, IFD, Base

from tests.picture_files import png_chunk, register_writers

PHOTO_TAGS = {
    "DateTimeOriginal",
    "DateTimeDigitized",
    "OffsetTime",
    "OffsetTimeOriginal",
    "OffsetTimeDigitized",
    "UserComment",
}
NAMESPACES = """xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"
 xmlns:exif="http://ns.adobe.com/exif/1.0/" xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/"
 xmlns:lr="http://ns.adobe.com/lightroom/1.0/" xmlns:MicrosoftPhoto="http://ns.microsoft.com/photo/1.0/"
 xmlns:digiKam="http://www.digikam.org/ns/1.0/" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
 xmlns:tiff="http://ns.adobe.com/tiff/1.0/" xmlns:acdsee="http://ns.acdsee.com/iptc/1.0/\""""
GIF_XMP_END = bytes([1, *range(255, -1, -1), 0])


def exif(*, satellite: tuple[str, tuple[float, float, float]] | None = None, **tags: Any) -> bytes:
    """Return EXIF data with these tags; `satellite` is the day and the time of the position."""
    made = Image.Exif()
    photo = made.get_ifd(IFD.Exif)
    for name, value in tags.items():
        number = {"Rating": 0x4746, "RatingPercent": 0x4749}.get(name) or Base[name]
        (photo if name in PHOTO_TAGS else made)[number] = value
    if satellite:
        made.get_ifd(IFD.GPSInfo).update({GPS.GPSDateStamp: satellite[0], GPS.GPSTimeStamp: satellite[1]})
    return made.tobytes()


def wide(text: str) -> bytes:
    return text.encode("utf-16-le") + b"\0\0"


def xmp(inner: str = "", *, attributes: str = "") -> bytes:
    """Return an XMP packet with these properties, as elements and as attributes."""
    return f"""<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" {NAMESPACES} {attributes}>{inner}</rdf:Description></rdf:RDF></x:xmpmeta>
<?xpacket end="w"?>""".encode()


def bag(name: str, *texts: str, kind: str = "Bag") -> str:
    return f"<{name}><rdf:{kind}>{''.join(f'<rdf:li>{text}</rdf:li>' for text in texts)}</rdf:{kind}></{name}>"


def alternatives(name: str, **texts: str) -> str:
    """Return a text in several languages; `x_default` is the default one."""
    items = "".join(
        f'<rdf:li xml:lang="{language.replace("_", "-")}">{text}</rdf:li>' for language, text in texts.items()
    )
    return f"<{name}><rdf:Alt>{items}</rdf:Alt></{name}>"


def iptc(*sets: tuple[int, bytes | str], charset: bytes | None = b"\x1b%G") -> bytes:
    """Return IPTC data of these data sets of record 2; `charset` is that of 1:90."""
    parts = [] if charset is None else [struct.pack(">BBBH", 0x1C, 1, 90, len(charset)) + charset]
    for number, value in sets:
        raw = value.encode() if isinstance(value, str) else value
        parts.append(struct.pack(">BBBH", 0x1C, 2, number, len(raw)) + raw)
    return b"".join(parts)


def photoshop(data: bytes) -> bytes:
    """Return Photoshop's resources with this IPTC data behind another one, as a JPEG carries them."""
    resources = b"".join(
        b"8BIM" + struct.pack(">HHI", code, 0, len(body)) + body + b"\0" * (len(body) % 2)
        for code, body in ((0x03ED, b"\0" * 16), (0x0404, data))
    )
    return b"Photoshop 3.0\0" + resources


def picture(format: str = "JPEG", *, iptc: bytes = b"", colour: str = "teal", **blocks: Any) -> bytes:
    """Return a picture in which Pillow or we put these blocks: `exif`, `xmp`, `iptc` (not in every format)."""
    register_writers()
    image = Image.new("RGB", (64, 48), colour)
    out = BytesIO()
    if format == "GIF":
        image.save(out, "GIF")
        return _gif_with(out.getvalue(), blocks.get("xmp", b""))
    if format == "PNG":
        return _png_with(image, **blocks)
    if format == "TIFF":
        tags = TiffImagePlugin.ImageFileDirectory_v2()
        for tag, raw in ((700, blocks.get("xmp")), (33723, iptc)):
            if raw:
                tags[tag] = raw
                tags.tagtype[tag] = 7
        image.save(out, "TIFF", tiffinfo=tags)
        return out.getvalue()
    image.save(out, format, **blocks)
    raw = out.getvalue()
    return _jpeg_with(raw, b"\xff\xed", photoshop(iptc)) if iptc else raw


def _jpeg_with(raw: bytes, marker: bytes, body: bytes) -> bytes:
    return raw[:2] + marker + struct.pack(">H", len(body) + 2) + body + raw[2:]


def _png_with(image: Image.Image, *, texts: dict[str, str] | None = None, xmp: bytes = b"", exif: bytes = b"") -> bytes:
    info = PngImagePlugin.PngInfo()
    for name, text in (texts or {}).items():
        info.add_itxt(name, text)
    if xmp:
        info.add_itxt("XML:com.adobe.xmp", xmp.decode())
    out = BytesIO()
    image.save(out, "PNG", pnginfo=info, **({"exif": exif} if exif else {}))
    return out.getvalue()


def png_with_late_text(name: str, text: str) -> bytes:
    """Return a PNG whose text lies behind its pixels."""
    raw = picture("PNG")
    return raw[:-12] + png_chunk(b"iTXt", name.encode() + b"\0\0\0\0\0" + text.encode()) + raw[-12:]


def _gif_with(raw: bytes, packet: bytes) -> bytes:
    end = raw.rindex(b"\x3b")
    return raw[:end] + b"\x21\xff\x0bXMP DataXMP" + packet + GIF_XMP_END + raw[end:] if packet else raw


def tiff_with_iptc_as_numbers() -> bytes:
    """Return a TIFF whose IPTC data is declared as numbers of four bytes, as Photoshop once did."""
    raw = iptc((120, "A boat"), (25, "boat"))
    raw += b"\0" * (-len(raw) % 4)
    entry, numbers = struct.pack("<HHI", 33723, 7, len(raw)), struct.pack("<HHI", 33723, 4, len(raw) // 4)
    return picture("TIFF", iptc=raw).replace(entry, numbers)
