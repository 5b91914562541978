"""Pictures come out upright by what browsers follow, however damaged the rest of the EXIF data is."""

import struct
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from gallery.imaging import Limits, inspect
from gallery.imaging.orientation import exif_orientation
from tests.picture_files import png_chunk, register_writers

register_writers()
LIMITS = Limits(max_bytes=20_000_000, max_pixels=20_000_000, max_frames=5)
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
LANDSCAPE, PORTRAIT = (64, 32), (32, 64)


def exif(value: int = 6, *, order: str = "<", kind: int = 3, count: int = 1, before: bytes = b"") -> bytes:
    """Return EXIF data of one directory that says its number of entries as it likes."""
    number = struct.pack(order + {1: "B", 3: "H", 4: "I"}[kind], value).ljust(4, b"\0")
    start = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8)
    entry = struct.pack(order + "HHI", 0x0112, kind, 1) + number
    return start + struct.pack(order + "H", count) + before + entry + bytes(4)


def jpeg(*segments: bytes) -> bytes:
    """Return a 64 x 32 JPEG with these APP1 segments, in this order."""
    out = BytesIO()
    Image.new("RGB", LANDSCAPE, "teal").save(out, "JPEG")
    whole = b"".join(b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body for body in segments)
    return out.getvalue()[:2] + whole + out.getvalue()[2:]


def saved(kind: str, **options: object) -> bytes:
    out = BytesIO()
    Image.new("RGB", LANDSCAPE, "teal").save(out, kind, **options)
    return out.getvalue()


def size_of(content: bytes) -> tuple[int, int]:
    picture = inspect(BytesIO(content), limits=LIMITS)
    assert picture.pixels.size == (picture.facts.width_px, picture.facts.height_px)
    return picture.pixels.size


HEADER = b"Exif\0\0"
NONSENSE = struct.pack("<HHII", 0x010F, 2, 0xFFFFFFFF, 0xFFFFFFFF)


@pytest.mark.parametrize(
    "segments",
    [
        [HEADER + exif()],
        [HEADER + exif(order=">")],
        [HEADER + exif(kind=4)],
        [HEADER + exif(kind=4, order=">")],
        [HEADER + exif(kind=1)],
        [HEADER + exif(count=60_000)],
        [HEADER + exif(count=2, before=NONSENSE)],
        [HEADER + exif(count=2, before=struct.pack("<HHII", 0x8769, 4, 1, 0xFFFFFFF0))],
        [HEADER * 2 + exif()],
        [HEADER * 3 + exif(order=">")],
        [b"http://ns.adobe.com/xap/1.0/\0" + XMP.replace(b'"6"', b'"3"'), HEADER + exif()],
        [HEADER + exif(), b"http://ns.adobe.com/xap/1.0/\0" + XMP.replace(b'"6"', b'"3"')],
        [HEADER + exif()[:-6]],
    ],
    ids=[
        *("little", "big", "long", "long big", "byte", "count too big", "lost text", "lost exif part", "doubled"),
        *("tripled", "behind xmp", "before xmp", "cut behind the value"),
    ],
)
def test_a_jpeg_is_turned_by_its_exif_data(segments):
    assert size_of(jpeg(*segments)) == PORTRAIT


@pytest.mark.parametrize(
    "segments",
    [
        [b"http://ns.adobe.com/xap/1.0/\0" + XMP],
        [HEADER + exif(0)],
        [HEADER + exif(9)],
        [HEADER + exif(0x60006, kind=4)],
        [HEADER + exif(1), b"http://ns.adobe.com/xap/1.0/\0" + XMP],
        [HEADER + b"II*\0\xff\xff\xff\xff" + exif()[8:]],
        [HEADER + b"XX*\0" + exif()[4:]],
        [HEADER],
    ],
    ids=["xmp only", "0", "9", "393222", "xmp says other", "directory outside", "no byte order", "empty"],
)
def test_a_jpeg_that_says_nothing_sound_is_not_turned(segments):
    assert size_of(jpeg(*segments)) == LANDSCAPE


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_other_formats_are_turned_by_damaged_exif_data(kind):
    assert size_of(saved(kind, exif=exif(count=60_000))) == PORTRAIT


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "AVIF", "HEIF"])
def test_other_formats_are_not_turned_by_xmp(kind):
    content = saved(kind, xmp=XMP).replace(b"irot", b"free")  # one writer makes a box of it, which counts

    assert size_of(content) == LANDSCAPE


def test_a_png_is_turned_by_a_chunk_behind_its_pixels():
    content = saved("PNG")

    assert size_of(content[:-12] + png_chunk(b"eXIf", exif()) + content[-12:]) == PORTRAIT


def tiff(**tags: object) -> bytes:
    directory = ImageFileDirectory_v2()
    for tag, value in tags.items():
        directory[int(tag[1:])] = value
    return saved("TIFF", tiffinfo=directory)


def test_a_tiff_is_turned_by_its_own_tag_alone():
    assert size_of(tiff(_274=6)) == PORTRAIT
    assert size_of(tiff(_700=XMP)) == LANDSCAPE
    assert size_of(tiff(_274=1, _700=XMP)) == LANDSCAPE


def heic(*, exif_value: int, turn_box: int | None) -> bytes:
    """Return a HEIC whose box `irot` says `turn_box` quarter turns, renamed so that none reads it for None."""
    content = saved("HEIF", exif=exif(6))  # its writer turns this into a box and EXIF data that say the same
    assert content.count(b"irot") == 1
    at = content.index(b"irot")
    if turn_box is None:
        content = content.replace(b"irot", b"free")
    else:
        content = content[: at + 4] + bytes([turn_box]) + content[at + 5 :]
    start = content.rindex(b"II*\0") + 18
    return content[:start] + struct.pack("<H", exif_value) + content[start + 2 :]


@pytest.mark.parametrize(
    ("exif_value", "turn_box", "expected"),
    [(6, 3, PORTRAIT), (1, 3, PORTRAIT), (6, None, PORTRAIT), (1, None, LANDSCAPE), (6, 0, LANDSCAPE)],
)
def test_a_heic_is_turned_once_by_its_box_or_else_by_its_exif_data(exif_value, turn_box, expected):
    assert size_of(heic(exif_value=exif_value, turn_box=turn_box)) == expected


def test_an_avif_is_turned_by_its_box_alone_as_browsers_do():
    content = saved("AVIF", exif=exif(6))
    assert size_of(content) == PORTRAIT

    at = content.index(b"irot") + 4

    assert size_of(content[:at] + b"\0" + content[at + 1 :]) == LANDSCAPE


@given(st.binary(max_size=200))
def test_exif_orientation_of_anything_is_one_of_eight(content):
    assert exif_orientation(content) in range(1, 9)
    assert exif_orientation(b"Exif\0\0II*\0\x08\0\0\0" + content) in range(1, 9)


@given(st.sampled_from("<>"), st.integers(1, 8), st.integers(1, 65_535), st.binary(max_size=40))
def test_exif_orientation_needs_nothing_but_its_entry(order, value, count, behind):
    assert exif_orientation(exif(value, order=order, count=count) + behind) == value
