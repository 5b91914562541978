"""Finding pictures: encode the query, search among what the user may see, return pictures in score order."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from io import BytesIO
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
from django.utils import timezone
from PIL import Image as PillowImage

from gallery.encoders.base import Encoder
from gallery.imaging import inspect
from gallery.models import Image, ImageQuerySet, QueryPicture
from gallery.models.plain_text import plain_text
from gallery.models.user import AnyUser
from gallery.search_index import search_index

from .encoding import current_encoder, current_encoder_name
from .media import limits
from .query import DEFAULT_TOP, Query

QUERY_PICTURE_DAYS = 30
MAX_QUERY_PICTURES = 2_000  # about 50 MB: anybody may search with a picture, so there must be an end
QUERY_PREVIEW_PX = 512  # enough for every encoder's input and for showing it


@dataclass(frozen=True, slots=True)
class Result:
    """A picture, its cosine similarity to the query, and whether it belongs above the line (None: not judged)."""

    image: Image
    score: float
    confident: bool | None = None


@dataclass(frozen=True, slots=True)
class ResultPage:
    """Results, best first. `searched` is how many pictures were compared: all that the user may see.

    `milliseconds` were spent on searching, `encoding_milliseconds` before that on turning a text into a vector.
    """

    encoder: str
    results: tuple[Result, ...]
    searched: int
    milliseconds: float
    encoding_milliseconds: float = 0.0

    @property
    def total_milliseconds(self) -> float:
        return self.encoding_milliseconds + self.milliseconds

    @property
    def image_ids(self) -> list[int]:
        return [result.image.pk for result in self.results]


def find_images(query: Query, *, user: AnyUser | None, top: int = DEFAULT_TOP) -> ResultPage:
    """Return the `top` pictures nearest to the query, of those that `user` may see (None: the operator, all).

    Raises EncoderUnavailable, EncoderMismatch, StoreDamaged: never an empty page for a failure.
    """
    started = time.perf_counter()
    vector = query.vector if query.vector is not None else current_encoder().encode_texts([query.text])[0]
    encoded = time.perf_counter()
    results, searched = _nearest(vector, _candidates(query, user), excluded_ids=query.excluded_ids, top=top)
    return ResultPage(
        encoder=current_encoder_name(),
        results=results,
        searched=searched,
        milliseconds=(time.perf_counter() - encoded) * 1000,
        encoding_milliseconds=(encoded - started) * 1000,
    )


def _nearest(
    vector: npt.NDArray[np.float32], candidates: ImageQuerySet, *, excluded_ids: tuple[int, ...], top: int
) -> tuple[tuple[Result, ...], int]:
    """Return the nearest candidates, and how many there are to compare with.

    The excluded ones are left out here, not in the database's question, whose answer serves other searches too.
    """
    for _attempt in range(2):
        hits = search_index().search(vector[np.newaxis], k=top + len(excluded_ids), allowed=candidates)
        found = list(zip(*(column.tolist() for column in (hits.of(0).ids, hits.of(0).scores)), strict=True))
        wanted = [hit for hit in found if hit[0] not in excluded_ids]
        results = _results(candidates, wanted[:top])
        if len(results) == len(wanted[:top]):
            break
        search_index().forget_allowed()  # rights have changed between search and now: others move up
    return results, hits.searched - (len(found) - len(wanted))


def similar_images(
    image: Image, *, user: AnyUser | None, top: int = DEFAULT_TOP, tag_keys: tuple[str, ...] = ()
) -> ResultPage | None:
    """Return the pictures nearest to this one, itself left out; None while it is not searchable itself."""
    ids, vectors = search_index().vectors([image.pk])
    if not len(ids):
        return None
    query = Query(vector=np.array(vectors[0]), excluded_ids=(image.pk,), tag_keys=tag_keys)
    return find_images(query, user=user, top=top)


def remember_picture(file: BinaryIO, *, name: str) -> QueryPicture:
    """Encode a picture somebody searches with and keep it for a while, so that the search has a link.

    Raises InvalidPicture and its kinds, EncoderUnavailable.
    """
    QueryPicture.objects.created_before(timezone.now() - timedelta(days=QUERY_PICTURE_DAYS)).delete()
    QueryPicture.objects.beyond(MAX_QUERY_PICTURES - 1).delete()
    pixels = inspect(file, limits=limits()).pixels
    encoder = current_encoder()
    return QueryPicture.objects.create(
        name=plain_text(name)[:255],
        preview=_preview(pixels),
        vector=encoder.encode_images([pixels])[0].tobytes(),
        encoder_id=encoder.id,
        encoder_revision=encoder.revision,
    )


def picture_vector(file: BinaryIO) -> npt.NDArray[np.float32]:
    """Return the vector of a picture file: (dimension,). Raises InvalidPicture and its kinds, EncoderUnavailable."""
    vector: npt.NDArray[np.float32] = current_encoder().encode_images([inspect(file, limits=limits()).pixels])[0]
    return vector


def query_of(picture: QueryPicture) -> Query:
    """Return the search for this picture; after a change of encoder the kept preview is encoded again."""
    encoder = current_encoder()
    if (picture.encoder_id, picture.encoder_revision) == (encoder.id, encoder.revision):
        return Query(vector=np.frombuffer(picture.vector, dtype=np.float32))
    return Query(vector=_vector_of_preview(picture, encoder))


def _vector_of_preview(picture: QueryPicture, encoder: Encoder) -> npt.NDArray[np.float32]:
    with PillowImage.open(BytesIO(picture.preview), formats=["WEBP"]) as preview:
        vector: npt.NDArray[np.float32] = encoder.encode_images([preview.convert("RGB")])[0]
        return vector


def _preview(pixels: PillowImage.Image) -> bytes:
    small = pixels.copy()
    small.thumbnail((QUERY_PREVIEW_PX, QUERY_PREVIEW_PX))
    out = BytesIO()
    small.save(out, "WEBP", quality=80, method=0)
    return out.getvalue()


def _candidates(query: Query, user: AnyUser | None) -> ImageQuerySet:
    images = Image.objects.live() if user is None else Image.objects.visible_to(user)
    return (images.tagged(query.tag_keys) if query.tag_keys else images).searchable()


def _results(candidates: ImageQuerySet, hits: Sequence[tuple[int, float]]) -> tuple[Result, ...]:
    """Join hits to pictures, asking once more who may see them: rights may have changed since."""
    images = candidates.for_listing().in_bulk([image_id for image_id, _score in hits])
    return tuple(Result(images[image_id], score) for image_id, score in hits if image_id in images)
