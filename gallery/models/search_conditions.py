"""The conditions of a search as those of a query."""

from collections.abc import Mapping
from functools import reduce
from operator import and_, or_
from types import MappingProxyType
from typing import Any, Final

from django.db.models import Q

from gallery.retrieval.plan import Condition, Conjunction, Disjunction, Meant, Negation
from gallery.retrieval.tree import Filter, Phrase

from .actor import Actor
from .search_filters import filter_q, phrase_q

KnownConditions = Mapping[Any, Q]
"""What is known already: what each meaning has found, and filters that were looked up."""

NOTHING_KNOWN: Final[KnownConditions] = MappingProxyType({})


def condition_q(condition: Condition, *, by: Actor, known: KnownConditions = NOTHING_KNOWN) -> Q:
    """Return the condition that one of a search is true of an image, for whoever asks. Every meaning must be `known`.

    Raises what `filter_q` does for filters that are not.
    """
    match condition:
        case Filter():
            return known[condition] if condition in known else filter_q(condition, by=by)
        case Phrase():
            return phrase_q(condition, by=by)
        case Meant():
            return known[condition]
        case Negation(part):
            return ~condition_q(part, by=by, known=known)
        case Conjunction(parts):
            return reduce(and_, (condition_q(part, by=by, known=known) for part in parts))
        case Disjunction(parts):
            return reduce(or_, (condition_q(part, by=by, known=known) for part in parts))
