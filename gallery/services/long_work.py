"""Long work: noted while it runs, cancelled between batches, and known for dead when its process was killed.

A run holds the lock of its job as long as it lives, which the kernel frees however it ends: a job that is said to run,
and whose lock is free, was killed. Its row is written at most twice a second. What a kind of work has to keep (files,
vectors, rows) is kept by that work itself, batch by batch; this only says how far it came.
"""

import logging
import os
import socket
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Coalesce
from django.utils import timezone

from gallery.conf import gallery
from gallery.durable.file_lock import FileLock
from gallery.error_messages import known_error
from gallery.errors import (
    AskerGone,
    ImageSearchError,
    ModelChangeCancelled,
    StoreBusy,
    StoredError,
    WorkCancelled,
    WorkFailed,
    WorkInterrupted,
)
from gallery.models import Actor, Job, JobItem, JobQuerySet

WRITTEN_EVERY_SECONDS = 0.5
RATE_SECONDS = 60.0  # the speed that counts is that of the last minute
RATE_NEEDS_SECONDS = 2.0
LOCK_SECONDS = 5.0  # whoever only looks whether a run lives has its lock for a moment

logger = logging.getLogger(__name__)
Ending = Callable[[Job], None]


class WorkPutOff(Exception):
    """The process is to end: the rest waits for the next one. Only what a worker carries out meets this."""


class JobTaken(Exception):
    """Another process has this job, or had it."""


def nothing_more(_job: Job) -> None:
    """Most kinds of work have nothing to add when they end."""


def never() -> bool:
    return False


class JobRun:
    """One run of a job, by one thread."""

    def __init__(
        self, job: Job, *, is_to_stop: Callable[[], bool] = never, before_writing: "Callable[[JobRun], None]"
    ) -> None:
        self.job = job
        self._is_to_stop = is_to_stop
        self._before_writing = before_writing
        self._items: list[JobItem] = []
        self._rate = _Rate(job.done)
        self._written_at = time.monotonic()
        self._is_cancelled = False

    @property
    def is_cancelled(self) -> bool:
        """Say whether somebody wants it to end; asks the database at most twice a second."""
        self._write_if_due()
        return self._is_cancelled

    def set_counts(self, *, done: int, total: int) -> None:
        """Say how much there is and how much of it was done before."""
        self.job.done, self.job.total = done, max(total, done)
        self._rate = _Rate(done)
        self.write()

    def start_over(self) -> None:
        """Forget what an earlier run told of its items, for work that will tell it again."""
        self.job.items.all().delete()
        self.job.failed = 0

    def advance(self, count: int = 1) -> None:
        """Say that so many more are done, failed ones included."""
        self.job.done += count
        self.job.total = max(self.job.total, self.job.done)
        self.job.tries = 1
        self._write_if_due()

    def note(self, item: str, error: StoredError | None, *, kind: str = JobItem.Kind.FAILED, **details: Any) -> None:
        """Keep what people want to know of one item, to be written with the next progress; a failed one is counted."""
        kept = error.as_json() if error is not None else None
        self._items.append(JobItem(job=self.job, kind=kind, item=item, error=kept, details=details))
        self.job.failed += kind == JobItem.Kind.FAILED

    def check_cancelled(self) -> None:
        """Call it between batches. Raises WorkCancelled, WorkPutOff."""
        if self.is_cancelled:
            raise WorkCancelled(done=self.job.done, total=self.job.total)
        if self._is_to_stop():
            raise WorkPutOff

    def write(self) -> None:
        """Write down how far it came, and learn whether to end."""
        self._written_at = time.monotonic()
        self._before_writing(self)
        job = self.job
        job.heartbeat_at, job.per_second = timezone.now(), self._rate.per_second(job.done)
        items = list(self._items)
        names = ("total", "done", "failed", "tries", "details", "heartbeat_at", "per_second")
        rows = Job.objects.filter(pk=job.pk)
        with transaction.atomic():
            is_there = rows.update(**{name: getattr(job, name) for name in names})
            if is_there:
                JobItem.objects.bulk_create(items, batch_size=500)
        del self._items[: len(items)]  # only now: what could not be written is written the next time
        self._is_cancelled = not is_there or rows.filter(cancel_asked_at__isnull=False).exists()

    def _write_if_due(self) -> None:
        if time.monotonic() - self._written_at >= WRITTEN_EVERY_SECONDS:
            self.write()


def _is_told_as_it_comes(_run: JobRun) -> None:
    """Most work tells its run of everything at once."""


class _Rate:
    """How much was done of late."""

    def __init__(self, done: int) -> None:
        self._seen = deque([(time.monotonic(), done)])

    def per_second(self, done: int) -> float | None:
        """Return the speed of the last minute, None while it is too early to tell."""
        now = time.monotonic()
        self._seen.append((now, done))
        while len(self._seen) > 2 and now - self._seen[0][0] > RATE_SECONDS:
            self._seen.popleft()
        then, done_then = self._seen[0]
        return (done - done_then) / (now - then) if now - then >= RATE_NEEDS_SECONDS and done > done_then else None


def ask_for(
    kind: str, *, by: Actor, owner_id: int | None = None, subject: str = "", total: int = 0, **details: Any
) -> Job:
    """Write down work for a worker; whoever calls this sees to it that one is there."""
    return _made(kind, by=by, owner_id=owner_id, subject=subject, total=total, details=details, is_for_worker=True)


