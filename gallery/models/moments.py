"""When pictures were taken and added, compared with days."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from django.db.models import Q

from gallery.retrieval.tree import Comparison, Filter

from .access import NOTHING
from .days import start_of_day

DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Moments:
    """A column of moments, and when a day begins in it."""

    column: str
    start_of: Callable[[date], datetime]

    def on_days_of(self, asked: Filter) -> Q:
        """Return the condition that a moment lies on the days that a filter asks for; an unknown one does not."""
        value: Any = asked.value
        match asked.comparison:
            case Comparison.LESS:
                return self._before(value)
            case Comparison.AT_MOST:
                return self._until(value)
            case Comparison.GREATER:
                return self._after(value)
            case Comparison.AT_LEAST:
                return self._since(value)
        return self._since(value.first) & self._until(value.last)

    def _since(self, day: date) -> Q:
        return Q((f"{self.column}__gte", self.start_of(day)))

    def _before(self, day: date) -> Q:
        return Q((f"{self.column}__lt", self.start_of(day)))

    def _after(self, day: date) -> Q:
        return self._since(day + DAY) if day < date.max else NOTHING

    def _until(self, day: date) -> Q:
        return self._before(day + DAY) if day < date.max else Q((f"{self.column}__isnull", False))


def _start_on_wall(day: date) -> datetime:
    """Return when a day begins on the photographer's wall, as that is kept."""
    return datetime.combine(day, time.min, tzinfo=UTC)


TAKEN: Final = Moments("taken_at", _start_on_wall)
ADDED: Final = Moments("created_at", start_of_day)  # of the site's time zone
