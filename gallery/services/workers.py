"""Whether a worker runs on this machine, and starting one where none does."""

import fcntl
import logging
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from threading import Lock

from gallery.conf import gallery
from gallery.durable.synced_writing import make_folder

from .detached import run_detached

WORKERS = "worker.lock"
LINGER_SECONDS = 60  # a worker that the site starts ends after so long without work
STARTING_SECONDS = 30  # how long one that was just started is waited for before another is

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
        return not _locks(held, WORKERS, fcntl.LOCK_EX | fcntl.LOCK_NB)


def see_to_worker() -> None:
    """Start a worker that ends by itself, unless one runs or the settings leave that to others."""
    if gallery().starts_worker and not worker_runs() and _start.is_due():
        logger.info("No worker runs on this machine; one is started that ends after %s s without work.", LINGER_SECONDS)
        run_detached("work", "--linger", str(LINGER_SECONDS), on_end=_start_again_if_killed)


def _start_again_if_killed(status: int) -> None:
    """A worker that was killed has left its work. One that ends by itself has none, or would fail again."""
    if status < 0:
        time.sleep(_start.seconds_until_due())
        see_to_worker()


class _Start:
    """When this process last started a worker, which takes a while before it shows."""

    def __init__(self) -> None:
        self._lock, self._again_at = Lock(), 0.0

    def is_due(self) -> bool:
        with self._lock:
            now = time.monotonic()
            if now < self._again_at:
                return False
            self._again_at = now + STARTING_SECONDS
            return True

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
    return True