@contextmanager
def noted(
    kind: str,
    *,
    by: Actor,
    owner_id: int | None = None,
    subject: str = "",
    total: int = 0,
    on_end: Ending = nothing_more,
    before_writing: Callable[[JobRun], None] = _is_told_as_it_comes,
    **details: Any,
) -> Iterator[JobRun]:
    """Keep a job of what runs within: work that its caller carries out itself. See `running`.

    `before_writing` is called before the run is written down, to tell it what is known by then.
    """
    with ExitStack() as held:
        with transaction.atomic():  # neither a row without its lock nor a lock without its row
            job = _made(kind, by=by, owner_id=owner_id, subject=subject, total=total, details=details)
            held.enter_context(_lock_of(job))
            _begin(job)
        yield held.enter_context(_until_ended(JobRun(job, before_writing=before_writing), on_end))


@contextmanager
def running(job: Job, *, on_end: Ending = nothing_more, is_to_stop: Callable[[], bool] = never) -> Iterator[JobRun]:
    """Run a job that waits; the body does its work and calls `check_cancelled` between batches.

    It is finished if the body is, cancelled or put off where the body was told so, and failed with the reason where
    anything else is raised. What is raised goes on to the caller. `on_end` is called in the transaction that ends it.
    Raises JobTaken.
    """
    with ExitStack() as held:
        try:
            held.enter_context(_lock_of(job))
        except StoreBusy:
            raise JobTaken from None
        if not _begin(job):
            raise JobTaken
        run = JobRun(job, is_to_stop=is_to_stop, before_writing=_is_told_as_it_comes)
        yield held.enter_context(_until_ended(run, on_end))


def cancel(jobs: JobQuerySet, *, by: Actor) -> int:
    """Cancel those of these jobs that `by` may cancel; return how many were under way.

    What waits ends at once. What runs ends after the batch that it is at.
    """
    return sum(_cancel(job) for job in jobs.editable_by(by).under_way())


@contextmanager
def held_if_killed(job: Job) -> Iterator[bool]:
    """Say whether the job is said to run and nobody runs it; if so, nobody does anything with it within."""
    try:
        with _lock_of(job, timeout_seconds=0.0):
            yield Job.objects.running().filter(pk=job.pk).exists()
    except StoreBusy:
        yield False


def end(job: Job, status: str, error: StoredError | None, *, on_end: Ending = nothing_more) -> None:
    """End a job that nobody runs, or whose run this is."""
    job.status, job.finished_at, job.per_second = status, timezone.now(), None
    job.error = error.as_json() if error is not None else None
    names = ("status", "finished_at", "per_second", "error", "total", "done", "failed", "details")
    rows = Job.objects.filter(pk=job.pk)
    with transaction.atomic():
        if rows.exists():  # whoever deletes an account deletes its jobs
            on_end(job)
            rows.update(**{name: getattr(job, name) for name in names})
    _lock_of(job).path.unlink(missing_ok=True)  # its number is never used again


def let_wait(job: Job) -> None:
    """Give a job back that nobody runs any more: the next worker goes on with it."""
    Job.objects.filter(pk=job.pk).update(status=Job.Status.WAITING, per_second=None, holder="")


def _made(kind: str, *, by: Actor, **values: Any) -> Job:
    return Job.objects.create(kind=kind, asked_by=by.user, actor_kind=by.kind, door=by.door, **values)


def _lock_of(job: Job, *, timeout_seconds: float = LOCK_SECONDS) -> FileLock:
    return FileLock(gallery().locks_dir / "jobs" / f"{job.pk}.lock", timeout_seconds=timeout_seconds)


def _begin(job: Job) -> bool:
    """Make a waiting job ours; say whether it was still waiting."""
    now = timezone.now()
    begun = (
        Job.objects.waiting()
        .filter(pk=job.pk)
        .update(
            status=Job.Status.RUNNING,
            started_at=Coalesce("started_at", now),
            heartbeat_at=now,
            holder=f"{socket.gethostname()} {os.getpid()}"[:300],
            tries=F("tries") + 1,
        )
    )
    if begun:
        job.refresh_from_db(
            fields=["status", "started_at", "heartbeat_at", "holder", "tries", "done", "total", "failed"]
        )
    return bool(begun)


@contextmanager
def _until_ended(run: JobRun, on_end: Ending) -> Iterator[JobRun]:
    try:
        yield run
    except WorkPutOff:
        run.write()
        let_wait(run.job)
        raise
    except BaseException as stopped:
        run.write()
        end(run.job, _status_after(stopped), _reason(stopped, run.job), on_end=on_end)
        raise
    run.write()
    end(run.job, Job.Status.FINISHED, None, on_end=on_end)


def _status_after(error: BaseException) -> str:
    if isinstance(error, WorkCancelled | ModelChangeCancelled):
        return Job.Status.CANCELLED
    return Job.Status.FAILED if isinstance(error, Exception) else Job.Status.INTERRUPTED


def _reason(error: BaseException, job: Job) -> StoredError:
    if not isinstance(error, Exception):
        return StoredError.of(WorkInterrupted(done=job.done, total=job.total))
    known: ImageSearchError | None = AskerGone() if isinstance(error, PermissionDenied) else known_error(error)
    return StoredError.of(known or WorkFailed(done=job.done, total=job.total))


def _cancel(job: Job) -> bool:
    now = timezone.now()
    error = StoredError.of(WorkCancelled(done=job.done, total=job.total)).as_json()
    ended = {"status": Job.Status.CANCELLED, "cancel_asked_at": now, "finished_at": now, "error": error}
    if Job.objects.waiting().filter(pk=job.pk).update(**ended):
        return True
    return bool(Job.objects.running().filter(pk=job.pk).update(cancel_asked_at=now))
