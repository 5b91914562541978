"""Copies for whatever cannot be stripped: full size, upright, right colours, and not a word of the original's."""

from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from gallery.errors import DecodingOutOfMemory, DecodingTooSlow, TooManyPixels
from gallery.imaging import Limits, copy_without_metadata, inspect
from gallery.imaging.plain_copy import plain_copy
from tests import planted_metadata as planted
from tests.picture_files import display_p3_profile, register_writers

LIMITS = Limits(max_bytes=50_000_000, max_pixels=20_000_000, max_frames=10)
CLOSE = 3  # of 255, on average


def copied(content: bytes, limits: Limits = LIMITS) -> tuple[str, bytes, Image.Image]:
    format, copy = copy_without_metadata(BytesIO(content), limits=limits)
    with Image.open(BytesIO(copy), formats=[format]) as opened:
        opened.load()
        return format, copy, opened


def difference(one: Image.Image, other: Image.Image) -> float:
    """Return by how much the values differ on average."""
    values = [np.asarray(each.convert("RGBA"), dtype=int) for each in (one, other)]
    return float(np.abs(values[0] - values[1]).mean())


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
@pytest.mark.parametrize("format", ["TIFF", "AVIF", "HEIF"])
def test_a_copy_shows_the_same_and_tells_nothing(format, mode):
    content = planted.planted_by_pillow(format, mode)

    kind, copy, picture = copied(content)

    assert planted.is_told(content) != []
    assert planted.is_told(copy) == []
    assert kind == {"RGB": "JPEG", "RGBA": "WEBP"}[mode]
    assert picture.size == planted.SIZE_PX
    assert {"exif", "xmp", "icc_profile", "comment"} & set(picture.info) == set()


def test_a_copy_has_the_colours_of_its_profile():
    content = planted.planted_by_pillow("TIFF")

    _kind, _copy, picture = copied(content)
    seen = inspect(BytesIO(content), limits=LIMITS).pixels

    assert difference(picture, seen) <= CLOSE
    assert difference(seen, planted.drawing()) > 0  # the profile's red is not sRGB's


def test_a_copy_is_upright():
    content = planted.jpeg_bytes()
    turned = content[:2] + planted.jpeg_segment(0xE1, b"Exif\0\0" + planted.exif()) + content[2:]

    kind, copy, picture = copied(turned)

    assert (kind, planted.is_told(copy), dict(picture.getexif())) == ("JPEG", [], {})
    assert difference(picture, planted.drawing().transpose(Image.Transpose.ROTATE_270)) <= CLOSE


def test_transparency_that_hides_nothing_is_none():
    out = BytesIO()
    planted.drawing().convert("RGBA").save(out, "TIFF")

    assert copied(out.getvalue())[0] == "JPEG"


@pytest.mark.parametrize("frames", [1, 3])
def test_of_an_animation_the_first_frame_is_copied(frames):
    register_writers()
    others = [Image.new("RGB", planted.SIZE_PX, "black") for _ in range(frames - 1)]
    out = BytesIO()
    planted.drawing().save(out, "AVIF", save_all=True, append_images=others, quality=95)

    _kind, _copy, picture = copied(out.getvalue())

    assert difference(picture, planted.drawing()) <= CLOSE


@pytest.mark.parametrize(
    ("mode", "size", "format"),
    [
        ("RGB", (65_500, 2), "JPEG"),
        ("RGB", (65_501, 2), "PNG"),
        ("RGBA", (2, 16_383), "WEBP"),
        ("RGBA", (2, 16_384), "PNG"),
    ],
)
def test_a_side_that_is_too_long_for_a_format_takes_another(mode, size, format):
    kind, copy = plain_copy(Image.new(mode, size))

    with Image.open(BytesIO(copy)) as opened:
        assert (kind, opened.format, opened.size) == (format, format, size)


def test_pillow_writes_nothing_of_what_it_remembers():
    for mode in ("RGB", "RGBA"):
        pixels = planted.drawing(mode)
        pixels.info = {
            "comment": b"PLANTED",
            "icc_profile": display_p3_profile(),
            "exif": planted.exif(),
            "xmp": b"PLANTED",
        }

        assert planted.is_told(plain_copy(pixels)[1]) == []


def test_a_copy_keeps_to_the_limits():
    out = BytesIO()
    Image.new("RGB", (4_000, 3_000)).save(out, "TIFF")
    content = out.getvalue()

    with pytest.raises(TooManyPixels):
        copied(content, replace(LIMITS, max_pixels=11_999_999))
    with pytest.raises((DecodingOutOfMemory, DecodingTooSlow)):
        copied(content, replace(LIMITS, memory_mb=20))
    assert copied(content)[2].size == (4_000, 3_000)
