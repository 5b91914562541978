"""The searches that a page offers to come back to."""

from dataclasses import dataclass

from django.urls import reverse

from gallery.forms.saved_search import searched
from gallery.models import Actor, SavedSearch
from gallery.services.saved_searches import keeps_recent_searches, recent_searches

from .search_words import search_in_words


@dataclass(frozen=True)
class KeptSearch:
    """A search to come back to: what it is called, and where its results are."""

    name: str
    address: str


@dataclass(frozen=True)
class KeptSearches:
    saved: list[SavedSearch]
    recent: list[KeptSearch]
    keeps_recent: bool

    @classmethod
    def of(cls, actor: Actor) -> "KeptSearches":
        recent = [
            KeptSearch(search_in_words(searched(query)), address_of(query)) for query in recent_searches(by=actor)
        ]
        return cls(list(SavedSearch.objects.visible_to(actor)), recent, keeps_recent_searches(by=actor))


def address_of(query: str) -> str:
    """Return where the results of a kept search are."""
    return f"{reverse('search')}?{query}"
