"""The list of pictures, at a cost that does not grow with the library."""

from copy import copy
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from django.core.paginator import Page, Paginator
from django.http import HttpRequest
from django.utils.functional import cached_property
from django.utils.timezone import localtime

from gallery.models import Image, ImageQuerySet
from gallery.models.name_order import NameOrder
from gallery.search_index.lists import Lists, Moment, Period

from .base import lists_for
from .change_lists import GalleryChangeList

KEYS = {"original_name": NameOrder("original_name")}  # as the site's own lists order names


class ImagePaginator(Paginator[Image]):
    """Pages of pictures as the index's lists count and cut them."""

    object_list: ImageQuerySet

    def __init__(self, images: ImageQuerySet, per_page: int, *options: Any, lists: Lists, **named: Any) -> None:
        super().__init__(images, per_page, *options, **named)
        self.lists = lists

    @cached_property
    def count(self) -> int:
        return self.lists.count(self.object_list)

    def page(self, number: int | str) -> Page[Image]:
        number = self.validate_number(number)
        start = (number - 1) * self.per_page
        stop = min(start + self.per_page, self.count)
        shown = self.lists.slice_of(self.object_list, start=start, stop=stop)
        return Page(shown, number, self)


@dataclass(frozen=True, slots=True)
class _Dates:
    """As much of a queryset as Django's navigation by date asks."""

    images: ImageQuerySet
    lists: Lists

    def aggregate(self, *, first: Any, last: Any) -> dict[str, datetime | None]:
        moment: Moment = first.source_expressions[0].name
        found = self.lists.extremes(self.images, moment)
        return {"first": None, "last": None} if found is None else {"first": found[0], "last": found[1]}

    def datetimes(self, moment: Moment, period: Period) -> list[datetime]:
        return [localtime(each.start) for each in self.lists.periods(self.images, moment, period)]


class ImageChangeList(GalleryChangeList):
    root_queryset: ImageQuerySet
    lists: Lists

    def get_results(self, request: HttpRequest) -> None:
        self.lists = lists_for(request)
        super().get_results(request)

    def get_ordering_field(self, field_name: Any) -> Any:
        return KEYS.get(field_name) or super().get_ordering_field(field_name)

    def with_dates(self) -> Self:
        asked = copy(self)
        asked.queryset = _Dates(self.queryset, self.lists)
        return asked

    def _full_count(self) -> int:
        return self.lists.count(self.root_queryset)
