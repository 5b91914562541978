"""Lists with columns of numbers that the database would have to count from all pictures, for rows and for orders."""

from collections.abc import Collection, Mapping
from typing import Any, Protocol

from django.core.paginator import Page, Paginator
from django.db.models import QuerySet, Window
from django.db.models.functions import DenseRank
from django.http import HttpRequest
from django.utils.functional import cached_property

from .change_lists import GalleryChangeList

Counts = Mapping[str, Mapping[int, int]]  # by attribute, then by id; what is missing is 0


class CountingAdmin(Protocol):
    """What an admin brings whose list has such columns: `counted` are the attributes that it fills."""

    counted: Collection[str]

    def counts(self, request: HttpRequest, ids: Collection[int]) -> Counts: ...


class CountedChangeList(GalleryChangeList):
    """Fills the attributes that the admin counts, and orders by them."""

    model_admin: CountingAdmin  # type: ignore[assignment]

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> Any:
        """Keep the whole order, and tell the database as much of it as it knows."""
        self.keys: list[Any] = list(super().get_ordering(request, queryset))
        return [key for key in self.keys if not self._is_counted(key)]

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        rows = list(self.result_list)
        counts = self.model_admin.counts(request, [row.pk for row in rows])
        for row in rows:
            for name, by_id in counts.items():
                setattr(row, name, by_id.get(row.pk, 0))
        self.result_list = rows

    def _paginator(self, request: HttpRequest, rows: QuerySet[Any]) -> Paginator[Any]:
        if rows is self.queryset and any(self._is_counted(key) for key in self.keys):
            return _OrderedPaginator(rows, self.list_per_page, ids=self._ids_in_order(request))
        return super()._paginator(request, rows)

    def _is_counted(self, key: Any) -> bool:
        return isinstance(key, str) and key.removeprefix("-") in self.model_admin.counted

    def _ids_in_order(self, request: HttpRequest) -> list[int]:
        """Order by numbers, and by the places that the database gives the rows in each of its own orders."""
        own = [key for key in self.keys if not self._is_counted(key)]
        ranks = {f"place_{number}": Window(DenseRank(), order_by=key) for number, key in enumerate(own)}
        rows = self.queryset.order_by().annotate(**ranks).values_list("pk", *ranks)
        places: dict[int, tuple[int, ...]] = {pk: found for pk, *found in rows}
        counts = self.model_admin.counts(request, places)

        def sort_key(pk: int) -> list[int]:
            of_database = iter(places[pk])
            return [self._number(key, counts, pk) if self._is_counted(key) else next(of_database) for key in self.keys]

        return sorted(places, key=sort_key)

    def _number(self, key: str, counts: Counts, pk: int) -> int:
        number = counts[key.removeprefix("-")].get(pk, 0)
        return -number if key.startswith("-") else number


class _OrderedPaginator(Paginator[Any]):
    """Pages of rows whose order is known already."""

    object_list: QuerySet[Any]

    def __init__(self, rows: QuerySet[Any], per_page: int, *, ids: list[int]) -> None:
        super().__init__(rows, per_page)
        self.ids = ids

    @cached_property
    def count(self) -> int:
        return len(self.ids)

    def page(self, number: int | str) -> Page[Any]:
        number = self.validate_number(number)
        shown = self.ids[(number - 1) * self.per_page : number * self.per_page]
        rows = self.object_list.order_by().in_bulk(shown)
        return Page([rows[pk] for pk in shown if pk in rows], number, self)
