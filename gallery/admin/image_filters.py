"""The filters beside the list of pictures. Owners and tags are many: the busiest are offered, search finds the rest."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.db.models import Count
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from gallery.models import ImageQuerySet, SearchStatus, Tag, User

OFFERED = 30
MAX_ID_DIGITS = 18  # what a 64-bit id can hold for certain

Lookups = Iterable[tuple[Any, Any]]  # the names are lazy translations


class SearchStatusFilter(admin.SimpleListFilter):
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


class TrashFilter(admin.SimpleListFilter):
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


class OwnerFilter(admin.SimpleListFilter):
    title = _("owner")
    parameter_name = "owner"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Lookups:
        owners = User.objects.annotate(count=Count("images")).filter(count__gt=0)
        return list(owners.order_by("-count", "username").values_list("pk", "username")[:OFFERED])

    def queryset(self, request: HttpRequest, queryset: ImageQuerySet) -> ImageQuerySet:  # type: ignore[override]
        value = self.value()
        if value is None:
            return queryset
        is_id = value.isdecimal() and len(value) <= MAX_ID_DIGITS
        return queryset.filter(owner=int(value)) if is_id else queryset.none()


class TagFilter(admin.SimpleListFilter):
    title = _("tag")
    parameter_name = "tag"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Lookups:
        tags = Tag.objects.annotate(count=Count("images")).filter(count__gt=0)
        return list(tags.order_by("-count", "key").values_list("key", "name")[:OFFERED])

    def queryset(self, request: HttpRequest, queryset: ImageQuerySet) -> ImageQuerySet:  # type: ignore[override]
        value = self.value()
        return queryset if value is None else queryset.tagged([value])
