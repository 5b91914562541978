"""Files that real cameras and programs write, against what is right for each: pixels, orientation, size, sentence."""

from dataclasses import replace
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from gallery.errors import BrokenPicture, UnsupportedTiff
from gallery.imaging import Limits, inspect, large, sniff
from gallery.imaging import webp as webp_module
from gallery.imaging.decoding import decode
from gallery.imaging.mending import mended
from gallery.imaging.raw import is_raw_tiff
from gallery.imaging.tiff import MAX_VALUES, count_pages, directories
from tests.odd_file_table import GIVEN, TABLE, judged, outcome_of, table
from tests.odd_files import ODD_FILES, WHITE, colours, exif, jpeg_cut, picture, png, ramp, raw_file, saved, tiff, webp

LIMITS = Limits(max_bytes=20_000_000, max_pixels=20_000_000, max_frames=5)
SEEDS = {
    "JPEG": [saved("JPEG"), jpeg_cut(2), saved("JPEG", progressive=True)],
    "PNG": [saved("PNG"), png(b"")],
    "WEBP": [webp(), saved("WEBP")],
    "TIFF": [tiff(colours(255, "u1"), photometric="rgb"), raw_file()],
    "HEIF": [saved("HEIF", exif=exif())],
    "AVIF": [saved("AVIF", exif=exif())],
}


@pytest.mark.parametrize("odd", ODD_FILES, ids=lambda odd: odd.name)
def test_odd_file_is_shown_right_or_refused_for_the_right_reason(odd):
    assert judged(odd, outcome_of(odd.make(), odd.at)) == "as expected"


@pytest.mark.odd_files
@pytest.mark.parametrize("name", GIVEN)
def test_given_file_is_shown_right(odd_files, name):
    odd = GIVEN[name]

    assert judged(odd, outcome_of((odd_files / name).read_bytes(), odd.at)) == "as expected"


@pytest.mark.odd_files
def test_the_table_of_odd_files_is_that_of_today(odd_files):
    assert table(odd_files) in TABLE.read_text(), "python -m tests.odd_file_table writes it anew"


@pytest.mark.odd_files
def test_given_float_tiff_is_no_longer_called_damaged(odd_files):
    facts = inspect(BytesIO((odd_files / "A7_tiff_rgb_float32.tif").read_bytes()), limits=LIMITS).facts

    assert (facts.format, facts.width_px, facts.height_px) == ("TIFF", 120, 80)


@pytest.mark.odd_files
def test_what_the_given_gif_does_not_cover_is_white(odd_files):
    content = (odd_files / "B8_gif_first_frame_smaller_than_canvas.gif").read_bytes()

    assert outcome_of(content, 0.05).quarters == (WHITE,) * 4


# Camera raw


@pytest.mark.parametrize(("has_preview", "shown"), [(True, "preview"), (False, "developed")])
def test_raw_file_says_what_of_it_is_shown(has_preview, shown):
    facts = inspect(BytesIO(raw_file(preview=has_preview)), limits=LIMITS).facts

    assert (facts.format, facts.extension, facts.mime_type) == ("RAW", ".raw", "image/x-dcraw")
    assert (facts.width_px, facts.height_px) == (320, 200)
    assert facts.exif["shown"] == shown


@pytest.mark.parametrize("says_px", [600, 60_000])
def test_raw_preview_that_says_it_is_larger_shows_no_memory(says_px):
    facts = inspect(BytesIO(raw_file(plain_width=says_px)), limits=LIMITS).facts

    assert facts.exif["shown"] == "developed"


@pytest.mark.parametrize(
    "head",
    [
        *(b"IIRO\x08\0\0\0", b"IIRS\x08\0\0\0", b"MMOR\0\0\0\x08", b"IIU\0\x18\0\0\0", b"FUJIFILMCCD-RAW 0201"),
        *(b"II*\0\x10\0\0\0CR\x02\0", b"\0\0\0\x18ftypcrx \0\0\0\x01crx isom", b"\0MRM\0\0\0\0", b"FOVb\0\0\0\0"),
        b"II\x1a\0\0\0HEAPCCDR",
    ],
)
def test_raw_of_other_makers_is_told_by_its_first_bytes(head):
    assert sniff(head + bytes(300)).name == "RAW"
    with pytest.raises(BrokenPicture) as refused:
        inspect(BytesIO(head + bytes(300)), limits=LIMITS)
    assert refused.value.details["format"] == "RAW"


