"""The pixels of a picture that was decoded a moment ago, for whoever embeds it within the same call."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from PIL.Image import Image as Pixels

_at_hand: ContextVar[tuple[int, Pixels] | None] = ContextVar("pixels_at_hand", default=None)


@contextmanager
def pixels_at_hand(image_id: int, pixels: Pixels) -> Iterator[None]:
    """Spare whoever embeds this image within from decoding its original again; elsewhere nothing changes."""
    token = _at_hand.set((image_id, pixels))
    try:
        yield
    finally:
        _at_hand.reset(token)


def pixels_of(image_id: int) -> Pixels | None:
    """Return the image's pixels, as `load_pixels` gives them, if they are at hand."""
    found = _at_hand.get()
    return found[1] if found is not None and found[0] == image_id else None
