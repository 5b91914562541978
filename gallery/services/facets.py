"""What the pictures that a search found have in common: the filters that narrow it, each with how many it would leave.

All counts are of what the search is sure of, among what the actor may see, and exact: each is what the search with that
filter added finds of them.
"""

import heapq
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Final

from gallery.imaging import LABELS
from gallery.models import Actor, Album, Image, ImageQuerySet, Tag, User
from gallery.models.search_filters import filter_q, state_q
from gallery.retrieval.language import ME
from gallery.retrieval.language import format as spelled
from gallery.retrieval.request import SearchRequest
from gallery.retrieval.tree import All, Comparison, Field, Filter, Node, Period, State
from gallery.search_index import search_index
from gallery.search_index.lists import Lists, Moment
from gallery.search_labels import COLOURS, STATES
from gallery.text.chinese import written_otherwise
from gallery.text.folding import folded
from gallery.text.tag_names import folded_tag

from .asked_images import AskedImages
from .encoder_changes import while_encoders_change

MOST_CHOICES: Final = 12
SHAPES: Final = (State.PORTRAIT, State.LANDSCAPE, State.SQUARE)


@dataclass(frozen=True, slots=True)
class Choice:
    """A filter that would leave `count` of the pictures found; `filter_text` is it in the language of the search box.

    `label` is its value for people, in the language of the reader; `is_chosen` says that the search has it already.
    """

    value: str
    label: str
    filter_text: str
    count: int
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Facet:
    """The values of a field that most of the pictures have, the most first, `MOST_CHOICES` at most."""

    field: str
    choices: tuple[Choice, ...]


def facets_of(request: SearchRequest, *, by: Actor) -> tuple[Facet, ...]:
    """Return the facets of what a search is sure of, those without a choice left out. Raises as `find_images` does."""
    return while_encoders_change(lambda: facets_among(AskedImages.of(request, by=by).meant, request, by=by))


def facets_among(
    images: ImageQuerySet, request: SearchRequest, *, by: Actor, lists: Lists | None = None
) -> tuple[Facet, ...]:
    """Return the facets of these images, which the request has found; `lists` have answered for it already."""
    counted = _Counted(images, by, lists or search_index().lists.of_one_moment())
    chosen = {_identity(each) for each in _filters_of(request.tree)}
    facets = (_facet(field, counts(counted), chosen) for field, counts in _FACETS.items())
    return tuple(facet for facet in facets if facet.choices)


@dataclass(frozen=True, slots=True)
class _Counted:
    """Images, who asks about them, and where they are counted."""

    images: ImageQuerySet
    by: Actor
    lists: Lists

    def count(self, asked: Filter) -> int:
        return self.lists.count_of(self.images, self._all_that(asked))

    def _all_that(self, asked: Filter) -> ImageQuerySet:
        if asked.field is Field.IS and isinstance(asked.value, State) and asked.value in SHAPES:
            return _all_of_shape(asked.value)
        return Image.objects.filter(filter_q(asked, by=self.by))


@cache
def _all_of_shape(shape: State) -> ImageQuerySet:
    """Return all images of a shape, whoever asks: one queryset, as reading what it asks costs more than counting."""
    return Image.objects.filter(state_q(shape))


@dataclass(frozen=True, slots=True)
class _Found:
    """A filter, what it is called, and how many images it leaves."""

    asked: Filter
    label: str
    count: int


def _facet(field: str, found: Iterable[_Found], chosen: set[tuple[str, ...]]) -> Facet:
    some = sorted((each for each in found if each.count), key=lambda each: (-each.count, each.label))[:MOST_CHOICES]
    return Facet(
        field,
        tuple(
            Choice(_value(each.asked), each.label, spelled(each.asked), each.count, _identity(each.asked) in chosen)
            for each in some
        ),
    )


def _value(asked: Filter) -> str:
    value = asked.value
    return str(value.first.year) if isinstance(value, Period) else str(value)


def _filters_of(tree: Node) -> list[Filter]:
    """Return the filters that must be true of whatever is found."""
    return [part for part in (tree.parts if isinstance(tree, All) else [tree]) if isinstance(part, Filter)]


def _identity(asked: Filter) -> tuple[str, ...]:
    """Return what is the same of two filters that are: letter case and marks of their values are no difference."""
    value = folded(str(asked.value)) if isinstance(asked.value, str) else repr(asked.value)
    return asked.field, asked.comparison, value


# Each field


