"""The audit log's list, which grows by an entry for each picture that a bulk change touches."""

from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self

from django.core.paginator import Page, Paginator
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest
from django.utils.timezone import make_aware, make_naive

from gallery.models import AuditEntry

from .change_lists import GalleryChangeList

MOST_SORTED = 20_000  # entries that are put in another order than that of time, or gone through for their dates


class AuditPaginator(Paginator[AuditEntry]):
    """Finds a page by ids, from the nearer end: what one walks past is not read."""

    object_list: QuerySet[AuditEntry]

    def page(self, number: int | str) -> Page[AuditEntry]:
        number = self.validate_number(number)
        start = (number - 1) * self.per_page
        stop = min(start + self.per_page, self.count)
        if start == 0:
            return Page(list(self.object_list[:stop]), number, self)
        entries = AuditEntry.objects.in_bulk(ids := self._ids(start, stop))
        return Page([entries[pk] for pk in ids], number, self)

    def _ids(self, start: int, stop: int) -> list[int]:
        ids = self.object_list.values_list("pk", flat=True)
        if start <= self.count // 2:
            return list(ids[start:stop])
        return list(ids.reverse()[self.count - stop : self.count - start])[::-1]


@dataclass(frozen=True, slots=True)
class _Dates:
    """As much of a queryset as Django's navigation by date asks, of many entries: from one date to the next."""

    entries: QuerySet[AuditEntry]
    are_of_a_time: bool  # which tells the database where to begin

    @property
    def moments(self) -> QuerySet[AuditEntry, datetime]:
        """Return the entries' times, earliest first, so that a database walks along them: of each it asks whether it
        is one of these entries. Told what these are, it would find all of them first, and sort them."""
        same = self.entries.order_by().filter(pk=OuterRef("pk"))
        walked = self.entries if self.are_of_a_time else AuditEntry.objects.filter(Exists(same))
        return walked.order_by("at").values_list("at", flat=True)

    def aggregate(self, *, first: Any, last: Any) -> dict[str, datetime | None]:
        return {"first": self.moments.first(), "last": self.moments.last()}

    def datetimes(self, _field: str, period: str) -> Iterator[datetime]:
        moments = self.moments
        found = moments.first()
        while found is not None:
            start = _start(found, period)
            yield start
            found = moments.filter(at__gte=_end(start, period)).first()


def _start(moment: datetime, period: str) -> datetime:
    """Return where the year, month or day of a moment begins in the present zone."""
    day = make_naive(moment).replace(hour=0, minute=0, second=0, microsecond=0)
    begun = {"year": day.replace(month=1, day=1), "month": day.replace(day=1), "day": day}
    return make_aware(begun[period])


def _end(start: datetime, period: str) -> datetime:
    days = {"year": 366, "month": 31, "day": 1}[period]
    later = make_aware(make_naive(start) + timedelta(days=days, hours=12))
    return _start(later, period)


class AuditChangeList(GalleryChangeList):
    """Orders by anything but time only what has been narrowed to few entries."""

    _count: int | None = None

    def get_results(self, request: HttpRequest) -> None:
        count = self._paginator(request, self.queryset).count
        self.is_long = count > MOST_SORTED
        if self.is_long:
            self.sortable_by = ["at"]
            keys = [key for key in self.queryset.query.order_by if str(key).lstrip("-") in ("at", "pk")]
            self.queryset = self.queryset.order_by(*(keys or ["-pk"]))
        self._count = count
        super().get_results(request)

    def _paginator(self, request: HttpRequest, rows: QuerySet[Any]) -> Paginator[Any]:
        paginator = super()._paginator(request, rows)
        if self._count is not None:
            paginator.count = self._count  # the order changes nothing of it
        return paginator

    def with_dates(self) -> Self:
        if not self.is_long:
            return self
        asked = copy(self)
        asked.queryset = _Dates(self.queryset, any(name.startswith("at__") for name in self.params))
        return asked
