"""The queue is the table: a picture without an embedding row waits. This only tells a worker that some do."""

import logging
from collections.abc import Iterable

from django.db import transaction
from django.dispatch import Signal

from gallery.models import Claim, ImageQuerySet
from gallery.models.claim import NOBODY

NAMED_AT_ONCE = 32  # a nudge names some pictures; a worker sees all that wait

logger = logging.getLogger(__name__)

images_waiting = Signal()  # image_ids: tuple[int, ...]; jobs.py listens


def nudge(image_ids: Iterable[int]) -> None:
    """Once the transaction is committed, ask that these pictures be embedded. A lost nudge loses nothing."""
    ids = tuple(image_ids)
    if ids:
        transaction.on_commit(lambda: _send(ids))


def try_soon(images: ImageQuerySet) -> int:
    """Have those of these pictures that wait tried in a moment, also what was put off; return how many wait."""
    waiting = images.waiting()
    Claim.objects.of(NOBODY).filter(image_id__in=waiting.values("pk")).delete()
    nudge(images.pending().values_list("pk", flat=True)[:NAMED_AT_ONCE])
    return waiting.count()


def _send(image_ids: tuple[int, ...]) -> None:
    for _receiver, answer in images_waiting.send_robust(sender=None, image_ids=image_ids):
        if isinstance(answer, Exception):
            logger.warning("Pictures %s stay in the queue: %s", image_ids, answer)
