"""What is to be done from time to time, and when it was done last."""

from datetime import datetime, timedelta
from typing import Self

from django.db import models
from django.utils import timezone

FIRST_PAUSE = timedelta(minutes=1)  # after the first failure; twice as long after each further one
FAILURES_COUNTED = 16  # by then the pause is a month


class PeriodicWorkQuerySet(models.QuerySet["PeriodicWork"]):
    def begin_if_due(self, name: str, *, every: timedelta) -> "PeriodicWork | None":
        """Return this work if it is due, to one caller alone, who says with `note_end` that it was done.

        Until then it counts as failed, so that what a killed process had begun is due again soon, too.
        """
        now = timezone.now()
        row, is_new = self.get_or_create(name=name, defaults={"begun_at": now, "failures": 1})
        if is_new:
            return row
        if row.begun_at > now - row.pause(every):
            return None
        as_it_was = self.filter(name=name, begun_at=row.begun_at, failures=row.failures)
        row.begun_at, row.failures = now, min(row.failures + 1, FAILURES_COUNTED)
        return row if as_it_was.update(begun_at=row.begun_at, failures=row.failures) else None

    def begun_since(self, moment: datetime) -> Self:
        return self.filter(begun_at__gte=moment)


class PeriodicWork(models.Model):
    name = models.CharField(max_length=64, primary_key=True)
    begun_at = models.DateTimeField()
    failures = models.PositiveSmallIntegerField(default=0)  # beginnings since it was last done
    place = models.BigIntegerField(null=True)  # where its next portion begins; null: nothing is left

    objects = PeriodicWorkQuerySet.as_manager()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return self.name

    def pause(self, every: timedelta) -> timedelta:
        """Return how long after its beginning it is due again."""
        if self.failures == 0:
            return every if self.place is None else timedelta(0)
        doublings: int = self.failures - 1
        return min(every, FIRST_PAUSE * (1 << doublings))

    def note_end(self, *, place: int | None) -> None:
        """Say that it was done up to this place, or wholly. Means nothing where another has begun it meanwhile."""
        begun = PeriodicWork.objects.filter(name=self.name, begun_at=self.begun_at)
        begun.update(failures=0, place=place)
