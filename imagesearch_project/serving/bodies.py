"""Reading what is sent, before a thread is given to it: whole, within deadlines, large ones into a file."""

import asyncio
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile
from typing import IO

from gallery.errors import BodyTooSlow, ServerBusy

KEPT_IN_MEMORY_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class BodyLimits:
    silence_seconds: float  # nothing at all came for so long
    grace_seconds: float  # so long a body may take whatever its rate
    bytes_per_second: int  # its least rate after that, on the whole
    total_bytes: int  # of all bodies that lie here at once


@dataclass(frozen=True, slots=True)
class Body:
    """`file` is read from its start. Of a body over the limit nothing is kept, and `size_bytes` says so."""

    file: IO[bytes]
    size_bytes: int

    def close(self) -> None:
        self.file.close()


class BodyReader:
    """Reads bodies; counts what lies here of all of them. Asked by the server's loop alone."""

    def __init__(self, limits: BodyLimits) -> None:
        self.limits = limits
        self.held_bytes = 0
        self._writers = ThreadPoolExecutor(2, thread_name_prefix="bodies")  # a slow disk must not stop the loop

    async def read(self, chunks: AsyncIterator[bytes], *, max_bytes: int) -> Body:
        """Return the body. Raises BodyTooSlow; ServerBusy if too much lies here already. `release` it in the end."""
        body = SpooledTemporaryFile(max_size=KEPT_IN_MEMORY_BYTES)  # noqa: SIM115 -- the caller closes it
        size_bytes, began = 0, time.monotonic()
        try:
            while (chunk := await self._next(chunks)) is not None:
                self._hold(len(chunk))
                size_bytes += len(chunk)
                if size_bytes > max_bytes:
                    self.held_bytes -= size_bytes
                    body.close()
                    return Body(SpooledTemporaryFile(), size_bytes)
                self._check_rate(size_bytes, time.monotonic() - began)
                await self._write(body, chunk, size_bytes)
        except BaseException:
            self.held_bytes -= size_bytes
            body.close()
            raise
        body.seek(0)
        return Body(body, size_bytes)

    def release(self, body: Body, *, max_bytes: int) -> None:
        body.close()
        if body.size_bytes <= max_bytes:
            self.held_bytes -= body.size_bytes

    async def _next(self, chunks: AsyncIterator[bytes]) -> bytes | None:
        try:
            async with asyncio.timeout(self.limits.silence_seconds):
                return bytes(await anext(chunks))
        except StopAsyncIteration:
            return None
        except TimeoutError:
            raise BodyTooSlow from None

    def _hold(self, size_bytes: int) -> None:
        if self.held_bytes + size_bytes > self.limits.total_bytes:
            raise ServerBusy
        self.held_bytes += size_bytes

    def _check_rate(self, size_bytes: int, seconds: float) -> None:
        if seconds > self.limits.grace_seconds + size_bytes / self.limits.bytes_per_second:
            raise BodyTooSlow

    async def _write(self, body: IO[bytes], chunk: bytes, size_bytes: int) -> None:
        if size_bytes <= KEPT_IN_MEMORY_BYTES:
            body.write(chunk)
        else:
            await asyncio.get_running_loop().run_in_executor(self._writers, body.write, chunk)
