"""Work that nobody waits for: done by threads of this process, soon after."""

import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import cache
from typing import Any

from django.db import connections

THREADS = 2
logger = logging.getLogger(__name__)
_under_way: set[Future[None]] = set()


def do_soon(work: Callable[..., object], /, **values: Any) -> None:
    """Have the work done by another thread; what goes wrong is logged. What is begun ends before the process does."""
    future = _threads().submit(_done, work, values)
    _under_way.add(future)
    future.add_done_callback(_under_way.discard)


def wait_until_done() -> None:
    """Return once all that was to be done is done."""
    wait(list(_under_way))


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(THREADS, thread_name_prefix="soon")


def _done(work: Callable[..., object], values: dict[str, Any]) -> None:
    try:
        work(**values)
    except Exception:
        logger.exception("What was to be done soon failed.")
    finally:
        connections.close_all()
