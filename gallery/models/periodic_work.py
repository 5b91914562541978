"""What is to be done from time to time, and when it was done last."""

from datetime import timedelta

from django.db import models
from django.utils import timezone

FIRST_PAUSE = timedelta(minutes=1)  # after the first failure; twice as long after each further one


class PeriodicWorkQuerySet(models.QuerySet["PeriodicWork"]):
    def begin_if_due(self, name: str, *, every: timedelta) -> bool:
        """Say whether this work is due, and to the caller alone: it counts as done from now on."""
        now = timezone.now()
        row, is_new = self.get_or_create(name=name, defaults={"begun_at": now})
        if is_new:
            return True
        is_due = row.begun_at <= now - row.pause(every)
        return is_due and bool(self.filter(name=name, begun_at=row.begun_at).update(begun_at=now))

    def note_failure(self, name: str) -> None:
        """Let what could not be done be due again sooner, after pauses that grow up to its period."""
        self.filter(name=name).update(failures=models.F("failures") + 1)

    def note_success(self, name: str) -> None:
        self.filter(name=name, failures__gt=0).update(failures=0)


class PeriodicWork(models.Model):
    name = models.CharField(max_length=64, primary_key=True)
    begun_at = models.DateTimeField()
    failures = models.PositiveSmallIntegerField(default=0)  # since it was last done

    objects = PeriodicWorkQuerySet.as_manager()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return self.name

    def pause(self, every: timedelta) -> timedelta:
        """Return how long after its beginning it is due again."""
        if self.failures == 0:
            return every
        doublings: int = min(self.failures - 1, 16)
        return min(every, FIRST_PAUSE * (1 << doublings))
