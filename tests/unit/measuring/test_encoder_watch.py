"""How long an encoder takes for pictures, whichever way it is asked."""

import pytest
from PIL import Image as PillowImage

from gallery.encoders.abilities import Look
from gallery.encoders.batching import BatchingEncoder
from gallery.measuring.quality.searched_library import EncoderWatch
from tests.quick_encoder import QuickEncoder

PICTURES = [PillowImage.new("RGB", (8, 8), colour) for colour in ("red", "blue", "white")]


class LookingEncoder(QuickEncoder):
    def look(self, images):
        return [Look(row, ()) for row in QuickEncoder.encode_images(self, images)]

    def encode_images(self, images):
        return [look.row for look in self.look(images)]


@pytest.mark.parametrize("encoder", [QuickEncoder(), BatchingEncoder(QuickEncoder())])
def test_pictures_that_are_encoded_are_counted(encoder):
    watch = EncoderWatch(encoder)

    encoder.encode_images(PICTURES)

    assert watch.encoded == 3
    assert watch.seconds > 0


def test_pictures_that_are_looked_at_are_counted_once():
    inner = LookingEncoder()
    encoder = BatchingEncoder(inner)
    watch = EncoderWatch(encoder)

    inner.look(PICTURES)
    inner.encode_images(PICTURES[:1])

    assert watch.encoded == 4
    assert watch.seconds > 0
