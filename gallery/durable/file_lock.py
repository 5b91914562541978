"""A lock between processes. It needs a local disk: over a network `flock` cannot be trusted."""

import fcntl
import os
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from gallery.errors import StoreBusy

from .synced_writing import make_folder, storage_errors

LOCK_POLL_SECONDS = 0.005


class FileLock:
    """Excludes every other process and every other thread; the thread that holds it may take it again.

    The kernel frees it when the process ends, however it ends, so that a crash never leaves it locked. The file itself
    stays: unlinking it would let two processes lock two different files. Two FileLock objects on one path exclude each
    other like two processes, so share one object within a process.
    """

    def __init__(self, path: Path, *, timeout_seconds: float = 30.0) -> None:
        self.path = path
        self.timeout_seconds = timeout_seconds
        self._pid: int
        self._reset()

    def __enter__(self) -> Self:
        """Take the lock. Raises StoreBusy after `timeout_seconds`, StorageNotWritable, StorageFull."""
        if self._pid != os.getpid():
            self._forget_parent()
        deadline = time.monotonic() + self.timeout_seconds
        if not self._threads.acquire(timeout=self.timeout_seconds):
            raise StoreBusy(seconds=self.timeout_seconds)
        try:
            if self._depth == 0:
                self._fd = self._locked_descriptor(deadline)
        except BaseException:
            self._threads.release()
            raise
        self._depth += 1
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._depth -= 1
        if self._depth == 0:
            fcntl.flock(self._fd, fcntl.LOCK_UN)  # closing alone would not free it while a forked child has a copy
            os.close(self._fd)
        self._threads.release()

    def _reset(self) -> None:
        self._threads = threading.RLock()
        self._depth = 0
        self._fd = -1
        self._pid = os.getpid()

    def _forget_parent(self) -> None:
        """Begin anew in a forked child: it inherits what it looked like in the parent, but does not hold the lock."""
        if self._depth:
            os.close(self._fd)
        self._reset()

    def _locked_descriptor(self, deadline: float) -> int:
        with storage_errors(self.path.parent):
            make_folder(self.path.parent)
            fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            self._wait_for_flock(fd, deadline)
        except BaseException:
            os.close(fd)
            raise
        return fd

    def _wait_for_flock(self, fd: int, deadline: float) -> None:
        while True:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise StoreBusy(seconds=self.timeout_seconds) from None
                time.sleep(LOCK_POLL_SECONDS)
            else:
                return
