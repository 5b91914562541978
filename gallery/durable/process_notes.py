"""Notes of what a process is at, which only a process that dies leaves behind."""

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .synced_writing import make_folder


@contextmanager
def leaving_note(folder: Path, content: str) -> Iterator[None]:
    """Keep a note in the folder while the body runs.

    The kernel holds its lock as long as this process lives. The note gets its name once it is whole and locked, so
    that nobody takes it for that of a dead process. It need not outlive a power cut: that blames no process.
    """
    make_folder(folder)
    path = folder / f"{secrets.token_hex(8)}.json"
    unnamed = path.with_suffix(".part")
    fd = os.open(unnamed, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        os.write(fd, content.encode())
        unnamed.rename(path)
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(fd)


def notes_of_the_dead(folder: Path) -> Iterator[str]:
    """Yield the notes of processes that died, each to one caller only.

    A note is removed when the next one is asked for: whoever dies in between leaves it to another caller.
    """
    for path in folder.glob("*.json"):
        with _read_if_dead(path) as content:
            if content is not None:
                yield content
                path.unlink(missing_ok=True)


@contextmanager
def _read_if_dead(path: Path) -> Iterator[str | None]:
    """Yield a note's content once its lock is ours; None if its process lives, or another caller has it or had it."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        yield None
        return
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield path.read_text() if path.exists() else None
    except BlockingIOError:
        yield None
    finally:
        os.close(fd)
