"""Rooms (bulkheads): each answers with threads of its own, and only so many requests may wait for them."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from gallery.errors import ServerBusy

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class RoomSize:
    threads: int
    waiting: int
    wait_seconds: float


class ServingRoom:
    """One room. It is entered and left by the server's loop alone, so it needs no lock."""

    def __init__(self, name: str, size: RoomSize) -> None:
        self.size = size
        self._waiting = 0
        self._free = asyncio.Semaphore(size.threads)
        self._threads = ThreadPoolExecutor(size.threads, thread_name_prefix=name)

    def check_open(self) -> None:
        """Raise ServerBusy if whoever comes now could not even wait."""
        if self._free.locked() and self._waiting >= self.size.waiting:
            raise ServerBusy

    async def begin(self, work: Callable[[], Result]) -> "asyncio.Future[Result]":
        """Have `work` done in a thread of the room. Raises ServerBusy, having begun nothing.

        The place is free again when the thread is: whoever stops waiting for the result leaves the thread at work, and
        the next would only queue up behind it.
        """
        await self._enter()
        working = asyncio.get_running_loop().run_in_executor(self._threads, work)
        working.add_done_callback(lambda _: self._free.release())
        return working

    async def _enter(self) -> None:
        self.check_open()
        self._waiting += 1
        try:
            async with asyncio.timeout(self.size.wait_seconds):
                await self._free.acquire()
        except TimeoutError:
            raise ServerBusy from None
        finally:
            self._waiting -= 1
