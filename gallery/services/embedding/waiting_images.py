"""Working off the queue: pictures without a vector get one, or a reason why not."""

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from gallery.conf import gallery
from gallery.encoders.abilities import Look
from gallery.encoders.base import Encoder, EncoderKey
from gallery.encoders.looking import rows_of
from gallery.errors import EncoderMismatch, ImageSearchError, InvalidVector, StoredError
from gallery.models import EmbeddingFailure, Image, RecognisedThings
from gallery.search_index import search_index
from gallery.services.database_care import note_changes

from .colouring import keep_colours
from .encoder_deaths import count_deaths
from .encoder_in_use import current_encoder
from .isolated_batches import EncodedBatch
from .trial import encode_and_try

logger = logging.getLogger(__name__)
Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class ImageFailure:
    """A picture that has no vector, and why."""

    image_id: int
    name: str
    error: StoredError


@dataclass(frozen=True, slots=True)
class EmbedReport:
    """`failures` are the pictures that failed for good and those that are to be tried again."""

    embedded: int = 0
    failures: tuple[ImageFailure, ...] = ()
    seconds: float = 0.0

    @property
    def failed(self) -> int:
        return len(self.failures)

    @property
    def count(self) -> int:
        """Return how many pictures were tried."""
        return self.embedded + self.failed

    def __add__(self, other: "EmbedReport") -> "EmbedReport":
        return EmbedReport(self.embedded + other.embedded, self.failures + other.failures, self.seconds + other.seconds)


@dataclass(frozen=True, slots=True)
class Committed:
    """How many vectors were taken, and the pictures whose vector cannot be indexed."""

    count: int
    refused: tuple[tuple[Image, InvalidVector], ...]


def embed_images(image_ids: Sequence[int]) -> EmbedReport:
    """Embed those of these pictures that still wait."""
    report = EmbedReport()
    started = time.perf_counter()
    count_deaths()
    for batch in _batches_of(image_ids):
        if batch:
            report += _encode_and_commit(batch)
    return replace(report, seconds=time.perf_counter() - started)


def _batches_of(image_ids: Sequence[int]) -> Iterable[list[Image]]:
    """Yield those of these pictures that wait; suspects last, so that nobody waits for their trial."""
    size = gallery().embed_batch_size
    suspects: list[int] = []
    for start in range(0, len(image_ids), size):
        batch = list(Image.objects.pending().filter(pk__in=image_ids[start : start + size]))
        suspects += [image.pk for image in batch if image.embed_deaths]
        yield [image for image in batch if not image.embed_deaths]
    for start in range(0, len(suspects), size):
        yield list(Image.objects.pending().suspects().filter(pk__in=suspects[start : start + size]))


def _encode_and_commit(batch: Sequence[Image]) -> EmbedReport:
    """Embed a batch; once more what is left where the index moves to another encoder meanwhile. Each of its pictures
    is then searchable, failed with its reason, or in the queue with its reason logged.
    """
    report, left = EmbedReport(), {image.pk: image for image in batch}
    while left:
        encoder = current_encoder()
        try:
            for encoded in encode_and_try(list(left.values()), encoder):
                report += _commit(encoded, encoder)
                for image in encoded.all_images:
                    del left[image.pk]
        except EncoderMismatch:
            if encoder.key == current_encoder().key:
                raise
    return report


def _commit(encoded: EncodedBatch, encoder: Encoder) -> EmbedReport:
    keep_colours(encoded)
    report = commit_batch(encoded.images, encoded.looks, encoder=encoder) if encoded.images else EmbedReport()
    failures = [mark_failed(image, error) for image, error in encoded.failed]
    failures += [_failure(image, StoredError(reason)) for image, reason in encoded.deferred]
    return report + EmbedReport(failures=tuple(failures))


def commit_batch(images: Sequence[Image], looks: Sequence[Look], *, encoder: Encoder) -> EmbedReport:
    """Commit one look per picture. A bad vector fails its own picture, not its neighbours."""

    def commit(image_ids: list[int], some: list[Look]) -> int:
        keep = keeping_things(image_ids, some, encoder.key)
        return search_index().add(image_ids, rows_of(some), encoder=encoder, beside=keep)

    done = commit_good_vectors(images, looks, commit)
    note_changes(done.count)
    return EmbedReport(done.count, tuple(mark_failed(image, error) for image, error in done.refused))


def keeping_things(
    image_ids: Sequence[int], looks: Sequence[Look], encoder: EncoderKey
) -> Callable[[Sequence[int]], None]:
    """Return what keeps the things seen in those of these images whose ids it is called with, in their transaction.

    An encoder that sees no things leaves what another one saw as it is.
    """
    seen = {image_id: look.things for image_id, look in zip(image_ids, looks, strict=True) if look.things is not None}

    def keep(committed: Sequence[int]) -> None:
        if things := {image_id: seen[image_id] for image_id in committed if image_id in seen}:
            RecognisedThings.objects.write(things, encoder=encoder)

    return keep


def commit_good_vectors(
    images: Sequence[Image], looks: Sequence[Look], commit: Callable[[list[int], list[Look]], int]
) -> Committed:
    """Commit one look per picture, all at once, but for those that `commit` refuses; it returns how many it took."""
    places, refused = list(range(len(images))), []
    while places:
        try:
            count = commit([images[place].pk for place in places], [looks[place] for place in places])
        except InvalidVector as error:
            culprit = next((place for place in places if images[place].pk == error.details.get("image_id")), None)
            if culprit is None:
                raise
            refused.append((images[culprit], error))
            places.remove(culprit)
        else:
            return Committed(count, tuple(refused))
    return Committed(0, tuple(refused))


def mark_failed(image: Image, error: ImageSearchError) -> ImageFailure:
    """Take the picture out of the queue with the reason; a retry puts it back."""
    logger.warning("Picture %s is not searchable: %s", image.pk, error)
    stored = StoredError.of(error)
    EmbeddingFailure.objects.fail(image.pk, stored)
    return _failure(image, stored)


def _failure(image: Image, error: StoredError) -> ImageFailure:
    return ImageFailure(image.pk, image.original_name, error)
