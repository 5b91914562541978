"""Noting what became of an import, however it ends."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from django.db import transaction
from django.utils import timezone

from gallery.models import Actor, AuditVerb, ImportJob, User

from .audit import Action, record, runs_of

LISTED_FAILURES = 100  # in the audit entry; the job keeps all of them


class Counts(Protocol):
    """What every import counts; `seconds` is filled in here."""

    added: int
    duplicates: int
    failed: list[Any]
    seconds: float


@contextmanager
def noted_import(report: Counts, *, owner: User, source: str, total: int, by: Actor) -> Iterator[ImportJob]:
    """Keep an ImportJob of what runs within, and one audit entry of all that it brings in.

    Each picture is noted in its own transaction (`store_picture`); the entry with the list is written when the job
    ends. An earlier job of the same source that never ended was killed: it ends now, with the list of what it brought.
    """
    started = time.perf_counter()
    for killed in ImportJob.objects.filter(owner=owner, source=source, status=ImportJob.Status.RUNNING):
        killed.added = killed.imported.count()
        _end(killed, ImportJob.Status.INTERRUPTED, by=by)
    job = ImportJob.objects.create(owner=owner, source=source, total=total)
    status = ImportJob.Status.INTERRUPTED
    try:
        yield job
        status = ImportJob.Status.FINISHED
    finally:
        report.seconds = time.perf_counter() - started
        job.added, job.duplicates, job.failures = report.added, report.duplicates, report.failed
        _end(job, status, by=by)


def _end(job: ImportJob, status: str, *, by: Actor) -> None:
    job.status, job.finished_at = status, timezone.now()
    with transaction.atomic():
        job.save()
        image_ids = job.imported.order_by("image_id").values_list("image_id", flat=True)
        told = {
            "owner": job.owner.get_username(),
            "source": job.source,
            "status": status,
            "added": image_ids.count(),
            "ids": runs_of(image_ids.iterator()),
            "duplicates": job.duplicates,
            "failed": len(job.failures),
            "failures": job.failures[:LISTED_FAILURES],
        }
        record(Action(by), AuditVerb.IMPORTED, job, label=job.source.partition("\n")[0], after=told)
        job.imported.all().delete()
