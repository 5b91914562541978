"""Counts of moments by year, month or day of a time zone."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Literal

from django.utils import timezone

Moment = Literal["created_at", "taken_at"]
Period = Literal["year", "month", "day"]
LONGEST = {"year": timedelta(days=366), "month": timedelta(days=31), "day": timedelta(days=1)}


@dataclass(frozen=True, slots=True)
class PeriodCount:
    """How many pictures there are of a year, a month or a day that begins at `start`."""

    start: datetime
    images: int


def zone_of(moment: Moment) -> tzinfo:
    """Return where the clock hangs by which a moment is counted: `taken_at` is a wall clock's."""
    return UTC if moment == "taken_at" else timezone.get_current_timezone()


def starts_of(first: datetime, last: datetime, period: Period, zone: tzinfo) -> list[datetime]:
    """Return where the periods from the first moment to the last one begin by the zone's clock, ascending."""
    start = _start_of(timezone.make_naive(first, zone), period)
    until = timezone.make_naive(last, zone)
    starts = []
    while start <= until:
        starts.append(timezone.make_aware(start, zone))
        start = _start_of(start + LONGEST[period], period)
    return starts


def _start_of(clock: datetime, period: Period) -> datetime:
    day = clock.replace(hour=0, minute=0, second=0, microsecond=0)
    return {"day": day, "month": day.replace(day=1), "year": day.replace(month=1, day=1)}[period]
