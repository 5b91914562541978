"""One ranking of what resembles a picture: its copies first, then what shows the same."""

from collections.abc import Sequence

from .fusion import Hit

SAME_SHARE = (
    0.5  # of what the best one shows of the same: less, and the nearest one is no copy. Measured, docs/adr/0027
)


def joined(nearest: Sequence[Hit], showing: Sequence[Hit], *, nearest_shows: float, near_copy: float) -> list[int]:
    """Return the ids of both rankings, each once: what leads of the `nearest`, in their order, then the `showing`.

    `nearest` is by the cosine of whole rows, `showing` by how far the same is shown. Copies lead: whatever is at least
    `near_copy` near, and the nearest of all where it shows at least half as much of the same as the best, since a copy
    that was made grey or tiny is far away, but nearer than anything else. `nearest_shows` says how much that is.

    Of two rankings cut at k, the first k of this one are those of the uncut ones.
    """
    most = showing[0].score if showing else nearest_shows
    leading = [
        hit.image_id
        for place, hit in enumerate(nearest)
        if hit.score >= near_copy or (place == 0 and nearest_shows >= SAME_SHARE * most)
    ]
    led = set(leading)
    return [*leading, *(hit.image_id for hit in showing if hit.image_id not in led)]
