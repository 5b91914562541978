"""The list of pictures, at a cost that does not grow with the library."""

from copy import copy
from dataclasses import dataclass
from datetime import datetime
from math import ceil
from typing import Any, Literal, Self, cast

from django.contrib.admin.views.main import ORDER_VAR
from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property
from django.utils.timezone import localtime

from gallery.models import Image, ImageQuerySet
from gallery.models.name_order import NameOrder
from gallery.search_index.lists import Lists, Moment, Period
from gallery.services.curated_search import CuratedSearch

from .base import lists_for
from .change_lists import GalleryChangeList
from .image_search import SEARCH_VARS, search_of

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
        return Page(self._rows(start, stop), number, self)

    def _rows(self, start: int, stop: int) -> list[Image]:
        return self.lists.slice_of(self.object_list, start=start, stop=stop)


class FoundPaginator(ImagePaginator):
    """Pages of what a search finds, in its order."""

    def __init__(self, found: CuratedSearch, per_page: int, *, lists: Lists) -> None:
        super().__init__(found.found, per_page, lists=lists)
        self.found = found

    @cached_property
    def reach(self) -> int:
        return self.found.reach(self.lists)

    @cached_property
    def num_pages(self) -> int:
        return ceil(max(1, self.reach) / self.per_page)

    def _rows(self, start: int, stop: int) -> list[Image]:
        return self.found.slice_of(self.lists, start=start, stop=min(stop, self.reach))


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
    found: CuratedSearch | None = None

    def get_filters_params(self, params: Any = None) -> Any:
        left = super().get_filters_params(params)
        return {name: values for name, values in left.items() if name not in SEARCH_VARS}

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> ImageQuerySet:
        """Narrow the list to what the search finds of it, whose rows come in its order unless a column is chosen."""
        images = cast(ImageQuerySet, super().get_queryset(request, exclude_parameters))
        self.search = search_of(request)
        if self.search is None:
            return images
        found = self.search.among(images)
        if exclude_parameters is None:
            self.found = found
            self.params = {name: value for name, value in self.params.items() if name not in SEARCH_VARS}
        return images.none() if found is None else found.found

    def get_ordering_field_columns(self) -> dict[int, Literal["desc", "asc"]]:
        is_by_relevance = self.search is not None and self.search.is_ranked and not self._has_order
        return {} if is_by_relevance else super().get_ordering_field_columns()

    @property
    def is_cut(self) -> bool:
        """Whether there is more than its pages reach."""
        return isinstance(self.paginator, FoundPaginator) and self.paginator.reach < self.result_count

    @property
    def _has_order(self) -> bool:
        return bool(self.params.get(ORDER_VAR))

    def _paginator(self, request: HttpRequest, rows: QuerySet[Any]) -> Paginator[Any]:
        if self.found is None or self._has_order:
            return super()._paginator(request, rows)
        return FoundPaginator(self.found, self.list_per_page, lists=self.lists)

    def get_results(self, request: HttpRequest) -> None:
        self.lists = lists_for(request)
        super().get_results(request)
        if self.search is not None and self.search.is_refused:
            self.full_result_count = self.result_count  # else the box would say “0 results”

    def get_ordering_field(self, field_name: Any) -> Any:
        return KEYS.get(field_name) or super().get_ordering_field(field_name)

    def with_dates(self) -> Self:
        asked = copy(self)
        asked.queryset = _Dates(self.queryset, self.lists)
        return asked

    def _full_count(self) -> int:
        return self.lists.count(self.root_queryset)
