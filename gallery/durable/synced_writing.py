"""What a crash-safe file needs: syncing, and replacing files as a whole.

All of it speaks POSIX and needs a local disk: over a network a sync cannot be trusted.
"""

import errno
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO

from gallery.errors import StorageFull, StorageNotWritable

from .crash_points import crash_point

NO_SPACE = {errno.ENOSPC, errno.EDQUOT}
NOT_WRITABLE = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR}
PARTIAL_SUFFIX = ".partial"


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


def sync_file(file: IO[bytes]) -> None:
    """Return once all that was written to the open file is on the disk."""
    file.flush()
    fdatasync(file.fileno())


def write_synced(path: Path, content: bytes) -> None:
    """Write a file that is not there yet, and sync it; syncing its folder is the caller's. Raises FileExistsError."""
    with path.open("xb") as file:
        file.write(content)
        sync_file(file)


def fsync_dir(folder: Path) -> None:
    """Return once the folder's entries (creations, renames, removals) are on the disk."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def make_folder(folder: Path) -> None:
    """Create a folder and its parents so that they survive a power cut. Raises NotADirectoryError for a file there."""
    if folder.is_dir():
        return
    if folder.exists() and not folder.is_dir():  # asked again: another process may have made it just now
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder))
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
    return path.with_name(path.name + PARTIAL_SUFFIX)


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
