"""Several computations side by side, each on one thread, instead of all threads on one computation.

Threads inside one matrix product or convolution wait for each other at every step. Side by side they never do, which
also keeps them quick where another program uses the same cores.
"""

import ctypes
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


class ComputeThreads:
    """A pool of threads that compute alone. Safe to share between threads and to inherit by a fork."""

    def __init__(self, count: int | None = None) -> None:
        self.count = count or core_count()
        self._pool, self._pool_pid = self._new_pool(), os.getpid()

    def map(self, function: Callable[[T], R], items: Sequence[T]) -> list[R]:
        """Return the results in the order of the items. The first error, in that order, is raised."""
        if self._pool_pid != os.getpid():  # a forked child inherits the object, but none of its threads
            self._pool, self._pool_pid = self._new_pool(), os.getpid()
        return list(self._pool.map(function, items))

    def _new_pool(self) -> ThreadPoolExecutor:
        import torch  # noqa: PLC0415 -- slow import

        return ThreadPoolExecutor(self.count, "encoder", initializer=torch.set_num_threads, initargs=(1,))


@contextmanager
def single_thread() -> Iterator[None]:
    """Let this thread compute alone for a while: torch's number of threads belongs to the thread that sets it."""
    import torch  # noqa: PLC0415 -- slow import

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def give_back_memory() -> None:
    """Hand what is free back to the system: glibc would keep 200 MB of what packing CLIP's weights used meanwhile, and
    80 MB of what `offline` makes of a picture.
    """
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (AttributeError, OSError, TypeError):  # another C library
        return


def core_count() -> int:
    """Return the cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
