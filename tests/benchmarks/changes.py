"""What others do meanwhile, written as another process would have written it."""

import os
import secrets
from pathlib import Path

import numpy as np
from django.core.files.storage import default_storage

from gallery.models import Image, Tag, User, Visibility
from gallery.search_index import search_index
from gallery.services.media import original_path

from .stand_in import StandInEncoder

SOMEBODY = "owner1"
UPLOADED_BYTES = 100_000


def change_tags() -> None:
    """Tag a public picture of somebody's, or take the tag off again."""
    tag = Tag.objects.get(key="tag 7")
    others = Image.objects.filter(owner__username=SOMEBODY, visibility=Visibility.PUBLIC, embedding_row__isnull=False)
    image_id = others.order_by("pk").values_list("pk", flat=True)[0]
    links = Image.tags.through.objects
    if not links.filter(image_id=image_id, tag=tag).delete()[0]:
        links.create(image_id=image_id, tag=tag)


def upload_tagged(encoder: StandInEncoder, *, number: int) -> None:
    """Add a picture with three tags, as an upload does beyond reading its file and encoding it."""
    sha256 = secrets.token_hex(32)
    _place_original(sha256, "JPEG", UPLOADED_BYTES)
    image = Image.objects.create(
        owner=User.objects.get(username=SOMEBODY),
        visibility=Visibility.PUBLIC,
        md5=secrets.token_hex(16),
        sha256=sha256,
        size_bytes=UPLOADED_BYTES,
        format="JPEG",
        width_px=640,
        height_px=480,
        original_name=f"uploaded {number}.jpg",
    )
    image.tags.add(*Tag.objects.named(f"tag {1 + (number * 3 + place) % 20}" for place in range(3)))
    vector = encoder.queries[number % len(encoder.queries)][np.newaxis]
    search_index().add([image.pk], vector, encoder=encoder)


def place_originals() -> None:
    """Give each picture an original of its size without any content."""
    for sha256, image_format, size_bytes in Image.objects.values_list("sha256", "format", "size_bytes").iterator():
        _place_original(sha256, image_format, size_bytes)


def _place_original(sha256: str, image_format: str, size_bytes: int) -> None:
    path = Path(default_storage.path(original_path(sha256, image_format)))
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    os.truncate(path, size_bytes)
