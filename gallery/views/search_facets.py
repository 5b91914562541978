"""The filters that narrow what a search found, each as a link to the narrower search."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.utils import timezone

from gallery.forms.search import SearchForm
from gallery.retrieval.language import format as query_of
from gallery.retrieval.tree import Field
from gallery.retrieval.tree_changes import with_part
from gallery.search_labels import FIELDS
from gallery.services.facets import Choice, Facet

from .search_chips import address_with_query
from .search_words import parsed


@dataclass(frozen=True)
class Narrowing:
    """A value that `count` of the pictures found have, and where these are."""

    label: str
    count: int
    address: str


@dataclass(frozen=True)
class NarrowingBy:
    """The values of a field."""

    name: str
    choices: list[Narrowing]


def narrowings_of(form: SearchForm, facets: Iterable[Facet], *, found: int) -> list[NarrowingBy]:
    """Return the values that would leave some of the `found` pictures, and not all of them."""
    shown = [NarrowingBy(str(FIELDS[Field(facet.field)]), _narrowings(form, facet, found)) for facet in facets]
    return [each for each in shown if each.choices]


def _narrowings(form: SearchForm, facet: Facet, found: int) -> list[Narrowing]:
    return [
        Narrowing(choice.label, choice.count, _address(form, choice))
        for choice in facet.choices
        if not choice.is_chosen and choice.count < found
    ]


def _address(form: SearchForm, choice: Choice) -> str:
    narrowed = with_part(form.query_tree, parsed(choice.filter_text, timezone.localdate()))
    return address_with_query(form, query_of(narrowed))
