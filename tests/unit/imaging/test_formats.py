"""HEIC, AVIF and JPEG XL, sequences, panoramas and bombs: files as phones, cameras and attackers make them."""

import zlib
from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
from PIL import Image, ImageCms
from PIL.ExifTags import Base

from gallery.errors import BrokenPicture, InvalidPicture, TooManyFrames, TooManyPixels, UnsupportedFormat
from gallery.imaging import LABELS, PREVIEW_PX, Limits, inspect, sniff, thumbnails
from gallery.imaging.decoding import MAX_PREVIEW_PX, PANORAMA_LONG_PX, PANORAMA_SHORT_PX, decode
from gallery.imaging.jpeg_xl import promised_size
from tests.picture_files import WRITABLE, display_p3_profile, lossless_jpeg_xl, png_chunk, png_start, register_writers

register_writers()
LIMITS = Limits(max_bytes=50_000_000, max_pixels=128_000_000, max_frames=5)
NEW = ("AVIF", "HEIF", "JXL")
SEQUENCES = ("GIF", "WEBP", "PNG", "TIFF", "AVIF", "HEIF")
RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    out = BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def noise(width: int, height: int) -> Image.Image:
    values = np.random.default_rng(1).integers(0, 256, (height // 8 + 1, width // 8 + 1, 3), dtype=np.uint8)
    return Image.fromarray(values).resize((width, height))


def quarters() -> Image.Image:
    image = Image.new("RGB", (64, 32), WHITE)
    image.paste(RED, (0, 0, 32, 16))
    image.paste(GREEN, (32, 0, 64, 16))
    image.paste(BLUE, (0, 16, 32, 32))
    return image


def pixels_of(content: bytes) -> Image.Image:
    return inspect(BytesIO(content), limits=LIMITS).pixels


def assert_near(colour: tuple[int, ...], expected: tuple[int, ...], by: int = 8) -> None:
    assert max(abs(a - b) for a, b in zip(colour, expected, strict=True)) <= by, colour


# Told by content


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIF"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", "HEIF"),
        (b"\0\0\0\x18ftypmsf1\0\0\0\0msf1hevc", "HEIF"),
        (b"\0\0\0\x20ftypavif\0\0\0\0avifmif1miafMA1B", "AVIF"),
        (b"\0\0\0\x20ftypavis\0\0\0\0avifavismsf1miaf", "AVIF"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1avif", "AVIF"),
        (b"\xff\x0a\0\0", "JXL"),
        (b"\0\0\0\x0cJXL \r\n\x87\n\0\0\0\x14ftypjxl ", "JXL"),
    ],
)
def test_sniff_tells_the_new_formats(head, name):
    assert sniff(head).name == name


@pytest.mark.parametrize("brand", [b"isom", b"mp42", b"qt  ", b"M4A "])
def test_sniff_takes_no_film_for_a_picture(brand):
    with pytest.raises(UnsupportedFormat):
        sniff(b"\0\0\0\x18ftyp" + brand + b"\0\0\0\0mif1miaf")


@pytest.mark.parametrize("kind", NEW)
@pytest.mark.parametrize("head", [b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", b"GIF89a"])
def test_inspect_refuses_one_format_behind_the_beginning_of_another(kind, head):
    with pytest.raises(InvalidPicture):
        inspect(BytesIO(head + encoded(noise(64, 48), kind)[len(head) :]), limits=LIMITS)


def test_inspect_refuses_an_avif_that_says_it_is_a_heic():
    content = encoded(noise(64, 48), "AVIF").replace(b"ftypavif", b"ftypheic")

    with pytest.raises(BrokenPicture) as refused:
        inspect(BytesIO(content), limits=LIMITS)

    assert refused.value.details["format"] == "HEIC"


# Colours


@pytest.mark.parametrize("kind", NEW)
@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (Image.new("L", (64, 64), 77), (77, 77, 77)),
        (Image.new("RGBA", (64, 64), (255, 0, 0, 128)), (255, 127, 127)),
        (Image.new("RGBA", (64, 64), (9, 9, 9, 0)), WHITE),
        (Image.new("LA", (64, 64), (0, 255)), (0, 0, 0)),
    ],
    ids=["grey", "half", "clear", "grey-alpha"],
)
def test_new_formats_give_right_rgb(kind, image, expected):
    assert_near(pixels_of(encoded(image, kind)).getpixel((30, 30)), expected)


def test_jpeg_xl_of_sixteen_bits_is_scaled():
    grey = Image.fromarray(np.full((8, 8), 0x8000, dtype=np.uint16))

    assert pixels_of(encoded(grey, "JXL", lossless=True)).getpixel((3, 3)) == (128, 128, 128)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF"])
