"""Several meanings as one vector."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float32]


def sum_of(vectors: Sequence[Vector], weights: Sequence[float]) -> Vector:
    """Return the unit vector of the weighted sum of unit vectors, (dimension,) each.

    A single one stays as it is, bit by bit. Opposites that leave nothing give zeros, which resemble nothing.
    """
    if len(vectors) == 1:
        return vectors[0]
    total: Vector = np.asarray(weights, dtype=np.float32) @ np.stack(vectors)
    length = float(np.linalg.norm(total))
    return total / np.float32(length) if length > 1e-6 else np.zeros_like(total)  # less is rounding
