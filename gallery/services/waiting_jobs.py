"""Carrying out the long work that waits, and taking up or ending what a killed process left."""

import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from django.db import transaction
from django.dispatch import Signal

from gallery.errors import (
    AskerGone,
    ImageSearchError,
    StoredError,
    WorkCancelled,
    WorkInterrupted,
    WorkNeverGetsOn,
)
from gallery.models import Actor, ActorKind, Job, JobQuerySet

from .long_work import Ending, JobRun, JobTaken, WorkPutOff, end, held_if_killed, let_wait, never, nothing_more, running

TRIES_WITHOUT_PROGRESS = 3

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LongKind:
    """What a kind of long work is.

    `run` carries out what is left of it, for a worker; None where only a command does. `on_end` is called in the
    transaction that ends a job, however it ends. What a worker carries out goes on where it was after a kill.
    """

    run: Callable[[JobRun], None] | None = None
    on_end: Ending = nothing_more


LongKinds = Mapping[str, LongKind]
jobs_waiting = Signal()  # the room `jobs` listens


def job_waits(job: Job) -> None:
    """Once the transaction is committed, see to it that a worker is there. A lost nudge loses nothing."""
    transaction.on_commit(lambda: _send(job.pk))


def _send(job_id: int) -> None:
    for _receiver, answer in jobs_waiting.send_robust(sender=None):
        if isinstance(answer, Exception):
            logger.warning("Job %s waits for a worker: %s", job_id, answer)


def run_next(kinds: LongKinds, *, is_to_stop: Callable[[], bool] = never) -> Job | None:
    """Carry out the oldest job that waits for a worker and that nobody else has; return it, None if there is none.

    What goes wrong is kept in its row and in the log.
    """
    for job in Job.objects.due().select_related("asked_by", "owner"):
        kind = kinds.get(job.kind)
        if kind is None or kind.run is None:
            continue  # of another version
        with suppress(JobTaken):
            _carry_out(job, kind.run, kind.on_end, is_to_stop)
            return job
    return None


def go_on(jobs: JobQuerySet, *, by: Actor) -> int:
    """Let those of these jobs that `by` began, and that ended before they were done, wait for a worker again.

    They go on in the name of whoever began them: nobody else may have that done, but who may do everything.
    """
    own = jobs.editable_by(by) if by.may_everything else jobs.editable_by(by).filter(asked_by=by.user)
    stopped = own.filter(is_for_worker=True, status__in=Job.STOPPED)
    fresh = {"tries": 0, "cancel_asked_at": None, "finished_at": None, "error": None}
    again = [job for job in stopped if stopped.filter(pk=job.pk).update(status=Job.Status.WAITING, **fresh)]
    for job in again:
        job_waits(job)
    return len(again)


def end_killed(kinds: LongKinds, jobs: JobQuerySet) -> int:
    """End those of these jobs whose process was killed, or let them wait for a worker; return how many these were."""
    count = 0
    for job in jobs.running().select_related("owner", "asked_by"):
        with held_if_killed(job) as is_killed:
            if is_killed:
                _end_killed(job, kinds.get(job.kind, LongKind()).on_end)
                count += 1
    return count


def _carry_out(job: Job, run: Callable[[JobRun], None], on_end: Ending, is_to_stop: Callable[[], bool]) -> None:
    try:
        with running(job, on_end=on_end, is_to_stop=is_to_stop) as this:
            _refuse_without_asker(job)
            run(this)
    except JobTaken:
        raise
    except WorkPutOff:
        logger.info("Job %s waits: its worker is to end.", job.pk)
    except ImageSearchError as error:
        logger.warning("Job %s (%s) ended: %s", job.pk, job.kind, error)
    except Exception:
        logger.exception("Job %s (%s) failed.", job.pk, job.kind)


def _refuse_without_asker(job: Job) -> None:
    """What somebody asked for is not done in the name of an account that is gone or shut."""
    if job.actor_kind == ActorKind.MEMBER and (job.asked_by is None or not job.asked_by.is_active):
        raise AskerGone


def _end_killed(job: Job, on_end: Ending) -> None:
    if job.cancel_asked_at is not None:
        end(job, Job.Status.CANCELLED, StoredError.of(WorkCancelled(done=job.done, total=job.total)), on_end=on_end)
    elif not job.is_for_worker:
        end(job, Job.Status.INTERRUPTED, StoredError.of(WorkInterrupted(done=job.done, total=job.total)), on_end=on_end)
    elif job.tries >= TRIES_WITHOUT_PROGRESS:
        end(job, Job.Status.INTERRUPTED, StoredError.of(WorkNeverGetsOn(tries=job.tries)), on_end=on_end)
    else:
        logger.warning("The process of job %s (%s) was killed; it goes on.", job.pk, job.kind)
        let_wait(job)