def test_display_p3_is_turned_into_srgb(kind):
    """The colour that Display P3 writes as (220, 80, 60) is redder than these numbers would be in sRGB."""
    profile = display_p3_profile()
    image = Image.new("RGB", (64, 64), (220, 80, 60))
    expected = ImageCms.profileToProfile(
        image, ImageCms.ImageCmsProfile(BytesIO(profile)), ImageCms.createProfile("sRGB")
    )

    colour = pixels_of(encoded(image, kind, icc_profile=profile, quality=95)).getpixel((30, 30))

    assert_near(colour, expected.getpixel((30, 30)), 5)
    assert colour[0] > 232


def test_jpeg_xl_gives_its_own_profile():
    profile = display_p3_profile()
    jpeg = encoded(Image.new("RGB", (64, 64), (220, 80, 60)), "JPEG", icc_profile=profile, quality=95)

    assert_near(pixels_of(lossless_jpeg_xl(jpeg)).getpixel((30, 30)), pixels_of(jpeg).getpixel((30, 30)), 1)


def test_palette_with_transparency_is_flattened():
    image = Image.new("P", (16, 16), 1)
    image.putpalette([*BLUE, *RED, *GREEN])
    image.paste(0, (0, 0, 8, 16))

    pixels = pixels_of(encoded(image, "GIF", transparency=0))

    assert (pixels.getpixel((2, 2)), pixels.getpixel((12, 12))) == (WHITE, RED)


# Orientation


@pytest.mark.parametrize("kind", NEW)
@pytest.mark.parametrize("orientation", range(1, 9))
def test_new_formats_come_out_upright(kind, orientation):
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
    turn = undo.get(orientation)
    stored = quarters() if turn is None else quarters().transpose(Image.Transpose(turn))
    exif = Image.Exif()
    exif[Base.Orientation] = orientation
    if kind == "JXL":  # its own way: a JPEG packed without loss keeps the JPEG's EXIF data
        content = lossless_jpeg_xl(encoded(stored, "JPEG", exif=exif, quality=95))
    else:
        content = encoded(stored, kind, exif=exif.tobytes(), quality=95)

    picture = inspect(BytesIO(content), limits=LIMITS)

    assert (picture.facts.width_px, picture.facts.height_px) == picture.pixels.size == (64, 32)
    assert_near(picture.pixels.getpixel((6, 6)), RED, 40)
    assert_near(picture.pixels.getpixel((57, 6)), GREEN, 40)
    assert_near(picture.pixels.getpixel((6, 25)), BLUE, 40)


@pytest.mark.parametrize("kind", NEW)
def test_new_formats_tell_their_exif(kind):
    exif = Image.Exif()
    exif[Base.Make] = "Leica"
    exif.get_ifd(0x8769)[Base.DateTimeOriginal] = "2021:07:09 18:30:05"

    facts = inspect(BytesIO(encoded(noise(64, 48), kind, exif=exif.tobytes())), limits=LIMITS).facts

    assert facts.exif == {"camera_make": "Leica"}
    assert facts.taken_at is not None
    assert facts.taken_at.isoformat() == "2021-07-09T18:30:05"


def test_jpeg_xl_pixels_are_not_turned_twice():
    """Its decoder turns by the file's own header; EXIF data beside it is only a copy of what was."""
    exif = Image.Exif()
    exif[Base.Orientation] = 6

    picture = inspect(BytesIO(encoded(quarters(), "JXL", exif=exif.tobytes())), limits=LIMITS)

    assert (picture.facts.width_px, picture.facts.height_px) == picture.pixels.size == (64, 32)


# More than one frame


@pytest.mark.parametrize("kind", SEQUENCES)
def test_the_first_of_many_is_searched_and_all_are_counted(kind):
    frames = [Image.new("RGB", (64, 48), colour) for colour in (RED, GREEN, BLUE)]

    picture = inspect(
        BytesIO(encoded(frames[0], kind, save_all=True, append_images=frames[1:], quality=90)), limits=LIMITS
    )

    assert picture.facts.frame_count == 3
    assert_near(picture.pixels.getpixel((30, 20)), RED, 12)


@pytest.mark.parametrize("kind", ["AVIF", "HEIF"])
def test_too_many_frames_are_refused(kind):
    frames = [Image.new("RGB", (64, 48), (value * 30, 0, 0)) for value in range(6)]

    with pytest.raises(TooManyFrames):
        inspect(BytesIO(encoded(frames[0], kind, save_all=True, append_images=frames[1:])), limits=LIMITS)


def test_the_main_picture_of_a_heic_is_searched():
    frames = [Image.new("RGB", (64, 48), colour) for colour in (RED, GREEN, BLUE)]
    content = encoded(frames[0], "HEIF", save_all=True, append_images=frames[1:], primary_index=1, quality=90)

    picture = inspect(BytesIO(content), limits=LIMITS)

    assert picture.facts.frame_count == 3
    assert_near(picture.pixels.getpixel((30, 20)), GREEN, 12)


# Size


