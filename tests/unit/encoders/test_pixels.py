"""Prepared pictures are those of transformers' image processor, whatever its settings."""

import numpy as np
import pytest
from PIL import Image
from transformers import AutoImageProcessor

from gallery.encoders.pixels import InputPixels

SIZES = [(480, 360), (333, 500), (64, 64), (33, 640), (40, 41)]
PLAIN = {
    "clip": {"size": {"shortest_edge": 32}, "crop_size": {"height": 32, "width": 32}},
    "larger than its cut-out": {"size": {"shortest_edge": 40}, "crop_size": {"height": 32, "width": 24}},
    "square": {"size": {"height": 32, "width": 32}, "do_center_crop": False},
    "not square": {"size": {"height": 30, "width": 50}, "do_center_crop": False, "resample": 2},
    "other scale": {
        "size": {"shortest_edge": 32},
        "crop_size": {"height": 32, "width": 32},
        "image_mean": [0.5, 0.4, 0.3],
    },
}
NOT_PLAIN = {
    "a border around it": {"size": {"shortest_edge": 20}, "crop_size": {"height": 32, "width": 32}},
    "no normalising": {"size": {"height": 32, "width": 32}, "do_center_crop": False, "do_normalize": False},
}


@pytest.fixture
def processor(tiny_clip):
    return lambda settings: AutoImageProcessor.from_pretrained(tiny_clip, backend="pil", **settings)


def noise(size):
    width_px, height_px = size
    return Image.fromarray(np.random.default_rng(1).integers(0, 256, (height_px, width_px, 3), dtype=np.uint8))


@pytest.mark.parametrize("name", PLAIN)
@pytest.mark.parametrize("size", SIZES)
def test_pixels_equal_the_processor(processor, name, size):
    theirs = processor(PLAIN[name])
    ours = InputPixels(theirs)

    found = ours([noise(size), noise((90, 60))])["pixel_values"]

    assert ours.is_plain
    np.testing.assert_allclose(
        found, theirs([noise(size), noise((90, 60))], return_tensors="pt")["pixel_values"], atol=1e-5
    )


@pytest.mark.parametrize("name", NOT_PLAIN)
def test_pixels_leave_other_settings_to_the_processor(processor, name):
    theirs = processor(NOT_PLAIN[name])
    ours = InputPixels(theirs)

    found = ours([noise((48, 36))])["pixel_values"]

    assert not ours.is_plain
    np.testing.assert_array_equal(found, theirs([noise((48, 36))], return_tensors="pt")["pixel_values"])
