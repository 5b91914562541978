"""Reading what is sent, before a thread is given to it: whole, within deadlines, large ones into a file."""

import asyncio
import errno
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile
from typing import IO

from gallery.durable.synced_writing import storage_errors
from gallery.errors import BodyTooSlow, ServerBusy

from .senders import Sender
from .spool import spool_folder

KEPT_IN_MEMORY_BYTES = 128_000
TOO_MANY_FILES = {errno.EMFILE, errno.ENFILE}


class ClientGone(Exception):
    """The body ended before it was whole."""


@dataclass(frozen=True, slots=True)
class BodyLimits:
    silence_seconds: float  # nothing at all came for so long
    grace_seconds: float  # so long a body may take whatever its rate
    bytes_per_second: int  # its least rate after that, on the whole
    total_bytes: int  # of all bodies that lie here at once
    strangers_bytes: int  # of those among them whose sender was not asked for, or is no member


@dataclass(slots=True)
class Held:
    """What one body takes of the total."""

    size_bytes: int = 0
    is_members: bool = False


@dataclass(frozen=True, slots=True)
class Body:
    """`file` is read from its start. Of a body over the limit nothing is kept, and `size_bytes` says so."""

    file: IO[bytes]
    size_bytes: int
    held: Held

    def close(self) -> None:
        self.file.close()


class BodyReader:
    """Reads bodies; counts what lies here of all of them. Asked by the server's loop alone."""

    def __init__(self, limits: BodyLimits) -> None:
        self.limits = limits
        self.held_bytes = 0
        self.strangers_bytes = 0
        self._writers = ThreadPoolExecutor(2, thread_name_prefix="bodies")  # a slow disk must not stop the loop

    async def read(self, chunks: AsyncIterator[bytes], sender: Sender, *, max_bytes: int) -> Body:
        """Return the body. `release` it in the end.

        Raises BodyTooSlow, ClientGone; ServerBusy if too much lies here; StorageFull, StorageNotWritable.

        The server ends a body with an empty part, and puts another one before it where the body broke off.
        Strangers have a part of the place only. Whether a sender is a member is asked when that part is full.
        """
        body = SpooledTemporaryFile(max_size=KEPT_IN_MEMORY_BYTES)  # noqa: SIM115 -- the caller closes it
        held, size_bytes, ends, began = Held(), 0, 0, time.monotonic()
        try:
            while (chunk := await self._next(chunks)) is not None:
                ends += not chunk
                size_bytes += len(chunk)
                if size_bytes > max_bytes:
                    self._let_go(held)
                    _discard(body)
                    return Body(SpooledTemporaryFile(), size_bytes, Held())
                await self._hold(held, len(chunk), sender)
                self._check_rate(size_bytes, time.monotonic() - began)
                await self._write(body, chunk, size_bytes)
            if ends > 1:
                raise ClientGone
            if size_bytes > KEPT_IN_MEMORY_BYTES:
                await self._on_disk(body.flush)
        except BaseException:
            self._let_go(held)
            _discard(body)
            raise
        body.seek(0)
        return Body(body, size_bytes, held)

    def release(self, body: Body) -> None:
        body.close()
        self._let_go(body.held)

    async def _next(self, chunks: AsyncIterator[bytes]) -> bytes | None:
        try:
            async with asyncio.timeout(self.limits.silence_seconds):
                return bytes(await anext(chunks))
        except StopAsyncIteration:
            return None
        except TimeoutError:
            raise BodyTooSlow from None

    async def _hold(self, held: Held, size_bytes: int, sender: Sender) -> None:
        if not held.is_members and self.strangers_bytes + size_bytes > self.limits.strangers_bytes:
            if not await sender.is_member():
                raise ServerBusy
            self.strangers_bytes -= held.size_bytes
            held.is_members = True
        if self.held_bytes + size_bytes > self.limits.total_bytes:
            raise ServerBusy
        held.size_bytes += size_bytes
        self._count(held, size_bytes)

    def _let_go(self, held: Held) -> None:
        self._count(held, -held.size_bytes)

    def _count(self, held: Held, size_bytes: int) -> None:
        self.held_bytes += size_bytes
        if not held.is_members:
            self.strangers_bytes += size_bytes

    def _check_rate(self, size_bytes: int, seconds: float) -> None:
        if seconds > self.limits.grace_seconds + size_bytes / self.limits.bytes_per_second:
            raise BodyTooSlow

    async def _write(self, body: IO[bytes], chunk: bytes, size_bytes: int) -> None:
        if size_bytes <= KEPT_IN_MEMORY_BYTES:
            body.write(chunk)
        else:
            await self._on_disk(lambda: body.write(chunk))

    async def _on_disk(self, work: Callable[[], object]) -> None:
        with _disk_errors():
            await asyncio.get_running_loop().run_in_executor(self._writers, work)


@contextmanager
def _disk_errors() -> Iterator[None]:
    """Tell people what they can do about what the disk refuses; too many open files are a rush that passes."""
    try:
        with storage_errors(spool_folder()):
            yield
    except OSError as error:
        if error.errno in TOO_MANY_FILES:
            raise ServerBusy from error
        raise


def _discard(body: IO[bytes]) -> None:
    with suppress(OSError):  # what a full disk did not take is written once more when the file is closed
        body.close()
