"""Hostile bytes: whatever they are, the only error is InvalidPicture and the answer comes soon.

A decoder that crashes on one is found too: `check` lets no DecoderCrashed pass, though the site would live on.
"""

import struct
import warnings
from io import BytesIO

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from gallery.errors import DecoderCrashed, DecodingTooSlow, InvalidPicture
from gallery.imaging import Limits, inspect, load_pixels
from gallery.imaging.decoding import MAX_PREVIEW_PX
from tests.odd_files import colours, gif, ramp, raw_file, tiff, webp_of_small_frames
from tests.picture_files import WRITABLE, lossless_jpeg_xl, register_writers

register_writers()
# 200 kB take milliseconds: what needs ten seconds hangs, on a busy machine too
LIMITS = Limits(max_bytes=200_000, max_pixels=1_000_000, max_frames=8, timeout_seconds=10, memory_mb=600)
HEADS = [
    *(b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"BM", b"RIFF\0\0\0\0WEBPVP8X", b"II*\0", b"MM\0*", b"II+\0"),
    *(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", b"\0\0\0\x18ftypavif\0\0\0\0mif1avif"),
    *(b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n", b"\0\0\0\x0cJXL \r\n\x87\n\0\0\0\x50jxlc\xff\x0a"),
]

fuzz = settings(max_examples=150)


def encoded(kind: str, **options: object) -> bytes:
    values = np.random.default_rng(2).integers(0, 256, (24, 32, 3), dtype=np.uint8)
    out = BytesIO()
    Image.fromarray(values).save(out, kind, **options)
    return out.getvalue()


def rich() -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif.get_ifd(0x8769).update({0x9003: "2021:07:09 18:30:05", 0x829A: 0.01})
    return exif


FRAMES = [Image.new("RGB", (32, 24), colour) for colour in ("red", "green")]
SEEDS = [
    *(encoded(kind) for kind in WRITABLE),
    *(encoded(kind, exif=rich().tobytes()) for kind in ("JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF", "JXL")),
    *(
        encoded(kind, save_all=True, append_images=FRAMES)
        for kind in ("GIF", "PNG", "WEBP", "TIFF", "MPO", "AVIF", "HEIF")
    ),
    lossless_jpeg_xl(encoded("JPEG")),
    encoded("JPEG", progressive=True),
    *(encoded("TIFF", compression=name) for name in ("tiff_lzw", "tiff_adobe_deflate", "jpeg", "packbits")),
    *(raw_file(size=(64, 40)), raw_file(size=(64, 40), preview=False)),
    tiff(colours()[:20, :30], photometric="rgb"),
    tiff(ramp()[:20, :30], compression="zlib", tile=(16, 16)),
    tiff(ramp(4095, "u2")[:20, :30]),
    gif(covers=(80, 50, 160, 100)),
    *(webp_of_small_frames(alpha=alpha) for alpha in (True, False)),
]


def check(content: bytes) -> None:
    """Look at `content` by both doors: they agree, and only InvalidPicture is ever raised."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns about damaged EXIF, which is the point here
        try:
            picture = inspect(BytesIO(content), limits=LIMITS)
        except (DecoderCrashed, DecodingTooSlow):
            raise
        except InvalidPicture as refused:
            with pytest.raises(type(refused)):
                load_pixels(BytesIO(content), limits=LIMITS)
            return
        assert picture.pixels.mode == "RGB"
        assert picture.pixels.width * picture.pixels.height <= MAX_PREVIEW_PX
        assert picture.facts.width_px * picture.facts.height_px <= LIMITS.max_pixels
        assert 1 <= picture.facts.frame_count <= LIMITS.max_frames
        assert load_pixels(BytesIO(content), limits=LIMITS).tobytes() == picture.pixels.tobytes()


@fuzz
@given(st.binary(max_size=400))
@example(b"")
def test_random_bytes_are_refused_politely(content):
    check(content)


@fuzz
@given(st.sampled_from(HEADS), st.binary(max_size=600))
def test_random_bytes_after_a_true_beginning(head, content):
    check(head + content)


@fuzz
@given(st.sampled_from(SEEDS), st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 255)), min_size=1, max_size=12))
def test_changed_bytes(seed, changes):
    content = bytearray(seed)
    for place, value in changes:
        content[place % len(content)] = value

    check(bytes(content))


@fuzz
@given(st.sampled_from(SEEDS), st.integers(0, 120), st.sampled_from([0, 1, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF]))
def test_extreme_numbers_in_the_header(seed, place, number):
    content = bytearray(seed)
    struct.pack_into("<I", content, min(place, len(content) - 4), number)

    check(bytes(content))


@fuzz
@given(st.sampled_from(SEEDS), st.data())
def test_pieces_cut_out_and_repeated(seed, data):
    start = data.draw(st.integers(0, len(seed) - 1))
    end = data.draw(st.integers(start, len(seed)))
    times = data.draw(st.integers(0, 20))

    check(seed[:start] + seed[start:end] * times + seed[end:])


@fuzz
@given(st.sampled_from(SEEDS), st.data())
def test_cut_short(seed, data):
    check(seed[: data.draw(st.integers(0, len(seed)))])


@fuzz
@given(st.sampled_from(SEEDS), st.binary(min_size=1, max_size=300))
def test_rubbish_behind_the_picture(seed, rubbish):
    check(seed + rubbish)
