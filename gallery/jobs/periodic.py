"""What is due from time to time, so that no site needs a timetable of its own."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from django.contrib.sessions.backends.db import SessionStore
from django.utils import timezone

from gallery.models import WORKER, Job, PeriodicWork
from gallery.services.curation import empty_old_trash
from gallery.services.database_care import keep_statistics
from gallery.services.folding import fold_waiting_texts
from gallery.services.holders import free_claims_of_the_dead
from gallery.services.query_pictures import forget_old_pictures

JOBS_KEPT = timedelta(days=90)
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Chore:
    """Work that one of all workers does once in a while."""

    name: str
    every: timedelta
    do: Callable[[], object]


def _forget_ended_jobs() -> None:
    Job.objects.ended_before(timezone.now() - JOBS_KEPT).delete()


CHORES = (
    Chore("claims of the dead", timedelta(seconds=10), free_claims_of_the_dead),
    Chore("statistics", timedelta(minutes=10), keep_statistics),
    Chore("folded texts", timedelta(minutes=10), fold_waiting_texts),
    Chore("pictures searched with", timedelta(hours=6), forget_old_pictures),
    Chore("ended jobs", timedelta(hours=6), _forget_ended_jobs),
    Chore("trash", timedelta(hours=1), lambda: empty_old_trash(by=WORKER)),
    Chore("sessions", timedelta(hours=6), SessionStore.clear_expired),
)


class PeriodicChores:
    name = "periodic work"
    is_busy = False

    def __init__(self, chores: tuple[Chore, ...] = CHORES) -> None:
        self._chores = chores

    def step(self) -> int:
        """Do the chores that are due. They are not counted as work: a worker that does nothing else is idle."""
        for chore in self._chores:
            if PeriodicWork.objects.begin_if_due(chore.name, every=chore.every):
                self._do(chore)
        return 0

    def _do(self, chore: Chore) -> None:
        try:
            chore.do()
        except Exception:
            logger.exception("%s could not be seen to; the next time is in %s.", chore.name, chore.every)
