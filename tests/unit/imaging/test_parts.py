"""Parts of pictures, cut where they stand in the upright picture, whatever the file says of which way up it is."""

from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from gallery.errors import BrokenPicture, TooManyPixels
from gallery.imaging import PREVIEW_PX, Limits, Purpose, Shares, load_part, part_of

LIMITS = Limits(max_bytes=20_000_000, max_pixels=20_000_000, max_frames=5, purpose=Purpose.SEARCHING)
shares, extents, sides = st.floats(0, 1, exclude_max=True), st.floats(1e-9, 1), st.integers(1, 300)


def quarters(size: tuple[int, int] = (40, 20)) -> Image.Image:
    """Return a picture of four colours: red and lime above, blue and white below."""
    corners = Image.new("RGB", (2, 2))
    corners.putdata([(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)])
    return corners.resize(size, Image.Resampling.NEAREST)


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> BytesIO:
    out = BytesIO()
    image.save(out, kind, **options)
    return out


def test_part_is_cut_where_it_stands():
    lower_right = load_part(encoded(quarters()), (0.5, 0.5, 0.5, 0.5), limits=LIMITS)

    assert (lower_right.mode, lower_right.size) == ("RGB", (20, 10))
    assert lower_right.getcolors() == [(200, (255, 255, 255))]


def test_part_of_a_picture_on_its_side_is_of_the_upright_one():
    exif = Image.Exif()
    exif[0x0112] = 6
    upper_left = load_part(encoded(quarters(), exif=exif), (0, 0, 0.5, 0.5), limits=LIMITS)

    assert upper_left.size == (10, 20)
    assert upper_left.getcolors() == [(200, (0, 0, 255))]


def test_part_has_the_pixels_of_the_original_up_to_a_previews_size():
    file = encoded(quarters((4_000, 3_000)), "JPEG")

    small, large = [load_part(file, (0.6, 0.6, share, share), limits=LIMITS) for share in (0.05, 0.4)]

    assert small.size == (200, 150)
    assert max(large.size) == PREVIEW_PX


def test_transparency_is_white():
    part = load_part(encoded(Image.new("RGBA", (10, 10), (0, 0, 0, 0))), (0, 0, 0.5, 0.5), limits=LIMITS)

    assert part.getcolors() == [(25, (255, 255, 255))]


def test_limits_hold_for_parts():
    with pytest.raises(TooManyPixels):
        load_part(encoded(quarters()), (0, 0, 0.1, 0.1), limits=Limits(20_000_000, max_pixels=100, max_frames=5))
    with pytest.raises(BrokenPicture):
        load_part(BytesIO(encoded(quarters()).getvalue()[:60]), (0, 0, 0.1, 0.1), limits=LIMITS)


@given(st.tuples(shares, shares), st.tuples(extents, extents), st.tuples(sides, sides))
def test_part_lies_within_and_covers_what_was_asked_for(corner, extent, size):
    (left, top), (width, height), (width_px, height_px) = corner, extent, size
    picture = Image.new("L", size)
    box: Shares = (left, top, min(width, 1 - left), min(height, 1 - top))

    part = part_of(picture, box)

    assert 1 <= part.width <= width_px
    assert 1 <= part.height <= height_px
    assert part.width >= box[2] * width_px - 0.001
    assert part.height >= box[3] * height_px - 0.001
    assert part.width <= box[2] * width_px + 2
