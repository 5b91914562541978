"""The filters beside the list of pictures. Owners and tags are many: the busiest are offered, search finds the rest.

What is offered and counted is what the curator may work on, as the index's lists know it.
"""

from collections.abc import Iterable, Mapping
from heapq import nsmallest
from typing import Any

from django.contrib import admin
from django.contrib.admin.filters import ChoicesFieldListFilter, DateFieldListFilter, FieldListFilter
from django.contrib.admin.options import IncorrectLookupParameters
from django.db.models import Count
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from gallery.models import Image, ImageQuerySet, SearchStatus, Tag, User

from .base import curated_images, lists_for

OFFERED = 30
MAX_ID_DIGITS = 18  # what a 64-bit id can hold for certain

Lookups = Iterable[tuple[Any, Any]]  # the names are lazy translations


def is_id(value: str) -> bool:
    """Say whether a text of an address or form can be an object's id."""
    return value.isascii() and value.isdecimal() and len(value) <= MAX_ID_DIGITS


def _busiest(counts: Mapping[int, int]) -> list[int]:
    return nsmallest(OFFERED, counts, key=lambda pk: (-counts[pk], pk))


class FieldCounts(FieldListFilter):
    """Counts as the lists do what Django's filter would have the database count."""

    def get_facet_queryset(self, changelist: Any) -> dict[str, int]:
        images = changelist.get_queryset(self.request, exclude_parameters=self.expected_parameters())
        counts: dict[str, Count] = self.get_facet_counts(changelist.pk_attname, images)
        lists = lists_for(self.request)
        return {name: lists.count_of(images, Image.objects.filter(count.filter)) for name, count in counts.items()}


class VisibilityFilter(FieldCounts, ChoicesFieldListFilter):
    pass


class AddedFilter(FieldCounts, DateFieldListFilter):
    pass


class ImageListFilter(admin.SimpleListFilter):
    """A filter that knows how many pictures each of its values leaves."""

    def get_facet_queryset(self, changelist: Any) -> dict[str, int]:
        images = changelist.get_queryset(self.request, exclude_parameters=self.expected_parameters())
        counts = self.counts_of(images)
        return {f"{place}__c": counts.get(value, 0) for place, (value, _title) in enumerate(self.lookup_choices)}

    def counts_of(self, images: ImageQuerySet) -> Mapping[Any, int]:
        """Return how many of these pictures there are of each value that is offered."""
        raise NotImplementedError


class SearchStatusFilter(ImageListFilter):
    title = _("search status")
    parameter_name = "search_status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Lookups:
        return SearchStatus.choices

    def queryset(self, request: HttpRequest, queryset: ImageQuerySet) -> ImageQuerySet:  # type: ignore[override]
        value = self.value()
        if not value:
            return queryset
        if value not in SearchStatus.values:
            raise IncorrectLookupParameters
        return queryset.with_status(SearchStatus(value))

    def counts_of(self, images: ImageQuerySet) -> Mapping[Any, int]:
        totals = lists_for(self.request).statistics(images)
        return {status.value: getattr(totals, status.value) for status in SearchStatus}


class TrashFilter(ImageListFilter):
    title = _("trash")
    parameter_name = "trash"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Lookups:
        return [("no", _("not in the trash")), ("yes", _("in the trash"))]

    def queryset(self, request: HttpRequest, queryset: ImageQuerySet) -> ImageQuerySet:  # type: ignore[override]
        match self.value():
            case "no":
                return queryset.live()
            case "yes":
                return queryset.trashed()
            case None | "":
                return queryset
        raise IncorrectLookupParameters

    def counts_of(self, images: ImageQuerySet) -> Mapping[Any, int]:
        lists = lists_for(self.request)
        return {"no": lists.count(images.live()), "yes": lists.count(images.trashed())}


class FormatFilter(ImageListFilter):
    """The formats that there are."""

    title = _("format")
    parameter_name = "format"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Lookups:
        return [(name, name) for name in sorted(lists_for(request).statistics(curated_images(request)).formats)]

    def queryset(self, request: HttpRequest, queryset: ImageQuerySet) -> ImageQuerySet:  # type: ignore[override]
        value = self.value()
        return queryset if value is None else queryset.filter(format=value)

    def counts_of(self, images: ImageQuerySet) -> Mapping[Any, int]:
        return lists_for(self.request).statistics(images).formats


class OwnerFilter(ImageListFilter):
    title = _("owner")
    parameter_name = "owner"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Lookups:
        counts = self.counts_of(curated_images(request))
        offered = _busiest(counts)
        names = dict(User.objects.filter(pk__in=offered).values_list("pk", "username"))
        in_order = sorted(names, key=lambda pk: (-counts[pk], names[pk]))
        return [(pk, names[pk]) for pk in in_order]

    def queryset(self, request: HttpRequest, queryset: ImageQuerySet) -> ImageQuerySet:  # type: ignore[override]
        value = self.value()
        if value is None:
            return queryset
        return queryset.filter(owner=int(value)) if is_id(value) else queryset.none()

    def counts_of(self, images: ImageQuerySet) -> Mapping[Any, int]:
        totals = lists_for(self.request).owner_totals(images)
        return {owner: total.images for owner, total in totals.items()}


class TagFilter(ImageListFilter):
    title = _("tag")
    parameter_name = "tag"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Lookups:
        counts = lists_for(request).tag_counts(curated_images(request))
        tags = Tag.objects.filter(pk__in=_busiest(counts))
        return [(tag.key, tag.name) for tag in sorted(tags, key=lambda tag: (-counts[tag.pk], tag.key))]

    def queryset(self, request: HttpRequest, queryset: ImageQuerySet) -> ImageQuerySet:  # type: ignore[override]
        value = self.value()
        return queryset if value is None else queryset.tagged([value])

    def counts_of(self, images: ImageQuerySet) -> Mapping[Any, int]:
        """Count by what the filter finds: `cafe` is found on pictures of a `Café`."""
        lists = lists_for(self.request)
        return {key: lists.count_of(images, Image.objects.tagged([str(key)])) for key, _name in self.lookup_choices}
