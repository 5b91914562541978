"""Counts of moments by year, month or day of a time zone."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Literal

import numpy as np
from django.utils import timezone

from gallery.vectors.unit_vectors import Ids

from .image_columns import MICROSECOND, microseconds, moment_of

Moment = Literal["created_at", "taken_at"]
Period = Literal["year", "month", "day"]
UNITS = {"year": "datetime64[Y]", "month": "datetime64[M]", "day": "datetime64[D]"}
ONE_DAY = timedelta(days=1)


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
    local = (moments + _offsets(moments, zone)).astype("datetime64[us]")
    starts, counts = np.unique(local.astype(UNITS[period]), return_counts=True)
    begins = [one.astype("datetime64[us]").item() for one in starts]
    return [
        PeriodCount(timezone.make_aware(*pair[:1], zone), int(pair[1])) for pair in zip(begins, counts, strict=True)
    ]


def _offsets(moments: Ids, zone: tzinfo) -> Ids:
    """Return what the zone's clock was ahead of UTC at each moment, in microseconds."""
    changes = list(_offset_changes(moment_of(int(moments.min())), moment_of(int(moments.max())), zone))
    begins = np.array([microseconds(begin) for begin, _offset in changes], dtype=np.int64)
    offsets = np.array([offset // MICROSECOND for _begin, offset in changes], dtype=np.int64)
    found: Ids = offsets[np.searchsorted(begins, moments, "right") - 1]
    return found


def _offset_changes(first: datetime, last: datetime, zone: tzinfo) -> Iterator[tuple[datetime, timedelta]]:
    """Give the offset at the first moment, and each that begins later; a zone changes it once a day at most."""
    day, offset = first, _offset_at(first, zone)
    yield first, offset
    while day <= last:
        following = day + ONE_DAY
        if (new := _offset_at(following, zone)) != offset:
            yield _change_between(day, following, zone), new
            offset = new
        day = following


def _change_between(before: datetime, after: datetime, zone: tzinfo) -> datetime:
    """Return the first moment that has the offset of `after`."""
    offset = _offset_at(before, zone)
    while after - before > MICROSECOND:
        middle = before + (after - before) // 2
        before, after = (middle, after) if _offset_at(middle, zone) == offset else (before, middle)
    return after


def _offset_at(moment: datetime, zone: tzinfo) -> timedelta:
    return moment.astimezone(zone).utcoffset() or timedelta(0)
