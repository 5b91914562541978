"""Pictures that somebody searches with: read, encoded, and kept for a while so that the search has a link."""

from datetime import timedelta
from io import BytesIO
from typing import BinaryIO

import numpy as np
from django.utils import timezone
from PIL import Image as PillowImage

from gallery.encoders.base import Encoder
from gallery.imaging import inspect, load_pixels
from gallery.models import QueryPicture
from gallery.retrieval.meaning import Vector
from gallery.retrieval.tree import BroughtPicture
from gallery.rooms import Room, go_on_in
from gallery.text.plain_text import plain_text

from .decode_limits import search_limits
from .embedding.encoder_in_use import current_encoder

QUERY_PICTURE_DAYS = 30
MAX_QUERY_PICTURES = 2_000  # about 50 MB: anybody may search with a picture, so there must be an end
QUERY_PREVIEW_PX = 512  # enough for every encoder's input and for showing it


def remember_picture(file: BinaryIO, *, name: str) -> QueryPicture:
    """Encode a picture somebody searches with and keep it for a while, so that the search has a link.

    Raises InvalidPicture and its kinds, ServerBusy, EncoderUnavailable.
    """
    forget_old_pictures()
    QueryPicture.objects.beyond(MAX_QUERY_PICTURES - 1).delete()
    pixels = inspect(file, limits=search_limits()).pixels
    encoder = current_encoder()
    return QueryPicture.objects.create(
        name=plain_text(name)[:255],
        preview=_preview(pixels),
        vector=encoder.encode_images([pixels])[0].tobytes(),
        encoder_id=encoder.key.id,
        encoder_revision=encoder.key.revision,
    )


def forget_old_pictures() -> None:
    QueryPicture.objects.created_before(timezone.now() - timedelta(days=QUERY_PICTURE_DAYS)).delete()


def brought_picture(file: BinaryIO) -> BroughtPicture:
    """Return what a picture file shows, to search with. Raises InvalidPicture and its kinds, ServerBusy."""
    return BroughtPicture(inspect(file, limits=search_limits()).pixels)


def vector_of_kept(picture: QueryPicture, encoder: Encoder) -> Vector:
    """Return the picture's vector, (dimension,); for another encoder the kept preview is encoded once, and that kept.

    Raises ServerBusy, DecoderUnavailable, EncoderUnavailable.
    """
    if picture.encoder_key == encoder.key:
        return np.frombuffer(picture.vector, dtype=np.float32)
    go_on_in(Room.PICTURE_SEARCH)
    pixels = load_pixels(BytesIO(picture.preview), limits=search_limits())
    vector: Vector = encoder.encode_images([pixels])[0]
    QueryPicture.objects.filter(pk=picture.pk).update(
        vector=vector.tobytes(), encoder_id=encoder.key.id, encoder_revision=encoder.key.revision
    )
    return vector


def _preview(pixels: PillowImage.Image) -> bytes:
    small = pixels.copy()
    small.thumbnail((QUERY_PREVIEW_PX, QUERY_PREVIEW_PX))
    out = BytesIO()
    small.save(out, "WEBP", quality=80, method=0)
    return out.getvalue()
