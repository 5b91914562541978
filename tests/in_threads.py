"""Doing something many times at once, each time with a database connection of its own."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from django.db import connections

Answer = TypeVar("Answer")


def at_once(times: int, act: Callable[[int], Answer]) -> list[Answer]:
    """Return what `act(0)`, `act(1)`... answer when all begin at one moment."""
    start = threading.Barrier(times)

    def run(number: int) -> Answer:
        try:
            start.wait()
            return act(number)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(times) as threads:
        return list(threads.map(run, range(times)))
