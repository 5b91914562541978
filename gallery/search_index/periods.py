"""Counts of moments by year, month or day of a time zone."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Literal

import numpy as np
from django.utils import timezone

from gallery.vectors.unit_vectors import Ids

from .image_columns import microseconds, moment_of

Moment = Literal["created_at", "taken_at"]
Period = Literal["year", "month", "day"]
LONGEST = {"year": timedelta(days=366), "month": timedelta(days=31), "day": timedelta(days=1)}
FEW_PERIODS = 64


@dataclass(frozen=True, slots=True)
class PeriodCount:
    """How many pictures there are of a year, a month or a day that begins at `start`."""

    start: datetime
    images: int


def zone_of(moment: Moment) -> tzinfo:
    """Return where the clock hangs by which a moment is counted: `taken_at` is a wall clock's."""
    return UTC if moment == "taken_at" else timezone.get_current_timezone()


def period_counts(moments: Ids, period: Period, zone: tzinfo) -> list[PeriodCount]:
    """Return the periods in which there are moments, (n,) microseconds since 1970, ascending."""
    if not len(moments):
        return []
    starts = list(_starts(moment_of(int(moments.min())), moment_of(int(moments.max())), period, zone))
    before = [0, *_counts_before(moments, [microseconds(start) for start in starts[1:]]), len(moments)]
    counts = np.diff(before).tolist()
    return [PeriodCount(start, count) for start, count in zip(starts, counts, strict=True) if count]


def _starts(first: datetime, last: datetime, period: Period, zone: tzinfo) -> Iterator[datetime]:
    """Give where the periods from the first moment to the last one begin by the zone's clock."""
    start = _start_of(timezone.make_naive(first, zone), period)
    until = timezone.make_naive(last, zone)
    while start <= until:
        yield timezone.make_aware(start, zone)
        start = _start_of(start + LONGEST[period], period)


def _start_of(clock: datetime, period: Period) -> datetime:
    day = clock.replace(hour=0, minute=0, second=0, microsecond=0)
    return {"day": day, "month": day.replace(day=1), "year": day.replace(month=1, day=1)}[period]


def _counts_before(moments: Ids, ends: Sequence[int]) -> list[int]:
    """Return how many moments there are before each of these, which ascend. A few are looked for one by one: faster."""
    if len(ends) <= FEW_PERIODS:
        return [int(np.count_nonzero(moments < end)) for end in ends]
    places = np.searchsorted(np.array(ends, dtype=np.int64), moments, "right")
    counts: list[int] = np.cumsum(np.bincount(places, minlength=len(ends) + 1))[:-1].tolist()
    return counts
