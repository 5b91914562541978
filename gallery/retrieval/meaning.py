"""Several meanings as one vector, and how clear it is."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from gallery.encoders.abilities import Clarity

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


def clarity_of_sum(clarities: Sequence[Clarity], vectors: Sequence[Vector], weights: Sequence[float]) -> Clarity:
    """Return how clear the sum of texts is, each with its unit vector and weight.

    A picture that surely shows what each asks for has the sum of their scores, as the sum of vectors is made a unit
    vector. The encoder is as sure of the whole as of its parts, by their weights.
    """
    if len(clarities) == 1:
        return clarities[0]
    shares = np.asarray(weights, dtype=np.float64)
    length = max(float(np.linalg.norm(shares @ np.stack(vectors))), 1e-6)
    sure, colour, weight = np.array([(one.sure_score, one.by_colour, one.weight) for one in clarities]).T
    return Clarity(
        sure_score=float(shares @ sure) / length,
        weight=float(shares @ weight / shares.sum()),
        by_colour=float(shares @ colour) / length,
    )
