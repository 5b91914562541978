"""Work off the queue with encoders that end their process: python -m tests.crash.encoder_deaths WORK.

WORK is `embed` or `change`. The encoder dies at pictures of some colours, whatever else is in their batch. State lies
in IMAGESEARCH_DATA_DIR, where the pictures wait already.
"""

import os
import sys

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"

import django

django.setup()

from gallery.encoders import registry
from gallery.models import WORKER
from gallery.services.embedding import encoder_child
from gallery.services.embedding.claimed_images import embed_pending
from gallery.services.embedding.model_change import change_model
from tests.deadly_encoders import DeadlyEncoder, DeadlyWideEncoder


def main(work: str) -> None:
    registry.use_encoder(DeadlyEncoder())
    registry.use_encoder(DeadlyWideEncoder())
    encoder_child.CHILD_MODULE = "tests.deadly_encoders"
    if work == "embed":
        embed_pending()
    else:
        change_model("clip:wide", by=WORKER)


if __name__ == "__main__":
    main(sys.argv[1])
