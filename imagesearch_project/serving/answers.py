"""Answers of the site, taken whole from its thread, so that none of them waits for a slow reader."""

import asyncio
import fcntl
import itertools
import os
import resource
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile
from typing import IO, Any

from granian.rsgi import HTTPProtocol  # type: ignore[attr-defined]  # its stub does not say so

KEPT_IN_MEMORY_BYTES = 128_000  # what is longer is sent from a file, as fast as it is read
OPENED_WITHIN_SECONDS = 10  # the server opens a file in a thread of its own, some milliseconds after it is told
_numbers = itertools.count()
Headers = list[tuple[str, str]]
Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class SentFile:
    """A file as an answer (`wsgi.file_wrapper`): its descriptor is what is sent, where it has one."""

    def __init__(self, file: IO[bytes], block_size: int = 65_536) -> None:
        self.file = file
        self.block_size = block_size

    def __iter__(self) -> Iterator[bytes]:
        return iter(lambda: self.file.read(self.block_size), b"")

    def close(self) -> None:
        self.file.close()

    def descriptor(self) -> int | None:
        """Return a descriptor of its own for the whole file; None for what is short, or is no file of the system."""
        try:
            fd = self.file.fileno()
            if self.file.tell() != 0 or os.fstat(fd).st_size <= KEPT_IN_MEMORY_BYTES:
                return None
        except (AttributeError, OSError):
            return None
        return os.dup(fd)


@dataclass(frozen=True, slots=True)
class Answer:
    """`content`, or the file behind the descriptor `fd`, which whoever sends it closes."""

    status: int
    headers: Headers
    content: bytes = b""
    fd: int | None = None

    def close(self) -> None:
        """Close what nobody is sent."""
        if self.fd is not None:
            os.close(self.fd)


def answer_of(application: Application, environ: dict[str, Any]) -> Answer:
    """Let the site answer. Runs in a thread, which is free again when this returns."""
    begun: list[tuple[str, Headers]] = []

    def start_response(status: str, headers: Headers, exc_info: object = None) -> None:
        begun.append((status, headers))

    result = application(environ, start_response)
    try:
        if environ["REQUEST_METHOD"] == "HEAD":
            content, fd = b"", None
        elif isinstance(result, SentFile) and (fd := result.descriptor()) is not None:
            content = b""
        else:
            content, fd = _taken(result)
    finally:
        if (close := getattr(result, "close", None)) is not None:
            close()
    status, headers = begun[-1]
    return Answer(int(status.split(" ", 1)[0]), [(name.lower(), value) for name, value in headers], content, fd)


def _taken(parts: Iterable[bytes]) -> tuple[bytes, int | None]:
    with SpooledTemporaryFile(max_size=KEPT_IN_MEMORY_BYTES) as kept:
        size_bytes = sum(kept.write(part) for part in parts)
        if size_bytes > KEPT_IN_MEMORY_BYTES:
            kept.flush()
            return b"", os.dup(kept.fileno())
        kept.seek(0)
        return kept.read(), None


def send(answer: Answer, protocol: HTTPProtocol) -> None:
    """Hand the answer to the server, which sends it as fast as it is read."""
    if answer.fd is not None:
        _send_file(answer, answer.fd, protocol)
    elif answer.content:
        protocol.response_bytes(answer.status, answer.headers, answer.content)
    else:
        protocol.response_empty(answer.status, answer.headers)


def _send_file(answer: Answer, fd: int, protocol: HTTPProtocol) -> None:
    """Name the file by its descriptor: it may have been deleted, or have no name. The server opens it anew."""
    headers = answer.headers
    if not any(name == "content-length" for name, _value in headers):
        headers = [*headers, ("content-length", str(os.fstat(fd).st_size))]
    shown = _renumbered(fd)
    try:
        protocol.response_file(answer.status, headers, f"/dev/fd/{shown}")
    finally:
        asyncio.get_running_loop().call_later(OPENED_WITHIN_SECONDS, os.close, shown)


def _renumbered(fd: int) -> int:
    """Give a file a number that none had for thousands of answers.

    The server may open it late, when the disk is slow: by then its number must not be that of another visitor's file.
    """
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    least = most // 2 + next(_numbers) % max(1, most // 4)
    try:
        shown = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, least)
    except OSError:  # so many are open
        return fd
    os.close(fd)
    return shown
