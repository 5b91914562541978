"""Every kind of file that people or attackers send: what is refused, and that what is accepted looks right."""

import hashlib
import json
import struct
import tracemalloc
import zlib
from datetime import UTC, datetime, timedelta, timezone
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageFile, TiffImagePlugin
from PIL.ExifTags import IFD, Base

from gallery.errors import (
    BrokenPicture,
    EmptyFile,
    FileTooLarge,
    InvalidPicture,
    TooManyFrames,
    TooManyPixels,
    UnsupportedFormat,
)
from gallery.imaging import (
    EXTENSIONS,
    LABELS,
    MIME_TYPES,
    PREVIEW_PX,
    THUMBNAIL_SIZES_PX,
    Embedded,
    Facts,
    Limits,
    inspect,
    load_pixels,
    thumbnails,
)
from gallery.imaging.decoding import decode
from tests.picture_files import WRITABLE, png_chunk, png_start, register_writers

register_writers()
LIMITS = Limits(max_bytes=20_000_000, max_pixels=20_000_000, max_frames=5)
RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


def encoded(image: Image.Image, kind: str, **options: object) -> BytesIO:
    out = BytesIO()
    image.save(out, kind, **options)
    out.seek(0)
    return out


def noise(width: int, height: int) -> Image.Image:
    values = np.random.default_rng(1).integers(0, 256, (height // 8 + 1, width // 8 + 1, 3), dtype=np.uint8)
    return Image.fromarray(values).resize((width, height))


def facts_of(file: BytesIO, limits: Limits = LIMITS) -> Facts:
    return inspect(file, limits=limits).facts


def corner_of(file: BytesIO) -> tuple[int, ...]:
    return inspect(file, limits=LIMITS).pixels.getpixel((2, 2))


def assert_near(colour: tuple[int, ...], expected: tuple[int, ...], by: int = 6) -> None:
    assert max(abs(a - b) for a, b in zip(colour, expected, strict=True)) <= by, colour


def png_bomb(width: int, height: int) -> bytes:
    rows = zlib.compress(bytes((width // 8 + 1) * height), 9)
    return png_start(width, height, bits=1, colour_type=0) + png_chunk(b"IDAT", rows) + png_chunk(b"IEND")


# What is refused


def test_inspect_refuses_empty_file():
    with pytest.raises(EmptyFile):
        inspect(BytesIO(), limits=LIMITS)


@pytest.mark.parametrize(
    "content",
    [
        b"BMW is a make of car, not a picture.",
        b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><rect width="9" height="9"/></svg>',
        b"<svg onload='alert(1)'/>",
        b"%PDF-1.7\n%\xe2\xe3\xcf\xd3",
        b"%!PS-Adobe-3.0 EPSF-3.0",
        b"P6 1 1 255 abc",
        b"RIFF\x00\x00\x00\x00WAVEfmt ",
        b"\x00\x00\x00\x18ftypisom" + bytes(12),
        b"\x00\x00\x00\x18ftypmif1" + bytes(12),
        b"\xff",
        bytes(100),
    ],
)
def test_inspect_refuses_what_is_no_known_picture(content):
    with pytest.raises(UnsupportedFormat) as refused:
        inspect(BytesIO(content), limits=LIMITS)

    assert refused.value.details == {"formats": "JPEG, PNG, GIF, BMP, WebP, TIFF, AVIF, HEIC, JPEG XL, RAW"}


def test_inspect_refuses_text_renamed_to_jpg(tmp_path: Path):
    path = tmp_path / "holiday.jpg"
    path.write_text("not a picture")

    with path.open("rb") as file, pytest.raises(UnsupportedFormat):
        inspect(file, limits=LIMITS)


def test_inspect_ignores_a_wrong_name(tmp_path: Path):
    path = tmp_path / "holiday.png"
    path.write_bytes(encoded(noise(40, 30), "JPEG").getvalue())

    with path.open("rb") as file:
        assert inspect(file, limits=LIMITS).facts.extension == ".jpg"


def test_inspect_refuses_too_many_bytes_before_reading():
    class Unreadable(BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            raise AssertionError("the size alone should have been enough")

    with pytest.raises(FileTooLarge) as refused:
        inspect(Unreadable(bytes(11)), limits=Limits(10, 1, 1))

    assert refused.value.details == {"size_bytes": 11, "limit_bytes": 10}


def test_inspect_stops_reading_a_stream_at_the_limit():
    class Endless(BytesIO):
        def seekable(self) -> bool:
            return False

        def read(self, size: int | None = -1, /) -> bytes:
            return bytes(size or 1)

    with pytest.raises(FileTooLarge):
        inspect(Endless(), limits=LIMITS)


def test_inspect_accepts_exactly_the_limits():
    file = encoded(Image.new("RGB", (30, 20)), "PNG")

    assert facts_of(file, Limits(len(file.getvalue()), 600, 1)).width_px == 30


@pytest.mark.parametrize(
    "bomb",
    [
        png_bomb(30_000, 30_000),
        b"GIF89a" + struct.pack("<HH", 30_000, 30_000) + bytes(20),
        b"RIFF\x1a\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00" + bytes(4) + b"\x00\x40\x00\x00\x40\x00" + bytes(20),
        b"RIFF\x1a\x00\x00\x00WEBPVP8L\x0a\x00\x00\x00\x2f" + b"\xff\xff\xff\x0f" + bytes(20),
        b"RIFF\x1a\x00\x00\x00WEBPVP8 \x0a\x00\x00\x00\x00\x00\x00\x9d\x01\x2a\xff\x3f\xff\x3f" + bytes(20),
        b"BM" + bytes(12) + struct.pack("<IiiHHIIIIII", 40, 30_000, 30_000, 1, 24, 0, 0, 0, 0, 0, 0) + bytes(20),
    ],
    ids=["png", "gif", "webp-extended", "webp-lossless", "webp-lossy", "bmp"],
)
def test_inspect_refuses_too_many_pixels_without_decoding(bomb):
    tracemalloc.start()

    with pytest.raises(TooManyPixels) as refused:
        decode(bomb, LIMITS)

    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert refused.value.details["size_px"] > 16_000 * 16_000
    assert refused.value.details["limit_px"] == 20_000_000
    assert peak_bytes < 2_000_000


def test_inspect_never_asks_the_decoder_for_a_bomb(monkeypatch):
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda _: pytest.fail("decoded"))

    with pytest.raises(TooManyPixels):
        decode(png_bomb(30_000, 30_000), LIMITS)


def tiff_with_tile(side_px: int) -> bytes:
    tags = {256: 16, 257: 16, 258: 8, 259: 1, 262: 1, 277: 1, 322: side_px, 323: side_px, 324: 150, 325: 256}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(20) + bytes(256)


def test_inspect_refuses_small_tiff_made_of_one_huge_tile():
    assert facts_of(BytesIO(tiff_with_tile(16))).width_px == 16

    with pytest.raises(TooManyPixels):
        inspect(BytesIO(tiff_with_tile(30_000)), limits=LIMITS)


def test_inspect_refuses_a_tiff_whose_tags_promise_millions_of_values():
    entries = b"".join(struct.pack("<HHII", tag, 4, 3_000_000, 200) for tag in (273, 279))
    content = b"II*\0" + struct.pack("<IH", 8, 2) + entries + bytes(12_500_000)

    with pytest.raises(BrokenPicture) as refused:
        inspect(BytesIO(content), limits=LIMITS)

    assert "more values" in refused.value.details["reason"]


def test_inspect_skips_exif_whose_tags_overlap_to_gigabytes():
    entries = b"".join(struct.pack("<HHII", tag, 7, 50_000, 8) for tag in range(40_000, 44_000))
    exif = b"Exif\0\0II*\0" + struct.pack("<IH", 8, 4_000) + entries + bytes(8_000)

    assert facts_of(encoded(noise(16, 16), "PNG", exif=exif)).exif == {}


@pytest.mark.parametrize("kind", WRITABLE)
@pytest.mark.parametrize("kept", [0.3, 0.6, 0.95])
def test_inspect_refuses_a_truncated_file(kind, kept):
    whole = encoded(noise(300, 200), kind).getvalue()

    with pytest.raises(BrokenPicture) as refused:
        inspect(BytesIO(whole[: int(len(whole) * kept)]), limits=LIMITS)

    assert refused.value.details["format"] == LABELS[kind]
    assert refused.value.details["reason"]
    assert not ImageFile.LOAD_TRUNCATED_IMAGES


def test_inspect_refuses_a_png_with_a_damaged_chunk():
    content = bytearray(encoded(noise(300, 200), "PNG").getvalue())
    content[len(content) // 2] ^= 0xFF

    with pytest.raises(BrokenPicture):
        inspect(BytesIO(bytes(content)), limits=LIMITS)


def test_inspect_refuses_a_jpeg_with_countless_scans():
    content = encoded(noise(64, 64), "JPEG").getvalue()
    start = content.index(b"\xff\xda")
    scan = content[start:-2]

    with pytest.raises(BrokenPicture) as refused:
        inspect(BytesIO(content[:start] + scan * 60 + b"\xff\xd9"), limits=LIMITS)

    assert "more than 50 scans" in refused.value.details["reason"]


@pytest.mark.parametrize("padding", [b"\xff" * 1_000_000, b"\xff\xe1\x00\x02" * 10_000], ids=["filling", "segments"])
def test_inspect_refuses_a_jpeg_whose_header_never_ends(padding):
    content = encoded(noise(64, 64), "JPEG").getvalue()

    with pytest.raises(BrokenPicture) as refused:
        inspect(BytesIO(content[:2] + padding + content[2:]), limits=LIMITS)

    assert "header has no end" in refused.value.details["reason"]


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
def test_inspect_refuses_too_many_frames(kind):
    frames = [Image.new("RGB", (8, 8), (value * 30, 0, 0)) for value in range(6)]
    file = encoded(frames[0], kind, save_all=True, append_images=frames[1:])

    with pytest.raises(TooManyFrames) as refused:
        inspect(file, limits=LIMITS)

    assert refused.value.details == {"limit": 5}


@pytest.mark.parametrize("error", [KeyError, zlib.error, struct.error, RecursionError])
def test_inspect_reports_whatever_the_decoder_raises(monkeypatch, error):
    def load(self: object) -> None:
        raise error()

    monkeypatch.setattr("PIL.PngImagePlugin.PngImageFile.load", load)

    with pytest.raises(BrokenPicture) as refused:
        decode(encoded(noise(8, 8), "PNG").getvalue(), LIMITS)

    assert refused.value.details == {"format": "PNG", "reason": error.__name__}


def test_inspect_does_not_blame_the_picture_for_a_failing_disk():
    class Failing(BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            raise OSError("disk")

    with pytest.raises(OSError, match="disk"):
        inspect(Failing(b"x"), limits=LIMITS)


# Facts


def test_inspect_tells_digests_size_and_format():
    file = encoded(Image.new("RGB", (60, 40), "red"), "PNG")

    assert facts_of(file) == Facts(
        md5=hashlib.md5(file.getvalue()).hexdigest(),
        sha256=hashlib.sha256(file.getvalue()).hexdigest(),
        size_bytes=len(file.getvalue()),
        format="PNG",
        extension=".png",
        mime_type="image/png",
        width_px=60,
        height_px=40,
        frame_count=1,
        exif={},
        embedded=Embedded(),
    )


def test_inspect_digests_more_than_one_chunk():
    file = encoded(noise(1200, 1000), "BMP")

    assert facts_of(file).sha256 == hashlib.sha256(file.getvalue()).hexdigest()
    assert len(file.getvalue()) > 3 << 20


@pytest.mark.parametrize("kind", WRITABLE)
def test_inspect_reads_every_format(kind):
    picture = inspect(encoded(Image.new("RGB", (40, 30), (200, 40, 60)), kind), limits=LIMITS)

    assert (picture.facts.format, picture.facts.width_px, picture.facts.height_px) == (kind, 40, 30)
    assert (picture.facts.extension, picture.facts.mime_type) == (EXTENSIONS[kind], MIME_TYPES[kind])
    assert picture.pixels.mode == "RGB"
    assert_near(picture.pixels.getpixel((5, 5)), (200, 40, 60))


def test_inspect_rewinds_before_and_after():
    file = encoded(noise(20, 20), "PNG")
    file.seek(7)

    inspect(file, limits=LIMITS)

    assert file.tell() == 0


def test_inspect_reads_a_phone_s_multi_picture_file_as_jpeg():
    file = encoded(noise(64, 48), "MPO", save_all=True, append_images=[noise(32, 24)])
    assert Image.open(file).format == "MPO"

    facts = facts_of(file)

    assert (facts.format, facts.extension, facts.width_px, facts.frame_count) == ("JPEG", ".jpg", 64, 1)


def test_inspect_reads_progressive_jpeg():
    plain, progressive = noise(300, 200), encoded(noise(300, 200), "JPEG", progressive=True, quality=95)

    pixels = inspect(progressive, limits=LIMITS).pixels

    assert np.abs(np.asarray(pixels, dtype=int) - np.asarray(plain, dtype=int)).mean() < 4


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
def test_inspect_uses_the_first_frame_of_an_animation(kind):
    frames = [Image.new("RGB", (16, 12), colour) for colour in (RED, GREEN, BLUE)]
    options = {"lossless": True} if kind == "WEBP" else {}
    file = encoded(frames[0], kind, save_all=True, append_images=frames[1:], **options)

    picture = inspect(file, limits=LIMITS)

    assert picture.facts.frame_count == 3
    assert_near(picture.pixels.getpixel((3, 3)), RED)


# Colours


def test_inspect_converts_cmyk_jpeg():
    assert_near(corner_of(encoded(Image.new("RGB", (16, 16), RED).convert("CMYK"), "JPEG", quality=95)), RED, 12)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_inspect_scales_sixteen_bit_grey(kind):
    grey = Image.fromarray(np.full((8, 8), 0x8000, dtype=np.uint16))

    assert corner_of(encoded(grey, kind)) == (128, 128, 128)


def test_inspect_scales_sixteen_bit_colour():
    rows = b"".join(b"\0" + struct.pack(">HHH", 0xFFFF, 0x8000, 0) * 8 for _ in range(8))
    start = png_start(8, 8, bits=16, colour_type=2)
    content = start + png_chunk(b"IDAT", zlib.compress(rows)) + png_chunk(b"IEND")

    assert corner_of(BytesIO(content)) == (255, 128, 0)


@pytest.mark.parametrize("kind", [np.int32, np.float32])
def test_inspect_stretches_deep_tiff_to_what_occurs(kind):
    ramp = np.linspace(-1000, 100_000, 64).reshape(8, 8).astype(kind)

    pixels = np.asarray(inspect(encoded(Image.fromarray(ramp), "TIFF"), limits=LIMITS).pixels)

    assert (pixels.min(), pixels.max()) == (0, 255)


def test_inspect_reads_float_tiff_with_nan_and_infinity():
    values = np.array([[np.nan, np.inf], [-np.inf, 1.0]], dtype=np.float32)

    pixels = np.asarray(inspect(encoded(Image.fromarray(values), "TIFF"), limits=LIMITS).pixels)

    assert pixels[..., 0].tolist() == [[0, 0], [0, 255]]


def test_inspect_flattens_palette_with_transparency_onto_white():
    image = Image.new("P", (16, 16), 1)
    image.putpalette([*BLUE, *RED, *GREEN])
    image.paste(0, (0, 0, 8, 16))

    pixels = inspect(encoded(image, "PNG", transparency=0), limits=LIMITS).pixels

    assert (pixels.getpixel((2, 2)), pixels.getpixel((12, 12))) == (WHITE, RED)


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (Image.new("L", (16, 16), 77), (77, 77, 77)),
        (Image.new("1", (16, 16), 1), WHITE),
        (Image.new("LA", (16, 16), (0, 0)), WHITE),
        (Image.new("LA", (16, 16), (0, 255)), (0, 0, 0)),
        (Image.new("RGBA", (16, 16), (255, 0, 0, 128)), (255, 127, 127)),
        (Image.new("RGBA", (16, 16), (9, 9, 9, 0)), WHITE),
        (Image.new("P", (16, 16), 0), (0, 0, 0)),
    ],
)
def test_inspect_gives_right_rgb_for_every_png_mode(image, expected):
    assert_near(corner_of(encoded(image, "PNG")), expected, 1)


def test_inspect_reads_lab_tiff():
    lab = ImageCms.profileToProfile(
        Image.new("RGB", (16, 16), RED), ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
    )

    assert_near(corner_of(encoded(lab, "TIFF")), RED, 8)


def swapped_profile() -> bytes:
    """Return an sRGB-like profile whose red and blue primaries are exchanged, so that its use is plain to see."""
    plain = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = plain.replace(b"rXYZ", b"tmp_").replace(b"bXYZ", b"rXYZ").replace(b"tmp_", b"bXYZ")
    return swapped.replace("sRGB".encode("utf-16-be"), "test".encode("utf-16-be"))


def test_inspect_applies_the_colour_profile():
    file = encoded(Image.new("RGB", (16, 16), RED), "PNG", icc_profile=swapped_profile())

    assert_near(corner_of(file), BLUE, 12)


@pytest.mark.parametrize("profile", [b"rubbish", swapped_profile()[:200], bytes(200)])
def test_inspect_ignores_a_damaged_colour_profile(profile):
    assert corner_of(encoded(Image.new("RGB", (16, 16), RED), "PNG", icc_profile=profile)) == RED


def test_inspect_ignores_a_profile_of_other_colours():
    file = encoded(Image.new("L", (16, 16), 100).convert("CMYK"), "TIFF", icc_profile=swapped_profile())

    assert_near(corner_of(file), (100, 100, 100))


# Size and orientation


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_inspect_turns_the_picture_upright(kind, orientation):
    quarters = Image.new("RGB", (64, 32), WHITE)
    quarters.paste(RED, (0, 0, 32, 16))
    quarters.paste(GREEN, (32, 0, 64, 16))
    quarters.paste(BLUE, (0, 16, 32, 32))
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # how a camera stores an upright scene for each orientation
    turn = undo.get(orientation)
    stored = quarters if turn is None else quarters.transpose(Image.Transpose(turn))
    exif = Image.Exif()
    exif[Base.Orientation] = orientation

    picture = inspect(encoded(stored, kind, exif=exif), limits=LIMITS)

    assert (picture.facts.width_px, picture.facts.height_px) == picture.pixels.size == (64, 32)
    assert_near(picture.pixels.getpixel((6, 6)), RED, 25)
    assert_near(picture.pixels.getpixel((57, 6)), GREEN, 25)
    assert_near(picture.pixels.getpixel((6, 25)), BLUE, 25)


@pytest.mark.parametrize("orientation", [0, 9, 60_000])
def test_inspect_ignores_an_impossible_orientation(orientation):
    exif = Image.Exif()
    exif[Base.Orientation] = orientation

    assert facts_of(encoded(noise(20, 10), "JPEG", exif=exif)).width_px == 20


@pytest.mark.parametrize("kind", WRITABLE)
@pytest.mark.parametrize("size", [(3000, 1500), (1, 1)])
def test_inspect_keeps_the_longest_side_within_the_preview(kind, size):
    picture = inspect(encoded(Image.new("RGB", size, "gray"), kind), limits=LIMITS)

    scale = min(1, PREVIEW_PX / max(size))
    assert (picture.facts.width_px, picture.facts.height_px) == size
    assert picture.pixels.size == tuple(max(1, round(side * scale)) for side in size)


@pytest.mark.parametrize("kind", WRITABLE)
def test_load_pixels_equals_inspect(kind):
    file = encoded(noise(1500, 900), kind)

    assert load_pixels(file, limits=LIMITS).tobytes() == inspect(file, limits=LIMITS).pixels.tobytes()


def test_load_pixels_keeps_the_limits():
    with pytest.raises(TooManyPixels):
        load_pixels(BytesIO(png_bomb(30_000, 30_000)), limits=LIMITS)
    with pytest.raises(EmptyFile):
        load_pixels(BytesIO(), limits=LIMITS)


# EXIF


def photo_with(**tags: object) -> BytesIO:
    exif = Image.Exif()
    photo = exif.get_ifd(IFD.Exif)
    for name, value in tags.items():
        (exif if name in ("Make", "Model") else photo)[Base[name]] = value
    return encoded(noise(16, 16), "JPEG", exif=exif)


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({"DateTimeOriginal": "2021:07:09 18:30:05"}, datetime(2021, 7, 9, 18, 30, 5)),  # noqa: DTZ001 -- naive is meant
        ({"DateTimeOriginal": "2021-07-09 18:30:05"}, datetime(2021, 7, 9, 18, 30, 5)),  # noqa: DTZ001 -- naive is meant
        (
            {"DateTimeOriginal": "2021:07:09 18:30:05", "OffsetTimeOriginal": "+08:00"},
            datetime(2021, 7, 9, 18, 30, 5, tzinfo=timezone(timedelta(hours=8))),
        ),
        (
            {"DateTimeOriginal": "2021:07:09 18:30:05", "OffsetTimeOriginal": "noon"},
            datetime(2021, 7, 9, 18, 30, 5),  # noqa: DTZ001 -- naive is meant
        ),
        ({}, None),
        ({"DateTimeOriginal": "0000:00:00 00:00:00"}, None),
        ({"DateTimeOriginal": "    :  :     :  :  "}, None),
        ({"DateTimeOriginal": "2021:13:45 99:99:99"}, None),
        ({"DateTimeOriginal": "yesterday"}, None),
        ({"DateTimeOriginal": "1234:01:01 00:00:00"}, None),
        ({"DateTimeOriginal": f"{datetime.now(UTC).year + 2}:01:01 00:00:00"}, None),
    ],
)
def test_inspect_reads_the_date_taken(tags, expected):
    taken = facts_of(photo_with(**tags)).taken_at

    assert taken == expected
    assert (taken and taken.tzinfo) == (expected and expected.tzinfo)


def test_inspect_keeps_a_small_json_safe_selection():
    file = photo_with(
        Make="Canon\0\0",
        Model="M" * 500,
        LensModel="Objektiv für Nähe".encode(),
        ExposureTime=0.004,
        FNumber=2.8,
        ISOSpeedRatings=400,
        FocalLength=50.0,
        UserComment=b"secret",
    )

    kept = facts_of(file).exif

    assert kept == {
        "camera_make": "Canon",
        "camera_model": "M" * 200,
        "lens_model": "Objektiv für Nähe",
        "exposure_s": 0.004,
        "f_number": 2.8,
        "iso": 400,
        "focal_length_mm": 50.0,
    }
    assert json.loads(json.dumps(kept, allow_nan=False)) == kept


def test_inspect_never_keeps_the_place():
    exif = Image.Exif()
    exif.get_ifd(IFD.GPSInfo).update({1: "N", 2: (52.0, 31.0, 12.0)})

    assert facts_of(encoded(noise(16, 16), "JPEG", exif=exif)).exif == {}


def test_inspect_drops_numbers_that_are_none():
    tags = TiffImagePlugin.IFDRational(1, 0), TiffImagePlugin.IFDRational(0, 0)

    assert facts_of(photo_with(ExposureTime=tags[0], FNumber=tags[1])).exif == {}


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_inspect_survives_damaged_exif(kind):
    whole = photo_with(Make="Canon", DateTimeOriginal="2021:07:09 18:30:05")
    damaged = Image.open(whole).info["exif"][:40] + b"\xff" * 20

    facts = facts_of(encoded(noise(16, 16), kind, exif=damaged))

    assert (facts.width_px, facts.taken_at) == (16, None)


def test_inspect_reads_exif_of_a_tiff():
    exif = Image.Exif()
    exif[Base.Make] = "Leica"

    assert facts_of(encoded(noise(16, 16), "TIFF", exif=exif)).exif == {"camera_make": "Leica"}


# Thumbnails


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((1280, 640), [(400, 200), (1280, 640)]),
        ((800, 1000), [(320, 400), (800, 1000)]),
        ((480, 360), [(480, 360), (480, 360)]),
        ((30, 20), [(30, 20), (30, 20)]),
        ((1280, 1), [(400, 1), (1280, 1)]),
    ],
)
def test_thumbnails_fit_their_sizes_and_are_never_enlarged(size, expected):
    made = thumbnails(Image.new("RGB", size, "green"))

    assert tuple(made) == THUMBNAIL_SIZES_PX
    assert [Image.open(BytesIO(made[longest])).size for longest in THUMBNAIL_SIZES_PX] == expected


def test_thumbnails_are_webp_without_metadata():
    exif = Image.Exif()
    exif[Base.Make] = "Canon"
    exif.get_ifd(IFD.GPSInfo)[1] = "N"
    source = encoded(noise(900, 700), "JPEG", exif=exif, icc_profile=swapped_profile(), comment=b"at home")

    for content in thumbnails(inspect(source, limits=LIMITS).pixels).values():
        image = Image.open(BytesIO(content))
        assert image.format == "WEBP"
        assert {"exif", "icc_profile", "xmp", "comment"}.isdisjoint(image.info)


def test_thumbnails_show_the_picture():
    pixels = Image.merge("RGB", [Image.linear_gradient("L").resize((900, 700))] * 3)

    small = Image.open(BytesIO(thumbnails(pixels)[400]))

    difference = np.asarray(small, dtype=int) - np.asarray(pixels.resize(small.size), dtype=int)
    assert np.abs(difference).mean() < 3


def test_every_refusal_is_an_invalid_picture():
    refusals = (EmptyFile, FileTooLarge, UnsupportedFormat, TooManyPixels, TooManyFrames, BrokenPicture)

    assert all(issubclass(refusal, InvalidPicture) for refusal in refusals)
