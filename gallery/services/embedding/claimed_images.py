"""The queue as several processes share it: each claims some pictures, embeds them and lets go of them."""

import time
from collections.abc import Callable, Sequence

from gallery.conf import gallery
from gallery.models import Claim, Image
from gallery.models.claim import NOBODY
from gallery.models.image import ImageQuerySet
from gallery.services.holders import free_claims_of_the_dead, holding

from .encoder_deaths import count_deaths
from .waiting_images import EmbedReport, embed_images

LOOK_AGAIN_SECONDS = 0.2  # at pictures that another process works on
Progress = Callable[[int], None]


def embed_some(*, holder: str) -> EmbedReport:
    """Embed one batch of what waits, nobody works on and nobody suspects, the oldest first; an empty report if there
    is none.
    """
    count_deaths()
    return _embed_free(Image.objects.pending().unsuspected(), holder=holder, count=gallery().embed_batch_size)


def try_some(*, holder: str) -> EmbedReport:
    """Try some suspects that nobody else tries, in processes of their own; an empty report if there is none."""
    return _embed_free(Image.objects.pending().suspects(), holder=holder, count=gallery().embed_batch_size)


def suspects_wait() -> bool:
    """Say whether there are suspects whom nobody tries."""
    return Claim.objects.free(Image.objects.pending().suspects()).exists()


def embed_pending(*, progress: Progress = lambda _count: None) -> EmbedReport:
    """Embed all that waits and nobody else works on; `progress` is told how many pictures each batch was.

    What could not be done a moment ago is tried again: whoever asks for this may have mended why.
    """
    report = EmbedReport()
    free_claims_of_the_dead()
    Claim.objects.of(NOBODY).delete()
    with holding() as holder:
        while (batch := _embed_or_try_some(holder=holder)).count:
            report += batch
            progress(batch.count)
    return report


def _embed_or_try_some(*, holder: str) -> EmbedReport:
    report = embed_some(holder=holder)
    return report if report.count else try_some(holder=holder)


def embed_these(image_ids: Sequence[int], *, holder: str) -> EmbedReport:
    """Return once each of these pictures is searchable, failed, or cannot be done now.

    What this holder has claimed it embeds; what another works on is waited for, and taken over if that one dies.
    """
    held = Claim.objects.of(holder).filter(image_id__in=image_ids)
    own_ids = sorted(held.values_list("image_id", flat=True))
    report = _embed_claimed(own_ids, holder=holder) if own_ids else EmbedReport()
    put_off = {failure.image_id for failure in report.failures}
    while left := Image.objects.pending().filter(pk__in=image_ids).exclude(pk__in=put_off):
        batch = _embed_free(left, holder=holder, count=gallery().embed_batch_size)
        report += batch
        put_off |= {failure.image_id for failure in batch.failures}
        if not batch.count:
            free_claims_of_the_dead()
            time.sleep(LOOK_AGAIN_SECONDS)
    return report


def _embed_free(candidates: ImageQuerySet, *, holder: str, count: int) -> EmbedReport:
    images = Claim.objects.take(candidates, holder=holder, count=count)
    return _embed_claimed([image.pk for image in images], holder=holder) if images else EmbedReport()


def _embed_claimed(image_ids: Sequence[int], *, holder: str) -> EmbedReport:
    """Embed what this holder has. What cannot be done now is left alone by all for a while."""
    try:
        return embed_images(image_ids)
    finally:
        waiting = list(Image.objects.pending().filter(pk__in=image_ids).values_list("pk", flat=True))
        Claim.objects.put_off(waiting, holder=holder)
        Claim.objects.release(image_ids, holder=holder)
