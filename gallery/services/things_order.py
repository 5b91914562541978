"""The order of what was found by the things recognised in it, where a text says how many, which or which not."""

from collections.abc import Mapping, Sequence, Set

from gallery.models import RecognisedThings
from gallery.retrieval.asked_things import AskedThing, reordered
from gallery.retrieval.cutoff import Judgement
from gallery.retrieval.fusion import Hit

ORDERED_BY_THINGS = 300  # hits, the first ones; the same for any number that is wanted, so that pages fit together


def ordered_by_things(
    hits: Sequence[Hit],
    judgements: Mapping[int, Judgement],
    asked: Sequence[AskedThing],
    excluded: Set[str] = frozenset(),
) -> list[Hit]:
    """Return the hits in the order of `reordered`; what is confident stays before what is not, and what may show
    something excluded behind all else.
    """
    first, rest = hits[:ORDERED_BY_THINGS], hits[ORDERED_BY_THINGS:]
    things = RecognisedThings.objects.seen_in([hit.image_id for hit in first])
    tiers: tuple[list[Hit], ...] = ([], [], [])
    for hit in first:
        judgement = judgements[hit.image_id]
        tiers[0 if judgement.confident else 2 if judgement.may_be_excluded else 1].append(hit)
    return [*(hit for tier in tiers for hit in reordered(tier, things, asked, excluded)), *rest]
