"""One ranking of the answers of several legs."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Hit:
    """An image and its cosine similarity to what is searched for."""

    image_id: int
    score: float


def fuse(rankings: Sequence[Sequence[Hit]]) -> list[Hit]:
    """Return every image that a leg has found with the best of its scores, best first, equal ones by ascending id.

    Each ranking has an image once. A single one is the answer already, in whatever order it is: see `resemblance`.
    """
    if len(rankings) == 1:
        return list(rankings[0])
    best: dict[int, float] = {}
    for hit in (hit for ranking in rankings for hit in ranking):
        best[hit.image_id] = max(hit.score, best.get(hit.image_id, hit.score))
    return [Hit(image_id, score) for image_id, score in sorted(best.items(), key=lambda item: (-item[1], item[0]))]
