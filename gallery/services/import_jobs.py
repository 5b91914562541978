"""Noting what became of an import, however it ends."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from gallery.errors import StoredError
from gallery.models import Actor, AuditVerb, Job, JobItem, JobKind, User

from .audit import Action, record, runs_of
from .database_care import keep_statistics
from .long_work import JobRun, noted
from .waiting_jobs import LongKind, LongKinds, end_killed

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


class _Teller:
    """Tells an import's run what became of its files, each once."""

    def __init__(self, counts: Callable[[], ImportCounts]) -> None:
        self._counts = counts
        self._told = ImportCounts()

    def tell(self, run: JobRun) -> None:
        told, now = self._told, self._counts()
        for failure in now.failed[len(told.failed) :]:
            run.note(failure.path, failure.error)
        for skipped in now.skipped[len(told.skipped) :]:
            run.note(skipped.path, skipped.reason, kind=JobItem.Kind.SKIPPED)
        for changed in now.changed[len(told.changed) :]:
            run.note(
                changed.path, None, kind=JobItem.Kind.CHANGED, id=changed.image_id, previous_id=changed.previous_id
            )
        run.job.details |= {"added": now.added, "duplicates": now.duplicates, "ignored": now.ignored}
        self._told = now


@contextmanager
def noted_import(
    counts: Callable[[], ImportCounts], *, owner: User, source: str, total: int, by: Actor
) -> Iterator[JobRun]:
    """Keep a job of what runs within, and one audit entry of all that it brings in.

    Each picture is noted in its own transaction (`store_picture`); the entry with the list is written when the job
    ends. An earlier job of the same source that was killed ends now, with the list of what it brought. `counts` is
    asked whenever progress is written; its lists only ever grow.
    """
    end_killed(IMPORTS, Job.objects.of_kind(JobKind.IMPORT).filter(owner=owner, subject=source))
    teller = _Teller(counts)
    with noted(
        JobKind.IMPORT,
        by=by,
        owner_id=owner.pk,
        subject=source,
        total=total,
        on_end=write_down_import,
        before_writing=teller.tell,
    ) as run:
        yield run
    keep_statistics()


def write_down_import(job: Job) -> None:
    """Write the audit entry of an import that ends, in that transaction."""
    image_ids = job.imported.order_by("image_id").values_list("image_id", flat=True)
    failed = job.items.failed()
    job.details["added"] = image_ids.count()  # a killed one did not get to say so
    told = {
        "owner": job.owner.get_username() if job.owner is not None else "",
        "source": job.subject,
        "status": job.status,
        "added": job.details["added"],
        "ids": runs_of(image_ids.iterator()),
        "duplicates": job.details.get("duplicates", 0),
        "failed": failed.count(),
        "skipped": job.items.skipped().count(),
        "changed": job.items.changed().count(),
        "failures": [{"path": each.item, "error": str(each.reason)} for each in failed[:LISTED_FAILURES]],
    }
    record(Action(job.actor), AuditVerb.IMPORTED, job, label=job.first_subject, after=told)
    job.imported.all().delete()


IMPORTS: LongKinds = {JobKind.IMPORT: LongKind(on_end=write_down_import)}
