"""Noting what became of an import, however it ends."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils import timezone

from gallery.errors import StoredError
from gallery.models import Actor, AuditVerb, ImportJob, User

from .audit import Action, record, runs_of
from .database_care import keep_statistics

LISTED_FAILURES = 100  # in the audit entry; the job keeps all of them


@dataclass(frozen=True, slots=True)
class FileFailure:
    """A file that was not brought in, or whose picture cannot be searched, and why."""

    path: str
    error: StoredError


@dataclass(frozen=True, slots=True)
class SkippedFile:
    """A file or folder that was left out although nothing is wrong with it, and why; `reason.code` is its kind."""

    path: str
    reason: StoredError


@dataclass(frozen=True, slots=True)
class ChangedFile:
    """A file that held another picture, which was brought in before.

    `has_labels`: the new picture has what people wrote on that one. `is_replaced`: that one went to the trash.
    """

    path: str
    image_id: int
    previous_id: int
    has_labels: bool = False
    is_replaced: bool = False


@dataclass(frozen=True, slots=True)
class ImportCounts:
    """What became of the files of an import so far.

    `ignored` are files of a folder that neither are nor claim to be pictures, and what the setting `import_ignore`
    leaves out. `skipped` are named beside their count: what lies in its owner's trash is a duplicate too. `warnings`
    name what was brought in without all that its file says. `vectors_taken` counts the vectors that came with the
    pictures, `embedded` those that were computed.
    """

    added: int = 0
    duplicates: int = 0
    ignored: int = 0
    failed: tuple[FileFailure, ...] = ()
    skipped: tuple[SkippedFile, ...] = ()
    warnings: tuple[FileFailure, ...] = ()
    changed: tuple[ChangedFile, ...] = ()
    vectors_taken: int = 0
    embedded: int = 0

    def __add__(self, other: "ImportCounts") -> "ImportCounts":
        return ImportCounts(
            added=self.added + other.added,
            duplicates=self.duplicates + other.duplicates,
            ignored=self.ignored + other.ignored,
            failed=self.failed + other.failed,
            skipped=self.skipped + other.skipped,
            warnings=self.warnings + other.warnings,
            changed=self.changed + other.changed,
            vectors_taken=self.vectors_taken + other.vectors_taken,
            embedded=self.embedded + other.embedded,
        )


@contextmanager
def noted_import(
    counts: Callable[[], ImportCounts], *, owner: User, source: str, total: int, by: Actor
) -> Iterator[ImportJob]:
    """Keep an ImportJob of what runs within, and one audit entry of all that it brings in.

    Each picture is noted in its own transaction (`store_picture`); the entry with the list is written when the job
    ends. An earlier job of the same source that never ended was killed: it ends now, with the list of what it brought.
    `counts` is asked once, at the end.
    """
    for killed in ImportJob.objects.filter(owner=owner, source=source, status=ImportJob.Status.RUNNING):
        killed.added = killed.imported.count()
        _end(killed, ImportJob.Status.INTERRUPTED, by=by)
    job = ImportJob.objects.create(owner=owner, source=source, total=total)
    status = ImportJob.Status.INTERRUPTED
    try:
        yield job
        status = ImportJob.Status.FINISHED
    finally:
        done = counts()
        job.added, job.duplicates = done.added, done.duplicates
        job.failures = [{"path": failure.path, "error": failure.error.as_json()} for failure in done.failed]
        job.skipped = [{"path": skipped.path, "reason": skipped.reason.as_json()} for skipped in done.skipped]
        job.changed = [
            {"path": changed.path, "id": changed.image_id, "previous_id": changed.previous_id}
            for changed in done.changed
        ]
        job.ignored = done.ignored
        _end(job, status, by=by)
    keep_statistics()


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
            "skipped": len(job.skipped),
            "changed": len(job.changed),
            "failures": [_told(failure) for failure in job.failures[:LISTED_FAILURES]],
        }
        record(Action(by), AuditVerb.IMPORTED, job, label=job.source.partition("\n")[0], after=told)
        job.imported.all().delete()


def _told(failure: dict[str, Any]) -> dict[str, str]:
    return {"path": failure["path"], "error": StoredError.from_json(failure["error"]).message}
