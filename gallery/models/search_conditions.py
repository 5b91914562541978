"""The conditions of a search as those of a query."""

from collections.abc import Mapping
from functools import reduce
from operator import and_, or_
from types import MappingProxyType
from typing import Final

from django.db.models import Q

from gallery.retrieval.plan import Condition, Conjunction, Disjunction, Meant, Negation
from gallery.retrieval.tree import Filter, Phrase

from .actor import Actor
from .conditions import Among, ImageIds
from .search_filters import filter_q, phrase_q

MeantImages = Mapping[Meant, ImageIds]
"""What each meaning among conditions has found."""

NOTHING_MEANT: Final[MeantImages] = MappingProxyType({})


def condition_q(condition: Condition, *, by: Actor, meant: MeantImages = NOTHING_MEANT) -> Q:
    """Return the condition that one of a search is true of an image, for whoever asks.

    Raises what `filter_q` does.
    """
    match condition:
        case Filter():
            return filter_q(condition, by=by)
        case Phrase():
            return phrase_q(condition, by=by)
        case Meant():
            return Q(Among("pk", images=meant[condition]))
        case Negation(part):
            return ~condition_q(part, by=by, meant=meant)
        case Conjunction(parts):
            return reduce(and_, (condition_q(part, by=by, meant=meant) for part in parts))
        case Disjunction(parts):
            return reduce(or_, (condition_q(part, by=by, meant=meant) for part in parts))
