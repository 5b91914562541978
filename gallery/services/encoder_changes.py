"""Answers of which every part is of one encoder, whatever becomes of the index meanwhile."""

from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from gallery.errors import EncoderChanged

Answer = TypeVar("Answer")
ENCODER_CHANGES = 5  # during one search: far more than there ever are


def while_encoders_change(work: Callable[[], Answer]) -> Answer:
    """Return what `work` returns, which is begun anew each time that the index moves to another encoder meanwhile."""
    for _attempt in range(ENCODER_CHANGES):
        with suppress(EncoderChanged):
            return work()
    return work()
