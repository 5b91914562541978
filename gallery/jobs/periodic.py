"""What is due from time to time, so that no site needs a timetable of its own."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from axes.models import AccessAttempt
from django.contrib.sessions.backends.db import SessionStore
from django.utils import timezone

from gallery.models import WORKER, Claim, CountedAct, Job, PeriodicWork
from gallery.services.curation import empty_some_old_trash
from gallery.services.database_care import keep_statistics
from gallery.services.embedding.colouring import colour_some
from gallery.services.embedding.recognition import recognise_some
from gallery.services.folding import fold_some_texts
from gallery.services.holders import free_claims_of_the_dead
from gallery.services.maintenance import remove_stale_files
from gallery.services.query_pictures import forget_old_pictures
from gallery.services.rereading import reread_some_before

JOBS_KEPT = timedelta(days=90)
SIGN_INS_KEPT = timedelta(days=1)  # failed ones, with their addresses; after a quarter of an hour they count no more
CLAIMS_KEPT = timedelta(hours=1)  # after they expired: their pictures are gone, or are claimed by others
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Chore:
    """Work that one of all workers does once in a while, in an instant."""

    name: str
    every: timedelta
    do: Callable[[], object]

    def portion(self, _place: int) -> None:
        self.do()


@dataclass(frozen=True)
class LongChore:
    """Work that may take long, and goes on at once for as long as something is left.

    `portion` does some seconds' work at most. It is given the place that the last one returned, 0 at the beginning,
    and returns the place of the next one, or None where nothing is left. It may be killed, and run beside itself.
    """

    name: str
    every: timedelta
    portion: Callable[[int], int | None]


def _forget_ended_jobs() -> None:
    Job.objects.ended_before(timezone.now() - JOBS_KEPT).delete()


def _forget_old_claims() -> None:
    Claim.objects.expired_before(timezone.now() - CLAIMS_KEPT).delete()


def _forget_failed_sign_ins() -> None:
    AccessAttempt.objects.filter(attempt_time__lt=timezone.now() - SIGN_INS_KEPT).delete()


def _forget_counts() -> None:
    CountedAct.objects.over().delete()


def _empty_some_trash(_place: int) -> int | None:
    return 0 if empty_some_old_trash(by=WORKER) else None


def _read_some_metadata(last_id: int) -> int | None:
    """The first place, which a migration wrote down, is the newest picture that was there then; 0 means none."""
    return reread_some_before(last_id, by=WORKER) if last_id else None


CHORES: tuple[Chore | LongChore, ...] = (
    Chore("claims of the dead", timedelta(seconds=10), free_claims_of_the_dead),
    Chore("statistics", timedelta(minutes=10), keep_statistics),
    LongChore("folded texts", timedelta(minutes=10), fold_some_texts),
    Chore("old claims", timedelta(hours=1), _forget_old_claims),
    Chore("counts of limits", timedelta(hours=1), _forget_counts),
    Chore("failed sign-ins", timedelta(hours=6), _forget_failed_sign_ins),
    Chore("pictures searched with", timedelta(hours=6), forget_old_pictures),
    Chore("ended jobs", timedelta(hours=6), _forget_ended_jobs),
    LongChore("trash", timedelta(hours=1), _empty_some_trash),
    LongChore("metadata", timedelta(hours=1), _read_some_metadata),
    Chore("stale files", timedelta(days=1), remove_stale_files),
    LongChore("colours", timedelta(minutes=10), colour_some),
    LongChore("recognised things", timedelta(minutes=10), recognise_some),
    Chore("sessions", timedelta(hours=6), SessionStore.clear_expired),
)


class PeriodicChores:
    name = "periodic work"
    is_busy = False

    def __init__(self, chores: Sequence[Chore | LongChore] = CHORES) -> None:
        self._chores = chores

    def step(self) -> int:
        """Do the chores that are due, or a portion of each; return of how many something is left.

        What is done counts as no work: a worker that does nothing else is idle.
        """
        are_left = [self._is_left(chore) for chore in self._chores]
        return sum(are_left)

    def _is_left(self, chore: Chore | LongChore) -> bool:
        """Do a chore if it is due; say whether it goes on at once."""
        begun = PeriodicWork.objects.begin_if_due(chore.name, every=chore.every)
        if begun is None:
            return False
        try:
            place = chore.portion(begun.place or 0)
        except Exception:
            logger.exception("%s could not be seen to; that is tried again soon.", chore.name)
            return False
        begun.note_end(place=place)
        return place is not None
