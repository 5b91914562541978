"""One look at pictures for all that an encoder can say of them."""

from collections.abc import Sequence

import numpy as np
from PIL import Image

from .abilities import Look, SeesThings
from .base import Encoder, Vectors
from .batching import BatchingEncoder


def look_at(images: Sequence[Image.Image], encoder: Encoder) -> list[Look]:
    """Return the row of each RGB picture, and its things where the encoder sees things. Raises what it raises."""
    inner = _inner(encoder)
    if isinstance(inner, SeesThings):
        return inner.look(images)
    return [Look(row) for row in encoder.encode_images(images)]


def sees_things(encoder: Encoder) -> bool:
    return isinstance(_inner(encoder), SeesThings)


def rows_of(looks: Sequence[Look]) -> Vectors:
    """Return the rows of at least one look: (len(looks), dimension) float32."""
    return np.stack([look.row for look in looks])


def _inner(encoder: Encoder) -> Encoder:
    return encoder.encoder if isinstance(encoder, BatchingEncoder) else encoder