@pytest.mark.parametrize("size", [(30_000, 1_500), (1_500, 30_000)])
def test_a_huge_panorama_keeps_a_sensible_preview(size):
    picture = inspect(BytesIO(encoded(Image.new("RGB", size, "olive"), "JPEG")), limits=LIMITS)

    assert (picture.facts.width_px, picture.facts.height_px) == size
    assert sorted(picture.pixels.size) == [PANORAMA_SHORT_PX, PANORAMA_LONG_PX]
    shown = [Image.open(BytesIO(content)).size for content in thumbnails(picture.pixels).values()]
    assert [max(one) for one in shown] == [400, PREVIEW_PX]


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((6_000, 1_000), (1_536, 256)),
        ((65_535, 1), (5_120, 1)),
        ((1, 65_535), (1, 5_120)),
        ((1_300, 4), (1_300, 4)),
        ((4_000, 3_000), (1_280, 960)),
        ((1, 1), (1, 1)),
    ],
)
def test_the_preview_s_size(size, expected):
    pixels = pixels_of(encoded(Image.new("RGB", size, "gray"), "PNG"))

    assert pixels.size == expected
    assert pixels.width * pixels.height <= MAX_PREVIEW_PX


@pytest.mark.parametrize("kind", NEW)
@pytest.mark.parametrize("size", [(1, 1), (2_000, 50)])
def test_new_formats_of_unusual_sizes(kind, size):
    facts = inspect(BytesIO(encoded(Image.new("RGB", size, "gray"), kind)), limits=LIMITS).facts

    assert (facts.width_px, facts.height_px) == size


@pytest.mark.parametrize("size", [(1, 1), (8, 8), (256, 256), (257, 300), (640, 480), (4_000, 3_000), (1_200, 1_000)])
@pytest.mark.parametrize("use_container", [False, True])
def test_jpeg_xl_promises_the_size_that_it_has(size, use_container):
    content = encoded(Image.new("RGB", size), "JXL", effort=1, use_container=use_container)

    assert promised_size(content) == size


# Bombs: few bytes that promise very much


def unfinished_png(side_px: int) -> bytes:
    start = png_start(side_px, side_px, bits=8, colour_type=6)
    return start + png_chunk(b"IDAT", zlib.compress(bytes(1_000_000), 9))


def bomb(kind: str) -> bytes:
    """Return a picture of 3,000 x 3,000 pixels in some kB, or one that says so."""
    flat = Image.new("RGB", (3_000, 3_000), "navy")
    options = {"TIFF": {"compression": "tiff_adobe_deflate"}, "JXL": {"effort": 1}, "AVIF": {"speed": 10}}.get(kind, {})
    return unfinished_png(3_000) if kind == "PNG" else encoded(flat, kind, **options)


@pytest.mark.parametrize("kind", [kind for kind in WRITABLE if kind != "BMP"])
def test_a_bomb_is_refused_by_its_size(kind):
    content = bomb(kind)
    assert len(content) < 200_000

    with pytest.raises(TooManyPixels) as refused:
        inspect(BytesIO(content), limits=replace(LIMITS, max_pixels=8_999_999))

    assert refused.value.details == {"size_px": 9_000_000, "limit_px": 8_999_999}


def test_a_jpeg_xl_bomb_is_refused_before_its_decoder_sees_it(monkeypatch):
    monkeypatch.setattr("pillow_jxl.Decoder", lambda **_options: pytest.fail("opened"))

    with pytest.raises(TooManyPixels):
        decode(bomb("JXL"), replace(LIMITS, max_pixels=8_999_999))


@pytest.mark.parametrize(
    "content",
    [
        b"\xff\x0a",
        b"\xff\x0a" + b"\xff" * 3,
        b"\0\0\0\x0cJXL \r\n\x87\n",
        b"\0\0\0\x0cJXL \r\n\x87\n" + b"\0\0\0\x08free" * 20_000,
        b"\0\0\0\x0cJXL \r\n\x87\n" + b"\0\0\0\x0cjxlcabcd",
        b"\0\0\0\x0cJXL \r\n\x87\n" + b"\0\0\0\x00free",
    ],
)
def test_a_jpeg_xl_without_a_picture_is_refused(content):
    with pytest.raises(BrokenPicture) as refused:
        inspect(BytesIO(content), limits=LIMITS)

    assert refused.value.details["format"] == "JPEG XL"


@pytest.mark.parametrize("kind", WRITABLE)
@pytest.mark.parametrize("kept", [0.02, 0.5, 0.98])
def test_a_truncated_file_is_refused_by_whatever_decoder(kind, kept):
    content = encoded(noise(900, 700), kind)

    with pytest.raises(InvalidPicture) as refused:
        inspect(BytesIO(content[: int(len(content) * kept)]), limits=LIMITS)

    assert isinstance(refused.value, BrokenPicture)
    assert refused.value.details["format"] == LABELS[kind]
