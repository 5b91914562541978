"""Noting what became of an import, however it ends."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from django.utils import timezone

from gallery.models import Actor, ImportJob, User


class Counts(Protocol):
    """What every import counts; `seconds` is filled in here."""

    added: int
    duplicates: int
    failed: list[Any]
    seconds: float


@contextmanager
def noted_import(report: Counts, *, owner: User, source: str, total: int, by: Actor) -> Iterator[None]:
    """Keep an ImportJob of what runs within; an earlier one of the same source that never ended was killed."""
    started = time.perf_counter()
    ImportJob.objects.filter(owner=owner, source=source, status=ImportJob.Status.RUNNING).update(
        status=ImportJob.Status.INTERRUPTED, finished_at=timezone.now()
    )
    job = ImportJob.objects.create(owner=owner, source=source, total=total)
    try:
        yield
        job.status = ImportJob.Status.FINISHED
    except BaseException:
        job.status = ImportJob.Status.INTERRUPTED
        raise
    finally:
        report.seconds = time.perf_counter() - started
        job.added, job.duplicates, job.failures = report.added, report.duplicates, report.failed
        job.finished_at = timezone.now()
        job.save()
