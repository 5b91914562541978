from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from gallery.measuring.quality.copies import KINDS, altered_copies
from gallery.measuring.quality.pictures import spread
from tests.conftest import sample_bytes


@pytest.fixture(scope="module")
def picture():
    with Image.open(BytesIO(sample_bytes("chelsea.png"))) as opened:
        return opened.convert("RGB")


def copies_of(picture):
    return dict(zip(KINDS, altered_copies(picture), strict=True))


def test_copies_of_a_picture_are_the_same_at_every_call_and_leave_it_alone(picture):
    before = picture.tobytes()

    once, again = copies_of(picture), copies_of(picture)

    assert {kind: copy.tobytes() for kind, copy in once.items()} == {k: copy.tobytes() for k, copy in again.items()}
    assert picture.tobytes() == before


def test_each_kind_is_another_picture_of_the_size_that_it_should_have(picture):
    copies = copies_of(picture)

    assert picture.size == (451, 300)
    assert {kind: copy.size for kind, copy in copies.items()} == {
        "centre_crop": (361, 240),
        "corner_crop": (316, 210),
        "half_size": (226, 150),
        "quarter_size": (113, 75),
        "jpeg_30": (451, 300),
        "flip": (451, 300),
        "colour": (451, 300),
        "grey": (451, 300),
        "caption": (451, 345),
        "turn": (477, 340),
    }
    assert {copy.mode for copy in copies.values()} == {"RGB"}
    assert len({copy.tobytes() for copy in (picture, *copies.values())}) == len(KINDS) + 1


def test_each_kind_alters_what_its_name_says(picture):
    copies = copies_of(picture)
    pixels = np.asarray(picture).astype(int)

    assert copies["centre_crop"].tobytes() == picture.crop((45, 30, 406, 270)).tobytes()
    assert copies["corner_crop"].tobytes() == picture.crop((0, 0, 316, 210)).tobytes()
    assert ImageOps.mirror(copies["flip"]).tobytes() == picture.tobytes()
    assert np.ptp(np.asarray(copies["grey"]), axis=2).max() == 0
    assert 0 < np.abs(np.asarray(copies["jpeg_30"]) - pixels).mean() < 20
    assert np.asarray(copies["colour"]).mean() > pixels.mean() + 20
    assert np.ptp(np.asarray(copies["colour"]), axis=2).mean() < np.ptp(pixels, axis=2).mean() * 0.8
    assert copies["turn"].getpixel((0, 0)) == (255, 255, 255)


def test_caption_lies_below_the_picture(picture):
    copy = copies_of(picture)["caption"]
    bar = np.asarray(copy.crop((0, 300, 451, 345)).convert("L"))

    assert copy.crop((0, 0, *picture.size)).tobytes() == picture.tobytes()
    assert 0.02 < (bar < 128).mean() < 0.3  # black letters on white
    assert (bar[[0, -1]] == 255).all()


@pytest.mark.parametrize("size", [(1, 1), (1, 900), (900, 1), (2, 3)])
def test_smallest_pictures_have_copies_too(size):
    copies = altered_copies(Image.new("RGB", size, "red"))

    assert all(min(copy.size) >= 1 for copy in copies)


def test_spread_takes_files_at_equal_distances():
    files = [Path(str(number)) for number in range(10)]

    assert spread(files, 3) == [files[0], files[3], files[6]]
    assert spread(files, 10) == spread(files, 99) == files
    assert spread(files, 0) == spread([], 5) == []
