"""Waiting for what another thread or process does: as long as the busiest machine needs, and saying what never came."""

import time
from collections.abc import Callable
from typing import TypeVar

Answer = TypeVar("Answer")

PATIENCE_SECONDS = 300  # nothing takes so long, on a machine that does other work too: who waits longer waits for ever


def until(condition: Callable[[], Answer], what: str, *, pause_seconds: float = 0.005) -> Answer:
    """Return the first true answer of the condition; fails with `what` it was that did not happen."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (answer := condition()):
        assert time.monotonic() < deadline, f"in {PATIENCE_SECONDS} seconds it never happened: {what}"
        time.sleep(pause_seconds)
    return answer
