"""Working off the queue: pictures without a vector get one, or a reason why not."""

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from gallery.conf import gallery
from gallery.encoders.base import Encoder, Vectors
from gallery.errors import EncoderMismatch, ImageSearchError, InvalidVector
from gallery.models import Image
from gallery.search_index import search_index

from .encoder_deaths import count_deaths
from .encoder_in_use import current_encoder
from .isolated_batches import encode_batch

logger = logging.getLogger(__name__)
Progress = Callable[[int], None]


@dataclass(slots=True)
class EmbedReport:
    embedded: int = 0
    failed: int = 0
    seconds: float = 0.0
    failures: list[dict[str, str | int]] = field(default_factory=list)


def embed_images(image_ids: Sequence[int]) -> EmbedReport:
    """Embed those of these pictures that still wait."""
    return _embed(_batches_of(image_ids), progress=lambda _count: None)


def embed_pending(*, progress: Progress = lambda _count: None) -> EmbedReport:
    """Embed everything that waits, oldest first; `progress` is told how many pictures each batch was."""
    return _embed(_waiting_batches(), progress=progress)


def _batches_of(image_ids: Sequence[int]) -> Iterable[list[Image]]:
    size = gallery().embed_batch_size
    for start in range(0, len(image_ids), size):
        yield list(Image.objects.pending().filter(pk__in=image_ids[start : start + size]))


def _waiting_batches() -> Iterable[list[Image]]:
    """Yield batches until nothing waits; going on by id, so that a picture that stays in the queue ends no loop."""
    last_id = 0
    while batch := list(Image.objects.pending().filter(pk__gt=last_id)[: gallery().embed_batch_size]):
        yield batch
        last_id = batch[-1].pk


def _embed(batches: Iterable[list[Image]], *, progress: Progress) -> EmbedReport:
    report = EmbedReport()
    started = time.perf_counter()
    count_deaths()
    for batch in batches:
        if batch:
            _encode_and_commit(batch, report)
            progress(len(batch))
    report.seconds = time.perf_counter() - started
    return report


def _encode_and_commit(batch: Sequence[Image], report: EmbedReport) -> None:
    """Embed a batch; once more where the index moves to another encoder meanwhile. Each of its pictures is then
    searchable, failed with its reason, or in the queue with its reason logged.
    """
    while True:
        encoder = current_encoder()
        encoded = encode_batch(batch, encoder)
        try:
            if encoded.images:
                commit_batch(encoded.images, encoded.matrix, encoder=encoder, report=report)
        except EncoderMismatch:
            if encoder.key == current_encoder().key:
                raise
            continue
        for image, error in encoded.failed:
            mark_failed(image, error, report)
        for image, reason in encoded.deferred:
            _note(image, reason, report)
        return


def commit_batch(images: Sequence[Image], vectors: Vectors, *, encoder: Encoder, report: EmbedReport) -> None:
    """Commit one vector per picture. A bad vector fails its own picture, not its neighbours."""
    places = list(range(len(images)))
    while places:
        try:
            ids = [images[place].pk for place in places]
            report.embedded += search_index().add(ids, vectors[places], encoder=encoder)
            return
        except InvalidVector as error:
            culprit = next((place for place in places if images[place].pk == error.details.get("image_id")), None)
            if culprit is None:
                raise
            mark_failed(images[culprit], error, report)
            places.remove(culprit)


def mark_failed(image: Image, error: ImageSearchError, report: EmbedReport) -> None:
    """Take the picture out of the queue with the reason; a retry puts it back."""
    logger.warning("Picture %s is not searchable: %s", image.pk, error)
    Image.objects.filter(pk=image.pk, embedding_row__isnull=True).update(embed_error=str(error)[:500], embed_deaths=0)
    _note(image, str(error), report)


def _note(image: Image, reason: str, report: EmbedReport) -> None:
    report.failed += 1
    report.failures.append({"id": image.pk, "name": image.original_name, "error": reason})
