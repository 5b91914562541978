"""Opening a file that somebody named: neither a pipe that never ends, nor a device, nor a folder."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from typing import BinaryIO

from gallery.errors import Phrase, UnreadablePath, gettext_noop, shown, unreadable


@contextmanager
def open_regular_file(path: Path) -> Iterator[BinaryIO]:
    """Open a file for reading. Raises UnreadablePath, also for what goes wrong while it is read.

    A pipe is opened without waiting for whoever writes to it, and what was opened is what is judged: nothing can take
    its place in between.
    """
    try:
        with _opened(path) as file:
            yield file
    except OSError as error:
        raise unreadable(path, error) from error


def _opened(path: Path) -> BinaryIO:
    try:
        _refuse_others(path, path.stat().st_mode)  # opening alone may already move a tape
        file = os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb")
    except ValueError as error:  # a zero in the name
        raise unreadable(path, error) from error
    try:
        _refuse_others(path, os.fstat(file.fileno()).st_mode)
    except UnreadablePath:
        file.close()
        raise
    return file


def _refuse_others(path: Path, mode: int) -> None:
    if S_ISDIR(mode):
        raise UnreadablePath(path=shown(path), reason=Phrase(gettext_noop("it is a folder, not a file")))
    if not S_ISREG(mode):
        raise UnreadablePath(path=shown(path), reason=Phrase(gettext_noop("it is not a regular file")))
