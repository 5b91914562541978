"""What a crash-safe file needs: a lock between processes, syncing, and replacing files as a whole.

All of it speaks POSIX and needs a local disk: over a network neither `flock` nor a sync can be trusted.
"""

import errno
import fcntl
import os
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from gallery.errors import StorageFull, StorageNotWritable, StoreBusy
from gallery.vectors.crash_points import crash_point

NO_SPACE = {errno.ENOSPC, errno.EDQUOT}
NOT_WRITABLE = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR}
LOCK_POLL_SECONDS = 0.005


@contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turn what the file system refuses into StorageFull or StorageNotWritable; let every other OSError through."""
    try:
        yield
    except OSError as error:
        if error.errno in NO_SPACE:
            raise StorageFull from error
        if error.errno in NOT_WRITABLE:
            raise StorageNotWritable(path=str(path), reason=error.strerror) from error
        raise


def fdatasync(fd: int) -> None:
    """Return once the file's bytes and its size are on the disk."""
    getattr(os, "fdatasync", os.fsync)(fd)  # macOS has no fdatasync


def fsync_dir(folder: Path) -> None:
    """Return once the folder's entries (creations, renames, removals) are on the disk."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def make_folder(folder: Path) -> None:
    """Create a folder and its parents so that they survive a power cut."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    fsync_dir(folder.parent)


def write_all(fd: int, content: bytes | memoryview, offset: int) -> None:
    """Write every byte at `offset`; one `pwrite` may write less than it was given."""
    rest = memoryview(content).cast("B")
    while rest:
        written = os.pwrite(fd, rest, offset)
        rest, offset = rest[written:], offset + written


def partial_path(path: Path) -> Path:
    """Return where the next content of `path` grows until it is whole."""
    return path.with_name(path.name + ".partial")


@contextmanager
def opened(path: Path, flags: int) -> Iterator[int]:
    """Yield a descriptor of a file that exists."""
    fd = os.open(path, flags | os.O_CLOEXEC, 0o644)
    try:
        yield fd
    finally:
        os.close(fd)


@contextmanager
def opened_or_created(path: Path) -> Iterator[int]:
    """Yield a descriptor to read and write; a file that had to be created keeps its name through a power cut."""
    existed = path.exists()
    with opened(path, os.O_RDWR | os.O_CREAT) as fd:
        if not existed:
            fsync_dir(path.parent)
        yield fd


@contextmanager
def replacing_whole_files(*paths: Path) -> Iterator[list[int]]:
    """Yield a descriptor for each path, to write its new content to; at the end all are in place, synced and durable.

    All are whole on the disk before the first gets its name, in the order given. A reader of one path sees its old
    file or its new one, never a part. A crash leaves any of the paths old or new, and `.partial` files, which the next
    call overwrites. One writer at a time: hold a FileLock.
    """
    partials = [partial_path(path) for path in paths]
    try:
        with ExitStack() as open_files:
            flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC
            fds = [open_files.enter_context(opened(partial, flags)) for partial in partials]
            yield fds
            crash_point("after_partial_before_sync")
            for fd in fds:
                fdatasync(fd)  # a rename may reach the disk before the content does
        for partial, path in zip(partials, paths, strict=True):
            crash_point("after_partial_before_rename")
            os.rename(partial, path)
            crash_point("after_one_rename")
    except BaseException:
        for partial in partials:
            with suppress(OSError):
                partial.unlink()
        raise
    crash_point("after_rename_before_folder_sync")
    for folder in {path.parent for path in paths}:
        fsync_dir(folder)


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
