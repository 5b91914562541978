"""Answers that are of one committed state of the index."""

from collections.abc import Callable
from typing import TypeVar

from gallery.models import AccessState

ATTEMPTS = 5  # at one answer, while others delete all the time

Answer = TypeVar("Answer")


def in_one_state(answer: Callable[[AccessState], Answer]) -> Answer:
    """Answer again, a few times at most, where pictures left their rows meanwhile."""
    for _attempt in range(ATTEMPTS):
        access = AccessState.objects.current()  # before all else: see `AllowedRows`
        answered = answer(access)
        if AccessState.objects.current().departures == access.departures:
            break
    return answered
