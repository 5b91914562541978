"""Coroutines, run from tests: pytest's own thread may hold the event loop of the browser that other tests drive."""

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

Answer = TypeVar("Answer")


def run_async(coroutine: Coroutine[Any, Any, Answer]) -> Answer:
    """Return what the coroutine returns, run to its end by an event loop in a thread of its own."""
    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(asyncio.run, coroutine).result()
