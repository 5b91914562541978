"""Finding pictures: encode the query, search among what the user may see, return pictures in score order."""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from gallery.encoders.base import EncoderKey
from gallery.errors import EncoderChanged
from gallery.models import OPERATOR, Actor, Door, Image, ImageQuerySet
from gallery.models.user import AnyUser
from gallery.search_index import search_index

from .embedding.encoder_in_use import current_encoder, current_encoder_name
from .query import DEFAULT_TOP, Query, Vector

Answer = TypeVar("Answer")
ENCODER_CHANGES = 5  # during one search: far more than there ever are


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

    The whole answer is of one encoder: where the index moves to another one meanwhile, all is done again with that.
    Raises EncoderUnavailable, EncoderMismatch, StoreDamaged: never an empty page for a failure. Raises EncoderChanged
    only for a vector that cannot be computed again.
    """
    return while_encoders_change(lambda: _find(query, user=user, top=top), again=query.vector is None)


def while_encoders_change(work: Callable[[], Answer], *, again: bool = True) -> Answer:
    """Return what `work` returns, which is begun anew each time that the index moves to another encoder meanwhile."""
    for _attempt in range(ENCODER_CHANGES if again else 0):
        with suppress(EncoderChanged):
            return work()
    return work()


def _find(query: Query, *, user: AnyUser | None, top: int) -> ResultPage:
    started = time.perf_counter()
    vector, key = _encoded(query)
    encoded = time.perf_counter()
    results, searched = _nearest(
        vector, _candidates(query, user), encoder=key, excluded_ids=query.excluded_ids, top=top
    )
    return ResultPage(
        encoder=key.id if key is not None else current_encoder_name(),
        results=results,
        searched=searched,
        milliseconds=(time.perf_counter() - encoded) * 1000,
        encoding_milliseconds=(encoded - started) * 1000,
    )


def _encoded(query: Query) -> tuple[Vector, EncoderKey | None]:
    if query.vector is not None:
        return query.vector, query.encoder
    encoder = current_encoder()
    vector = query.encode(encoder) if query.encode is not None else encoder.encode_texts([query.text])[0]
    return vector, encoder.key


def _nearest(
    vector: Vector,
    candidates: ImageQuerySet,
    *,
    encoder: EncoderKey | None,
    excluded_ids: tuple[int, ...],
    top: int,
) -> tuple[tuple[Result, ...], int]:
    """Return the nearest candidates, and how many there are to compare with.

    The excluded ones are left out here, not in the database's question, whose answer serves other searches too.
    """
    for _attempt in range(2):
        hits = search_index().search(vector[np.newaxis], k=top + len(excluded_ids), allowed=candidates, encoder=encoder)
        found = list(zip(*(column.tolist() for column in (hits.of(0).ids, hits.of(0).scores)), strict=True))
        wanted = [hit for hit in found if hit[0] not in excluded_ids]
        results = _results(candidates, wanted[:top])
        if len(results) == len(wanted[:top]):
            break
        search_index().forget_allowed(candidates)  # rights have changed between search and now: others move up
    return results, hits.searched - (len(found) - len(wanted))


def similar_images(
    image: Image, *, user: AnyUser | None, top: int = DEFAULT_TOP, tag_keys: tuple[str, ...] = ()
) -> ResultPage | None:
    """Return the pictures nearest to this one, itself left out; None while it is not searchable itself."""

    def find() -> ResultPage | None:
        embedded = search_index().vector_of(image.pk)
        if embedded is None:
            return None
        vector, key = embedded
        query = Query(vector=np.array(vector), encoder=key, excluded_ids=(image.pk,), tag_keys=tag_keys)
        return find_images(query, user=user, top=top)

    return while_encoders_change(find)


def _candidates(query: Query, user: AnyUser | None) -> ImageQuerySet:
    actor = OPERATOR if user is None else Actor.of(user, door=Door.PAGE)
    images = Image.objects.visible_to(actor)
    return (images.tagged(query.tag_keys) if query.tag_keys else images).searchable()


def _results(candidates: ImageQuerySet, hits: Sequence[tuple[int, float]]) -> tuple[Result, ...]:
    """Join hits to pictures, asking once more who may see them: rights may have changed since."""
    images = candidates.for_listing().in_bulk([image_id for image_id, _score in hits])
    return tuple(Result(images[image_id], score) for image_id, score in hits if image_id in images)
