"""Numbered pages of a list of pictures, for pages and programs."""

from functools import cached_property
from typing import Any

from django.core.paginator import Page, Paginator

from .models import Image, ImageQuerySet
from .search_index import search_index


class ImagePaginator(Paginator[Image]):
    """Counts, and takes out a page, as `search_index().lists` does: a deep page costs what the first one costs."""

    object_list: ImageQuerySet

    def __init__(self, images: ImageQuerySet, per_page: int, *, count: int | None = None) -> None:
        super().__init__(images, per_page)
        self._known_count = count

    @cached_property
    def count(self) -> int:
        return search_index().lists.count(self.object_list) if self._known_count is None else self._known_count

    def page(self, number: Any) -> Page[Image]:
        number = self.validate_number(number)
        start = (number - 1) * self.per_page
        stop = min(start + self.per_page, self.count)
        shown = search_index().lists.slice_of(self.object_list, start=start, stop=stop)
        return Page(shown, number, self)
