"""How our lists find the rows of a page: not by having the database count and sort all that there are."""

from typing import Any, Self

from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.utils import quote
from django.contrib.admin.views.main import ChangeList
from django.core.paginator import InvalidPage, Paginator
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import cached_property

ANY_ID = "any-id"


class GalleryChangeList(ChangeList):
    """Asks its paginator for whatever it shows; Django would go other ways to a total and to a list of one page."""

    _filters: Any = None

    def get_filters(self, request: HttpRequest) -> Any:
        """Make the filters once, also where each of them counts what the others leave."""
        if self._filters is None:
            self._filters = super().get_filters(request)
        return self._filters

    def get_results(self, request: HttpRequest) -> None:
        self.paginator = self._paginator(request, self.queryset)
        self.result_count = self.paginator.count
        self.show_full_result_count = self.model_admin.show_full_result_count
        self.full_result_count = self._full_count() if self.show_full_result_count else None
        self.show_admin_actions = not self.show_full_result_count or bool(self.full_result_count)
        self.can_show_all = self.result_count <= self.list_max_show_all
        self.multi_page = self.result_count > self.list_per_page
        is_whole = (self.show_all and self.can_show_all) or not self.multi_page
        if is_whole:
            self.paginator.per_page = max(1, self.result_count)
        try:
            self.result_list = self.paginator.page(1 if is_whole else self.page_num).object_list
        except InvalidPage as error:
            raise IncorrectLookupParameters from error

    def url_for_result(self, result: Model) -> str:
        return self._address.replace(ANY_ID, quote(str(result.pk)))

    @cached_property
    def _address(self) -> str:
        """The address of each row, with ANY_ID in place of its id; looking it up for each link takes milliseconds."""
        current_app = self.model_admin.admin_site.name
        return reverse(
            f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[ANY_ID], current_app=current_app
        )

    def with_dates(self) -> Self:
        """Return the list as Django's navigation by date is to be asked about it."""
        return self

    def _full_count(self) -> int:
        return self.root_queryset.count()

    def _paginator(self, request: HttpRequest, rows: QuerySet[Any]) -> Paginator[Any]:
        return self.model_admin.get_paginator(request, rows, self.list_per_page)
