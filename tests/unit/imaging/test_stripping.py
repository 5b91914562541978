"""Pictures without metadata: nothing planted is left, and every pixel, turn and colour stays."""

import struct
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from gallery.imaging import Limits, inspect
from gallery.imaging.stripping import CannotStrip, strip
from gallery.imaging.stripping.colour_profile import plain_profile
from gallery.imaging.stripping.minimal_exif import exif_of, minimal_exif
from tests import planted_metadata as planted
from tests.picture_files import display_p3_profile, png_chunk

LIMITS = Limits(max_bytes=1_000_000, max_pixels=1_000_000, max_frames=10)
KINDS = pytest.mark.parametrize("kind", planted.PLANTED)
CLEAN = {
    "JPEG": ("JPEG", planted.jpeg_bytes()),
    "JPEG with a profile": ("JPEG", planted.jpeg_bytes(icc_profile=display_p3_profile())),
    "progressive JPEG": ("JPEG", planted.jpeg_bytes(progressive=True)),
    "CMYK JPEG": ("JPEG", planted.jpeg_bytes(mode="CMYK")),
    "PNG": ("PNG", planted.png_bytes(icc_profile=display_p3_profile(), dpi=(72, 72))),
    "JPEG XL": ("JXL", planted.plain_jpeg_xl()),
    "BMP with a profile": ("BMP", planted.bmp_v5(b"MBED", display_p3_profile())),
    **{
        kind: (format, strip(make(), format))
        for kind, (format, make) in planted.PLANTED.items()
        if format in ("WEBP", "GIF", "BMP")
    },
}


def pillows(content: bytes) -> Image.Image:
    opened = Image.open(BytesIO(content))
    opened.load()
    return opened


@KINDS
def test_nothing_planted_is_left(kind):
    format, make = planted.PLANTED[kind]

    stripped = strip(make(), format)

    assert planted.is_told(make()) != []
    assert planted.is_told(stripped) == []


@KINDS
def test_every_pixel_and_frame_stays(kind):
    format, make = planted.PLANTED[kind]

    before, after = (planted.frames_of(content, format) for content in (make(), strip(make(), format)))

    assert len(before) == len(after)
    assert all(map(np.array_equal, before, after))


def test_a_jpeg_packed_as_jpeg_xl_becomes_its_pixels():
    packed = planted.planted_jpeg_in_jpeg_xl()
    with_all, with_none = packed, strip(packed, "JXL")

    before, after = (inspect(BytesIO(content), limits=LIMITS) for content in (with_all, with_none))

    assert [kind for kind in (b"jbrd", b"brob", b"Exif", b"xml ") if kind in with_all] != []
    assert [kind for kind in (b"jbrd", b"brob", b"Exif", b"xml ") if kind in with_none] == []
    assert (before.facts.width_px, before.facts.height_px) == (after.facts.width_px, after.facts.height_px) == (64, 96)
    assert np.abs(np.asarray(before.pixels, dtype=int) - np.asarray(after.pixels)).max() <= 3


@pytest.mark.parametrize("kind", ["JPEG", "progressive JPEG", "PNG", "PNG with alpha", "WebP", "animated WebP"])
def test_orientation_and_colour_profile_stay_and_nothing_else_of_exif(kind):
    format, make = planted.PLANTED[kind]

    picture = pillows(strip(make(), format))

    assert dict(picture.getexif()) == {274: planted.TURNED}
    assert picture.info["icc_profile"] == display_p3_profile()


@pytest.mark.parametrize("place", planted.JPEG_SEGMENTS)
def test_jpeg_loses_what_a_segment_tells(place):
    content = planted.jpeg_bytes()
    told = content[:20] + planted.JPEG_SEGMENTS[place] + content[20:]

    stripped = strip(told, "JPEG")

    if place.startswith("EXIF"):
        assert (
            stripped == content[:20] + planted.jpeg_segment(0xE1, b"Exif\0\0" + exif_of(planted.TURNED)) + content[20:]
        )
    else:
        assert stripped == content


@pytest.mark.parametrize("trailer", planted.TRAILERS)
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "animated WebP", "GIF", "BMP"])
def test_what_follows_the_picture_goes(kind, trailer):
    format, content = CLEAN[kind]

    assert strip(content + planted.TRAILERS[trailer], format) == content


@pytest.mark.parametrize("kind", CLEAN)
def test_a_file_that_tells_nothing_stays_byte_for_byte(kind):
    format, content = CLEAN[kind]

    assert strip(content, format) == content


def test_an_upright_orientation_needs_no_exif():
    content = planted.jpeg_bytes()

    stripped = strip(content[:2] + planted.jpeg_segment(0xE1, b"Exif\0\0" + planted.exif(1)) + content[2:], "JPEG")

    assert stripped == content


def test_a_profile_in_several_segments_stays(tmp_path):
    content = planted.jpeg_bytes()
    several = content[:2] + planted.jpeg_profile(display_p3_profile(), part_bytes=100) + content[2:]

    assert strip(several, "JPEG") == several


