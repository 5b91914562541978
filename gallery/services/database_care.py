"""What the database needs from time to time, on every site and without anybody's job."""

import logging
import time
from threading import Lock

from django.db import connection

from gallery.models import table_statistics

from .soon import do_soon

MANY_CHANGES = 1_000
PERIOD_SECONDS = 3_600
logger = logging.getLogger(__name__)


def keep_statistics() -> list[str]:
    """Collect the statistics that are due; return the tables. Where none are, that costs a few milliseconds.

    Call it outside of transactions. Several processes may: what one has done is no longer due.
    """
    done = []
    for table in table_statistics.collect_due(connection):
        logger.info("The statistics of %s were due and are collected.", table)
        done.append(table)
    return done


class _Changes:
    """How much this process has changed since it last looked whether something is due, and when that was."""

    def __init__(self) -> None:
        self._lock, self._count, self._looked_at = Lock(), 0, time.monotonic()

    def are_many_with(self, count: int) -> bool:
        with self._lock:
            self._count += count
            are_many = self._count >= MANY_CHANGES or time.monotonic() - self._looked_at >= PERIOD_SECONDS
            if are_many:
                self._count, self._looked_at = 0, time.monotonic()
            return are_many


_changes = _Changes()


def note_changes(count: int) -> None:
    """Say that so many pictures came or changed: after many of them, or an hour, a thread sees to what is due."""
    if count and _changes.are_many_with(count):
        do_soon(keep_statistics)
