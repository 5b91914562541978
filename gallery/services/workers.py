"""Whether a worker runs on this machine, and starting one where none does."""

import fcntl
import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

from gallery.conf import gallery
from gallery.durable.synced_writing import make_folder

from .detached import run_detached

LINGER_SECONDS = 60  # a worker that the site starts ends after so long without work
STARTING_SECONDS = 30  # how long one that was just started is waited for before another is

logger = logging.getLogger(__name__)


@contextmanager
def at_work() -> Iterator[None]:
    """Let others know, while the body runs, that this process is a worker."""
    fd = _opened()
    try:
        fcntl.flock(fd, fcntl.LOCK_SH)
        yield
    finally:
        os.close(fd)


def worker_runs() -> bool:
    """Say whether any process on this machine is a worker now."""
    fd = _opened()
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False


def see_to_worker() -> None:
    """Start a worker that ends by itself, unless one runs or the settings leave that to others."""
    if gallery().starts_worker and not worker_runs() and _start.is_due():
        logger.info("No worker runs on this machine; one is started that ends after %s s without work.", LINGER_SECONDS)
        run_detached("work", "--linger", str(LINGER_SECONDS))


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


_start = _Start()


def _opened() -> int:
    path = _lock_path()
    make_folder(path.parent)
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)


def _lock_path() -> Path:
    return gallery().locks_dir / "worker.lock"