@pytest.mark.parametrize("tag", [b"mmod", b"meta"])
def test_a_profile_loses_the_serial_number_of_a_screen(tag):
    profile = display_p3_profile()
    told = bytearray(profile)
    (count,) = struct.unpack_from(">I", profile, 128)
    names = [told[132 + 12 * number : 136 + 12 * number] for number in range(count)]
    place = 132 + 12 * names.index(b"cprt")
    told[place : place + 4] = tag
    _tag, offset, _size = struct.unpack_from(">4sII", told, place)
    told[offset + 8 : offset + 15] = b"PLANTED"
    content = planted.jpeg_bytes(icc_profile=bytes(told))

    stripped = strip(content, "JPEG")

    kept = pillows(stripped).info["icc_profile"]
    assert planted.is_told(content) == ["text"]
    assert planted.is_told(stripped) == []
    assert (len(kept), kept.count(tag), struct.unpack_from(">I", kept, 128)) == (len(profile), 0, (count - 1,))
    assert plain_profile(kept) == kept


@pytest.mark.parametrize(
    "damaged",
    [
        planted.jpeg_bytes()[:-2],
        planted.jpeg_bytes()[:-2] + planted.VIDEO,
        planted.jpeg_bytes()[:-200],
        b"\xff\xd8" + planted.jpeg_segment(0xE1, b"Exif\0\0" + planted.exif()),
        b"\xff\xd8" + b"PLANTED" + planted.jpeg_bytes()[2:],
        planted.jpeg_bytes().replace(b"\xff\xdb\0\x43", b"\xff\xdb\0\x44", 1),
        b"\xff\xd8" + planted.jpeg_segment(0xFE, b"") * 6_000 + planted.jpeg_bytes()[2:],
    ],
    ids=["no end", "no end and a video", "cut", "no picture", "text between", "table too long", "no end of segments"],
)
def test_a_jpeg_that_cannot_be_walked_is_not_stripped(damaged):
    with pytest.raises(CannotStrip):
        strip(damaged, "JPEG")


@pytest.mark.parametrize("format", ["TIFF", "HEIF", "AVIF", "RAW"])
def test_other_formats_are_not_stripped(format):
    with pytest.raises(CannotStrip):
        strip(b"II*\0", format)


@pytest.mark.parametrize("kind", CLEAN)
def test_a_picture_that_is_cut_is_stripped_or_refused(kind):
    format, content = CLEAN[kind]
    for length in range(12, len(content), 7):
        try:
            strip(content[:length], format)
        except CannotStrip:
            continue


def test_a_png_with_a_wrong_checksum_is_refused_only_where_it_matters():
    content = planted.png_bytes()
    in_text = content[:33] + png_chunk(b"tEXt", b"a\0PLANTED")[:-1] + b"?" + content[33:]
    in_pixels = content[:-13] + b"?" + content[-12:]

    assert strip(in_text, "PNG") == content
    with pytest.raises(CannotStrip):
        strip(in_pixels, "PNG")


def test_a_png_keeps_the_turn_that_an_older_program_wrote_as_text():
    content = planted.png_bytes()
    exif = planted.exif()
    text = b"Raw profile type exif\0\nexif\n%8d\n%s\n" % (len(exif), exif.hex().encode())

    stripped = strip(content[:33] + png_chunk(b"tEXt", text) + content[33:], "PNG")

    assert pillows(stripped).getexif()[274] == planted.TURNED
    assert planted.is_told(bytes.fromhex(stripped.hex())) == []


def test_a_bmp_keeps_its_profile_and_loses_the_path_of_one():
    embedded = planted.bmp_v5(b"MBED", display_p3_profile()) + b"PLANTED"
    linked = planted.bmp_v5(b"LINK", b"C:\\Users\\PLANTED\\screen.icc\0")

    assert strip(embedded, "BMP")[: -len(display_p3_profile())] + display_p3_profile() == strip(embedded, "BMP")
    assert planted.is_told(strip(linked, "BMP")) == []
    assert pillows(strip(linked, "BMP")).tobytes() == pillows(linked).tobytes()


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("orientation", range(2, 9))
def test_of_exif_only_the_orientation_stays(order, orientation):
    assert minimal_exif(planted.exif(orientation, order=order)) == exif_of(orientation)


@pytest.mark.parametrize(
    "exif", [b"", b"II", b"II*\0\xff\xff\xff\xff", b"MM\0*\0\0\0\x08", exif_of(0), exif_of(1), exif_of(9)]
)
def test_of_exif_that_turns_nothing_nothing_stays(exif):
    assert minimal_exif(exif) is None


@pytest.mark.odd_files
def test_odd_exif_keeps_its_turn(odd_files):
    for name in ("B2_doubled_exif_header_orientation6.jpg", "B4_orientation6_and_ifd_count_too_big.jpg"):
        content = strip((odd_files / name).read_bytes(), "JPEG")
        assert pillows(content).getexif()[274] == 6
