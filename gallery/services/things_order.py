"""The order of what was found by the things that were recognised in it, where a text says how many or which."""

from collections.abc import Mapping, Sequence

from gallery.models import RecognisedThings
from gallery.retrieval.asked_things import AskedThing, reordered
from gallery.retrieval.cutoff import Judgement
from gallery.retrieval.fusion import Hit

ORDERED_BY_THINGS = 300  # hits, the first ones; the same for any number that is wanted, so that pages fit together


def ordered_by_things(
    hits: Sequence[Hit], judgements: Mapping[int, Judgement], asked: Sequence[AskedThing]
) -> list[Hit]:
    """Return the hits in the order of `reordered`; what is confident stays before what is not."""
    first, rest = hits[:ORDERED_BY_THINGS], hits[ORDERED_BY_THINGS:]
    things = RecognisedThings.objects.seen_in([hit.image_id for hit in first])
    confident = [hit for hit in first if judgements[hit.image_id].confident]
    others = [hit for hit in first if not judgements[hit.image_id].confident]
    return [*reordered(confident, things, asked), *reordered(others, things, asked), *rest]
