"""Every kind of file that people or attackers send: what is refused, and that what is accepted looks right."""

import hashlib
from io import BytesIO

import pytest
from PIL import Image

from gallery.errors import EmptyFile, FileTooLarge, UnsupportedFormat
from gallery.imaging import THUMBNAIL_SIZES_PX, Limits, inspect, load_pixels, thumbnails

LIMITS = Limits(max_bytes=10_000_000, max_pixels=20_000_000, max_frames=20)


def encoded(image: Image.Image, kind: str, **options: object) -> BytesIO:
    out = BytesIO()
    image.save(out, kind, **options)
    out.seek(0)
    return out


def test_inspect_tells_digests_size_and_format():
    file = encoded(Image.new("RGB", (60, 40), "red"), "PNG")

    facts = inspect(file, limits=LIMITS).facts

    assert facts.md5 == hashlib.md5(file.getvalue()).hexdigest()
    assert facts.sha256 == hashlib.sha256(file.getvalue()).hexdigest()
    assert facts.size_bytes == len(file.getvalue())
    assert (facts.format, facts.extension, facts.mime_type) == ("PNG", ".png", "image/png")
    assert (facts.width_px, facts.height_px, facts.frame_count) == (60, 40, 1)


def test_inspect_refuses_empty_file():
    with pytest.raises(EmptyFile):
        inspect(BytesIO(), limits=LIMITS)


def test_inspect_refuses_text():
    with pytest.raises(UnsupportedFormat):
        inspect(BytesIO(b"BMW is a make of car, not a picture."), limits=LIMITS)


def test_inspect_refuses_too_many_bytes():
    with pytest.raises(FileTooLarge):
        inspect(BytesIO(bytes(11)), limits=Limits(max_bytes=10, max_pixels=1, max_frames=1))


def test_load_pixels_equals_inspect():
    file = encoded(Image.effect_noise((1500, 900), 60).convert("RGB"), "JPEG")

    assert load_pixels(file, limits=LIMITS).tobytes() == inspect(file, limits=LIMITS).pixels.tobytes()


def test_thumbnails_are_never_enlarged():
    made = thumbnails(Image.new("RGB", (500, 100), "green"))

    assert [Image.open(BytesIO(made[size])).size for size in THUMBNAIL_SIZES_PX] == [(400, 80), (500, 100)]
