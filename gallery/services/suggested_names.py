"""Names that one may see and that begin as somebody is typing: of tags, albums and owners."""

import heapq
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import reduce
from operator import or_
from typing import Final

from django.db.models import Q

from gallery.models import Actor, Album, Image, Tag, User
from gallery.models.text_parts import BeginsWith
from gallery.retrieval.language import ME
from gallery.search_index import search_index
from gallery.text.chinese import simplified, written_otherwise
from gallery.text.folding import folded

FEW: Final = 1_000  # rows that are read by their ids at once


@dataclass(frozen=True, slots=True)
class Name:
    """A name, as a filter has it, which of the beginnings it has, and how many pictures are known to go by it."""

    value: str
    beginning: str
    count: int | None = None


def tags_beginning(beginnings: Iterable[str], *, by: Actor, most: int) -> list[Name]:
    """Return tags of pictures that `by` may see, the commonest first. "" is the beginning of all."""
    begins = _Beginnings.of(beginnings)
    visible, lists = Image.objects.visible_to(by), search_index().lists
    tags = Tag.objects.filter(begins.condition("folded_name")).order_by().values_list("pk", "key", "folded_name")
    rows = [] if begins.are_of_all else list(tags[: FEW + 1])
    if begins.are_of_all or len(rows) > FEW:
        counts = lists.tag_counts(visible)
        rows = list(tags.filter(pk__in=heapq.nlargest(FEW, counts, key=counts.__getitem__)))
    else:
        counts = lists.tag_counts(visible, among=[pk for pk, _key, _folded in rows]) if rows else {}
    found = sorted((-counts[pk], key, folded_name) for pk, key, folded_name in rows if counts.get(pk))
    return _distinct([(Name(key, begins.of_folded(folded), -count)) for count, key, folded in found])[:most]


def _distinct(tags: Iterable[Name]) -> list[Name]:
    """Leave one of each that are one to who searches, as Café and cafe: how many pictures have any is not known."""
    found: dict[str, Name] = {}
    for tag in tags:
        first = found.setdefault(alike := folded(simplified(tag.value)), tag)
        if first is not tag:
            found[alike] = replace(first, count=None)
    return list(found.values())


def albums_beginning(beginnings: Iterable[str], *, by: Actor, most: int) -> list[Name]:
    """Return the titles of albums that `by` may see, A to Z."""
    begins = _Beginnings.of(beginnings)
    albums = Album.objects.visible_to(by).filter(begins.condition("folded_text")).order_by("folded_text", "pk")
    found: dict[str, Name] = {}
    for title, text in albums.values_list("title", "folded_text")[: 2 * most]:
        found.setdefault(folded(simplified(title)), Name(title, begins.of_folded(text)))
    return list(found.values())[:most]


def owners_beginning(beginning: str, *, by: Actor, most: int) -> list[Name]:
    """Return the owners of pictures that `by` may see, A to Z, whoever asks left out: they are `me`."""
    totals = search_index().lists.owner_totals(Image.objects.visible_to(by))
    if by.user is not None:
        totals.pop(by.user.pk, None)
    begins = _Beginnings.of([beginning])
    users = User.objects.filter(begins.condition("folded_username")).order_by("folded_username", "pk")
    users = users.filter(pk__in=totals) if len(totals) <= FEW else users
    rows = users.values_list("pk", "username")[: FEW if len(totals) > FEW else most + 1]
    found = [Name(name, beginning, totals[pk].images) for pk, name in rows if pk in totals and name.casefold() != ME]
    return found[:most]


@dataclass(frozen=True, slots=True)
class _Beginnings:
    """What names may begin with, folded, in all characters that Chinese is written in, and what was typed for each."""

    typed: Mapping[str, str]

    @classmethod
    def of(cls, beginnings: Iterable[str]) -> "_Beginnings":
        return cls({folded(each): typed for typed in beginnings for each in sorted(written_otherwise(typed))})

    @property
    def are_of_all(self) -> bool:
        return "" in self.typed

    def condition(self, field: str) -> Q:
        """Return the condition that a folded text begins so."""
        return Q() if self.are_of_all else reduce(or_, (Q(BeginsWith(field, each)) for each in self.typed), Q())

    def of_folded(self, text: str) -> str:
        """Return what was typed for the longest beginning of a folded text that has one."""
        return self.typed[max((each for each in self.typed if text.startswith(each)), key=len)]