@pytest.mark.parametrize("maker", ["NIKON CORPORATION", "Canon", "SONY", "PENTAX", "Adobe DNG Converter"])
def test_plain_tiff_of_a_camera_is_not_taken_for_raw(maker):
    content = tiff(
        colours(255, "u1"),
        photometric="rgb",
        extratags=[(271, 2, 0, maker, True), (50706, 1, 4, (1, 4, 0, 0), True), (330, 4, 1, 8, True)],
    )

    assert inspect(BytesIO(content), limits=LIMITS).facts.format == "TIFF"


# The largest pictures


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "options"), [("WEBP", {"lossless": True, "method": 0}), ("AVIF", {"speed": 10})])
def test_the_largest_picture_with_alpha_fits_into_the_memory(kind, options):
    content = saved(kind, Image.new("RGBA", (16_000, 8_000), (0, 128, 0, 255)), **options | {"quality": 0})

    picture = inspect(BytesIO(content), limits=replace(LIMITS, max_pixels=128_000_000, timeout_seconds=600))

    assert (picture.facts.width_px, picture.facts.height_px) == (16_000, 8_000)
    assert picture.pixels.size == (1280, 640)


@pytest.mark.parametrize("kind", ["WEBP", "AVIF"])
@pytest.mark.parametrize("image", [picture(), picture().convert("RGBA")], ids=["opaque", "alpha"])
def test_a_large_picture_has_the_pixels_that_a_small_one_has(kind, image, monkeypatch):
    content = saved(kind, image)
    usual = decode(content, LIMITS).pixels

    monkeypatch.setattr(large, "LARGE_PX", 0)
    monkeypatch.setattr(webp_module, "LARGE_PX", 0)

    assert decode(content, LIMITS).pixels.tobytes() == usual.tobytes()


# What is told to people


def test_tiff_of_an_unknown_kind_is_named_and_not_called_damaged():
    with pytest.raises(UnsupportedTiff) as refused:
        inspect(BytesIO(tiff(ramp(1, "c8"))), limits=LIMITS)

    assert str(refused.value) == (
        "This kind of TIFF (1 × 64-bit other, compression 1, colours 1) cannot be shown. "
        "Save it with 8 or 16 bits a colour, without compression, or as PNG, and try again."
    )


# Parsers of our own: whatever they are given, they end soon and say no more than they may


@settings(max_examples=200)
@given(
    st.sampled_from([(name, seed) for name, seeds in SEEDS.items() for seed in seeds]),
    st.lists(st.tuples(st.integers(0, 600), st.integers(0, 255)), max_size=6),
    st.integers(0, 80),
)
def test_mended_never_raises_and_yields_few_candidates(seed, changes, cut):
    name, content = seed[0], bytearray(seed[1])
    for place, value in changes:
        content[place % len(content)] = value

    found = list(mended(bytes(content[: len(content) - cut]), name))

    assert len(found) <= 4
    assert all(len(one) <= len(content) + 1_000 for one in found)


@given(st.sampled_from(sorted(SEEDS)), st.binary(max_size=300))
def test_mended_takes_anything(name, content):
    assert len(list(mended(content, name))) <= 4


@given(st.sampled_from([b"II*\0", b"MM\0*", b"II+\0\x08\0\0\0", b"MM\0+\0\x08\0\0"]), st.binary(max_size=400))
def test_directories_of_anything_are_few_and_small(start, content):
    found = directories(start + content)

    assert len(found) <= 64
    assert all(len(numbers) in range(1, 17) for tags in found for numbers in tags.values())


def test_directories_that_point_at_each_other_end():
    content = b"II*\0\x08\0\0\0" + b"\0\0" + (8).to_bytes(4, "little")

    assert len(directories(content)) == 1
    assert not is_raw_tiff(content)


def test_pages_behind_a_lost_one_are_not_counted():
    content = tiff(colours(255, "u1"), photometric="rgb")

    assert count_pages(content, 5) == 1
    assert MAX_VALUES > 1_000_000


@pytest.mark.parametrize("by", range(1, 60))
def test_jpeg_cut_at_its_end_is_shown_whole_or_refused(by):
    """No cut is ever shown with rows made up: what is shown is what the whole file shows."""
    whole = inspect(BytesIO(saved("JPEG")), limits=LIMITS).pixels

    try:
        shown = inspect(BytesIO(jpeg_cut(by)), limits=LIMITS).pixels
    except BrokenPicture:
        assert by > 2
        return

    assert shown.tobytes() == whole.tobytes()
