"""What is due from time to time, so that no site needs a timetable of its own."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from axes.models import AccessAttempt
from django.contrib.sessions.backends.db import SessionStore
from django.utils import timezone

from gallery.models import WORKER, Claim, CountedAct, Job, PeriodicWork
from gallery.services.curation import empty_old_trash
from gallery.services.database_care import keep_statistics
from gallery.services.folding import fold_waiting_texts
from gallery.services.holders import free_claims_of_the_dead
from gallery.services.query_pictures import forget_old_pictures

JOBS_KEPT = timedelta(days=90)
SIGN_INS_KEPT = timedelta(days=1)  # failed ones, with their addresses; after a quarter of an hour they count no more
CLAIMS_KEPT = timedelta(hours=1)  # after they expired: their pictures are gone, or are claimed by others
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Chore:
    """Work that one of all workers does once in a while."""

    name: str
    every: timedelta
    do: Callable[[], object]


def _forget_ended_jobs() -> None:
    Job.objects.ended_before(timezone.now() - JOBS_KEPT).delete()


def _forget_old_claims() -> None:
    Claim.objects.expired_before(timezone.now() - CLAIMS_KEPT).delete()


def _forget_failed_sign_ins() -> None:
    AccessAttempt.objects.filter(attempt_time__lt=timezone.now() - SIGN_INS_KEPT).delete()


def _forget_counts() -> None:
    CountedAct.objects.over().delete()


CHORES = (
    Chore("claims of the dead", timedelta(seconds=10), free_claims_of_the_dead),
    Chore("statistics", timedelta(minutes=10), keep_statistics),
    Chore("folded texts", timedelta(minutes=10), fold_waiting_texts),
    Chore("old claims", timedelta(hours=1), _forget_old_claims),
    Chore("counts of limits", timedelta(hours=1), _forget_counts),
    Chore("failed sign-ins", timedelta(hours=6), _forget_failed_sign_ins),
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
            logger.exception("%s could not be seen to; that is tried again soon.", chore.name)
            PeriodicWork.objects.note_failure(chore.name)
        else:
            PeriodicWork.objects.note_success(chore.name)
