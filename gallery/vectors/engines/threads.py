"""The threads that share a scan."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import lru_cache


def run_together(parts: Sequence[Callable[[], None]]) -> None:
    """Run one part in this thread and the others beside it; none is left running, whatever happens to another."""
    others: list[Future[None]] = []
    try:
        others.extend(_pool(os.getpid()).submit(part) for part in parts[1:])
        parts[0]()
    finally:
        wait(others)  # they write to arrays that go away with the scan
    for other in others:
        other.result()


@lru_cache(maxsize=1)
def _pool(pid: int) -> ThreadPoolExecutor:
    """Return the threads of this process: a forked child inherits none of its parent's."""
    return ThreadPoolExecutor(max(1, os.cpu_count() or 1), thread_name_prefix="search")
