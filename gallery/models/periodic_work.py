"""What is to be done from time to time, and when it was done last."""

from datetime import datetime, timedelta

from django.db import models
from django.utils import timezone


class PeriodicWorkQuerySet(models.QuerySet["PeriodicWork"]):
    def begin_if_due(self, name: str, *, every: timedelta) -> bool:
        """Say whether this work is due, and to the caller alone: it counts as done from now on."""
        now = timezone.now()
        _row, is_new = self.get_or_create(name=name, defaults={"begun_at": now})
        return is_new or bool(self.filter(name=name, begun_at__lte=now - every).update(begun_at=now))

    def next_due_at(self, name: str, *, every: timedelta) -> datetime | None:
        """Return when it is due again; None if it never was done."""
        begun_at = self.filter(name=name).values_list("begun_at", flat=True).first()
        return None if begun_at is None else begun_at + every


class PeriodicWork(models.Model):
    name = models.CharField(max_length=64, primary_key=True)
    begun_at = models.DateTimeField()

    objects = PeriodicWorkQuerySet.as_manager()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return self.name
