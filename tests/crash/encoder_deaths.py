"""Work off the queue with an encoder that kills its process: python -m tests.crash.encoder_deaths COLOUR WORK.

WORK is `embed` or `change`. The encoder dies at a picture of that colour, whatever else is in its batch. State lies in
IMAGESEARCH_DATA_DIR, where the pictures wait already.
"""

import os
import signal
import sys
from typing import Any

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"

import django

django.setup()

from PIL import ImageColor

from gallery.encoders import registry
from gallery.models import WORKER
from gallery.services.embedding.model_change import change_model
from gallery.services.embedding.waiting_images import embed_pending
from tests.quick_encoder import QuickEncoder, WideEncoder


def deadly(encoder: QuickEncoder, colour: str) -> QuickEncoder:
    real, bad = encoder.encode_images, ImageColor.getrgb(colour)

    def encode_images(images: Any) -> Any:
        if any(image.getpixel((0, 0)) == bad for image in images):
            os.kill(os.getpid(), signal.SIGSEGV)
        return real(images)

    encoder.encode_images = encode_images
    return encoder


def main(colour: str, work: str) -> None:
    registry.use_encoder(deadly(QuickEncoder(), colour))
    registry.use_encoder(deadly(WideEncoder(), colour))
    if work == "embed":
        embed_pending()
    else:
        change_model("clip:wide", by=WORKER)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
