"""Whether a worker runs on this machine, and starting one where none does."""

import fcntl
import logging
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from threading import Lock

from django.db import connections
from django.utils import timezone

from gallery.conf import gallery
from gallery.durable.synced_writing import make_folder
from gallery.models import Claim, Image, Job, PeriodicWork

from .detached import run_detached
from .reading.state import reading

WORKERS = "worker.lock"
LINGER_SECONDS = 60  # a worker that the site starts ends after so long without work
STARTING_SECONDS = 30  # how long one that was just started is waited for before another is
LONGEST_PAUSE_SECONDS = 900  # between two starts of what fails each time; what was mended goes on within that
FIRST_LOOK_SECONDS = 15  # by then a worker that starts beside the site is known
LOOK_SECONDS = 30  # between two looks for what nobody was told of
LEFT_ALONE = timedelta(hours=1)  # so long a site without work has none that is periodic done either

logger = logging.getLogger(__name__)


@contextmanager
def at_work(*, alone: bool = False) -> Iterator[bool]:
    """Let others know, while the body runs, that this process is a worker.

    Yield False where it is to be the only one of those that the site starts, and another is.
    """
    with ExitStack() as held:
        if alone and not _locks(held, "lingering-worker.lock", fcntl.LOCK_EX | fcntl.LOCK_NB):
            yield False
            return
        _locks(held, WORKERS, fcntl.LOCK_SH)
        yield True


def worker_runs() -> bool:
    """Say whether any process on this machine is a worker now."""
    with ExitStack() as held:
        _locks(held, "asking-for-worker.lock", fcntl.LOCK_EX)  # two that ask would take each other for a worker
        return not _locks(held, WORKERS, fcntl.LOCK_EX | fcntl.LOCK_NB)


def worker_comes() -> bool:
    """Say whether a worker runs on this machine, or the site may start one."""
    return gallery().starts_worker or worker_runs()


def work_waits() -> bool:
    """Say whether there is anything that only a worker does, and that nobody is at."""
    pictures = Claim.objects.free(Image.objects.pending(), with_put_off=True)
    jobs = Job.objects.under_way().filter(is_for_worker=True)
    return pictures.exists() or jobs.exists() or _periodic_work_is_left_alone() or reading().waiting > 0


def _periodic_work_is_left_alone() -> bool:
    """Say whether no worker has begun any for so long. Each row would ask too much: some are an earlier version's."""
    return not PeriodicWork.objects.begun_since(timezone.now() - LEFT_ALONE).exists()


def see_to_worker() -> None:
    """Start a worker that ends by itself, unless one runs or the settings leave that to others."""
    if gallery().starts_worker and not worker_runs() and _start.is_due():
        logger.info("No worker runs on this machine; one is started that ends after %s s without work.", LINGER_SECONDS)
        run_detached("work", "--linger", str(LINGER_SECONDS), on_end=_go_on_after)


def look_for_work() -> None:
    """Start a worker where none runs for what waits: a nudge may be lost, and so may the process that had it."""
    if gallery().starts_worker and not worker_runs() and work_waits():
        see_to_worker()


def keep_looking_for_work() -> None:
    """Look soon and then from time to time, for ever: a serving process has a thread for this."""
    time.sleep(FIRST_LOOK_SECONDS)
    while True:
        try:
            look_for_work()
        except Exception as error:  # noqa: BLE001 -- the next look may do; the site serves without a worker, too
            logger.warning("Nobody knows whether work waits for a worker: %s", error)
        finally:
            connections.close_all()
        time.sleep(LOOK_SECONDS)


def _go_on_after(status: int) -> None:
    """A worker that was killed or failed, or that ended though work waits, is followed by another after a pause."""
    if status == 0 and not work_waits():
        _start.note_success()
        return
    _start.note_failure()
    time.sleep(_start.seconds_until_due())
    see_to_worker()


class _Start:
    """When this process last started a worker, which takes a while before it shows, and how often that was in vain."""

    def __init__(self) -> None:
        self._lock, self._begun_at, self._again_at, self._failures = Lock(), 0.0, 0.0, 0

    def is_due(self) -> bool:
        with self._lock:
            now = time.monotonic()
            if now < self._again_at:
                return False
            self._begun_at, self._again_at = now, now + STARTING_SECONDS
            return True

    def note_failure(self) -> None:
        """Let the next start wait, twice as long each time; what worked for so long is not waited for."""
        with self._lock:
            pause = min(STARTING_SECONDS * 2.0**self._failures, LONGEST_PAUSE_SECONDS)
            self._failures += 1
            self._again_at = self._begun_at + pause

    def note_success(self) -> None:
        with self._lock:
            self._failures = 0

    def seconds_until_due(self) -> float:
        with self._lock:
            return max(0.0, self._again_at - time.monotonic())


_start = _Start()


def _locks(held: ExitStack, name: str, how: int) -> bool:
    """Take a lock that is let go of with `held`; return False where somebody else has it and it is not waited for."""
    path = gallery().locks_dir / name
    make_folder(path.parent)
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    held.callback(os.close, fd)
    try:
        fcntl.flock(fd, how)
    except BlockingIOError:
        return False
    held.callback(fcntl.flock, fd, fcntl.LOCK_UN)  # a process that is being started has the file open for a moment
    return True
