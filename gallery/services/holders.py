"""Who claims pictures: a process for as long as it works, known for dead when it is."""

import logging
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.db import DatabaseError, connections

from gallery.conf import gallery
from gallery.durable.process_notes import leaving_note, notes_of_the_dead
from gallery.models import Claim
from gallery.models.claim import CLAIM

RENEWED_EVERY_SECONDS = CLAIM.total_seconds() / 3

logger = logging.getLogger(__name__)


@contextmanager
def holding() -> Iterator[str]:
    """Yield the name of a new holder, whose claims last until the body ends or this process dies.

    A process that dies leaves a note, by which others on its machine know its claims for free.
    """
    holder = secrets.token_hex(16)
    is_over = threading.Event()
    renewal = threading.Thread(target=_renew, args=(holder, is_over), name="renewal of claims", daemon=True)
    with leaving_note(_folder(), holder):
        renewal.start()
        try:
            yield holder
        finally:
            is_over.set()
            renewal.join()
            Claim.objects.of(holder).delete()


def free_claims_of_the_dead() -> None:
    """Let go of what holders on this machine had when they died. What others had, expires."""
    for holder in notes_of_the_dead(_folder()):
        count, _models = Claim.objects.of(holder).delete()
        logger.info("A process died that worked on %s pictures; others go on with them.", count)


def _renew(holder: str, is_over: threading.Event) -> None:
    try:
        while not is_over.wait(RENEWED_EVERY_SECONDS):
            try:
                Claim.objects.renew(holder)
            except DatabaseError as error:  # the next time may do
                logger.warning("Claims could not be renewed: %s", error)
    finally:
        connections.close_all()


def _folder() -> Path:
    return gallery().locks_dir / "holders"