def _by_tag(counted: _Counted) -> Iterable[_Found]:
    common = _commonest(counted.lists.tag_counts(counted.images))
    tags = {tag.pk: (tag.key, tag.name) for tag in Tag.objects.filter(pk__in=common)}
    spellings = {each for key, _name in tags.values() for each in _spellings(key, folded_tag)}
    alike = Counter(Tag.objects.filter(folded_name__in=spellings).values_list("folded_name", flat=True))
    return _by_name(Field.TAG, counted, common=common, names=tags, alike=alike, fold=folded_tag)


def _by_album(counted: _Counted) -> Iterable[_Found]:
    visible = Album.objects.visible_to(counted.by).order_by().values_list("pk", "title", "folded_text")
    albums = {pk: (title, text.partition("\n")[0]) for pk, title, text in visible}
    common = _commonest(counted.lists.album_counts(counted.images, list(albums)))
    titles = {pk: (albums[pk][0], albums[pk][0]) for pk in common}
    alike = Counter(line for _title, line in albums.values())
    return _by_name(Field.ALBUM, counted, common=common, names=titles, alike=alike, fold=folded)


def _by_name(
    field: Field,
    counted: _Counted,
    *,
    common: Mapping[int, int],
    names: Mapping[int, tuple[str, str]],
    alike: Counter[str],
    fold: Callable[[str], str],
) -> Iterable[_Found]:
    """Return a choice for each of the `common` rows, whose counts are by their ids, as are their values and labels.

    Rows whose names are one to who searches, as 猫 and 貓, are one choice, named by the commonest: how many images have
    one of them must be counted. `alike` says how many rows there are of each folded name.
    """
    found: dict[frozenset[str], _Found] = {}
    for pk, count in common.items():
        value, label = names.get(pk, ("", ""))
        spellings = _spellings(value, fold)
        if value and spellings not in found:
            asked = Filter(field, Comparison.EQUALS, value)
            is_alone = sum(alike[each] for each in spellings) == 1
            found[spellings] = _Found(asked, label, count if is_alone else counted.count(asked))
    return found.values()


def _spellings(name: str, fold: Callable[[str], str]) -> frozenset[str]:
    return frozenset(fold(each) for each in written_otherwise(name))


def _by_owner(counted: _Counted) -> Iterable[_Found]:
    """Return owners; whoever asks is `me`, and nobody else can be asked for by that name."""
    totals = counted.lists.owner_totals(counted.images)
    common = _commonest({owner: each.images for owner, each in totals.items()})
    own = counted.by.user.pk if counted.by.user else None
    names = User.objects.filter(pk__in=common).values_list("pk", "username")
    return [
        _Found(Filter(Field.OWNER, Comparison.EQUALS, ME if pk == own else name), name, common[pk])
        for pk, name in names
        if pk == own or name.casefold() != ME
    ]


def _by_format(counted: _Counted) -> Iterable[_Found]:
    formats = counted.lists.statistics(counted.images).formats
    return [_Found(Filter(Field.FORMAT, Comparison.EQUALS, name), LABELS[name], formats[name]) for name in formats]


def _by_year(field: Field, moment: Moment) -> Callable[[_Counted], Iterable[_Found]]:
    def found(counted: _Counted) -> Iterable[_Found]:
        years = counted.lists.periods(counted.images, moment, "year")
        return [_Found(_of_year(field, each.start.year), str(each.start.year), each.images) for each in years]

    return found


def _of_year(field: Field, year: int) -> Filter:
    return Filter(field, Comparison.WITHIN, Period(date(year, 1, 1), date(year, 12, 31)))


def _by_colour(counted: _Counted) -> Iterable[_Found]:
    return [
        _Found(Filter(Field.COLOUR, Comparison.EQUALS, name), str(COLOURS[name]), count)
        for name, count in counted.lists.colour_counts(counted.images).items()
    ]


def _by_state(counted: _Counted) -> Iterable[_Found]:
    states = (*SHAPES, State.FAVOURITE) if counted.by.user else SHAPES
    asked = {Filter(Field.IS, Comparison.EQUALS, state): str(STATES[state]) for state in states}
    return [_Found(each, label, counted.count(each)) for each, label in asked.items()]


def _commonest(counts: Mapping[int, int]) -> dict[int, int]:
    """Return the largest counts, largest first."""
    return dict(heapq.nsmallest(MOST_CHOICES, counts.items(), key=lambda item: (-item[1], item[0])))


_FACETS: Final[Mapping[Field, Callable[[_Counted], Iterable[_Found]]]] = {
    Field.TAG: _by_tag,
    Field.TAKEN: _by_year(Field.TAKEN, "taken_at"),
    Field.ADDED: _by_year(Field.ADDED, "created_at"),
    Field.ALBUM: _by_album,
    Field.OWNER: _by_owner,
    Field.FORMAT: _by_format,
    Field.COLOUR: _by_colour,
    Field.IS: _by_state,
}
