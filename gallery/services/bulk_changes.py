"""Changing many pictures at once: a few at once, more than that as a job, batch by batch."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from uuid import UUID, uuid4

import numpy as np
import numpy.typing as npt
from django.core.exceptions import PermissionDenied
from django.db import transaction

from gallery.models import (
    Actor,
    AuditEntry,
    AuditVerb,
    BulkChange,
    Image,
    ImageQuerySet,
    Job,
    JobKind,
    JobSelection,
)
from gallery.text.tag_names import parse_tags

from .audit import CHANGES_AT_A_TIME, Action
from .curation import (
    add_tags,
    delete_forever,
    move_to_trash,
    refuse_too_many_tags,
    remove_tags,
    restore,
    set_visibility,
)
from .long_work import JobRun, ask_for
from .waiting_jobs import job_waits

AT_ONCE = 500  # pictures that a request changes itself

Change = Callable[[ImageQuerySet, str, Action], int]
CHANGES: Mapping[str, Change] = {
    BulkChange.VISIBILITY: lambda images, value, action: set_visibility(images, value, by=action.by, action=action),
    BulkChange.ADD_TAGS: lambda images, value, action: add_tags(images, value, by=action.by, action=action),
    BulkChange.REMOVE_TAGS: lambda images, value, action: remove_tags(images, value, by=action.by, action=action),
    BulkChange.TRASH: lambda images, _, action: move_to_trash(images, by=action.by, action=action),
    BulkChange.RESTORE: lambda images, _, action: restore(images, by=action.by, action=action),
    BulkChange.DELETE: lambda images, _, action: delete_forever(images, by=action.by, action=action),
}


@dataclass(frozen=True, slots=True)
class ManyChanged:
    """How many pictures there are, and under which action of the audit log they are changed.

    `job` is there where a worker changes them, else they are changed.
    """

    count: int
    action: UUID
    job: Job | None = None


def change_many(images: ImageQuerySet, change: BulkChange, value: str = "", *, by: Actor) -> ManyChanged:
    """Change the pictures, or have it done by a worker where they are many. `value` are tags, or the visibility.

    All of it is one action in the audit log. Raises what the verb of the change raises, before anything is changed.
    """
    ids = images.ids()
    if len(ids) <= AT_ONCE:
        action = Action(by)
        CHANGES[change](images, value, action)
        return ManyChanged(len(ids), action.id)
    if change == BulkChange.ADD_TAGS:
        refuse_too_many_tags(images.editable_by(by), parse_tags(value))
    return _asked_for(ids, change, value, by=by, owner_id=_owner_of_all(images, by))


def carry_out_bulk_change(run: JobRun) -> None:
    """Change what is left of the job's pictures, in batches that are each whole; a batch done twice changes nothing.

    Raises WorkCancelled, WorkPutOff, and what the verb of the change raises: the batches before it stay.
    """
    job = run.job
    ids, action = job.selection.image_ids, Action(job.actor, UUID(job.details["action"]))
    change = CHANGES[job.details["change"]]
    while rest := ids[job.done : job.done + CHANGES_AT_A_TIME].tolist():
        run.check_cancelled()
        change(_still_meant(Image.objects.filter(pk__in=rest), job), job.subject, action)
        run.advance(len(rest))


def may_undo(job: Job) -> bool:
    """Say whether what a job did can be taken back: what it moved to the trash comes back from there."""
    is_trashing = job.kind == JobKind.BULK_CHANGE and job.details.get("change") == BulkChange.TRASH
    return is_trashing and not job.is_under_way and job.done > 0 and "undone" not in job.details


def undo(job: Job, *, by: Actor) -> ManyChanged:
    """Bring back what a job moved to the trash and nobody moved since, as a job of its own. Raises PermissionDenied."""
    if not may_undo(job) or not Job.objects.editable_by(by).filter(pk=job.pk).exists():
        raise PermissionDenied
    with transaction.atomic():
        Job.objects.filter(pk=job.pk).update(details=job.details | {"undone": True})
        return _asked_for(
            job.selection.image_ids,
            BulkChange.RESTORE,
            by=by,
            owner_id=job.owner_id,
            trashed_by=job.details["action"],
        )


def undo_action(action_id: UUID, *, by: Actor) -> int:
    """Bring back what an action of a request moved to the trash and nobody moved since; return how many pictures."""
    moved = AuditEntry.objects.of_action(action_id).of_images(AuditVerb.TRASHED).values("object_id")
    return restore(Image.objects.filter(pk__in=moved).trashed_by_action(action_id), by=by)


def _asked_for(
    ids: npt.NDArray[np.int64], change: BulkChange, value: str = "", *, by: Actor, owner_id: int | None, **details: str
) -> ManyChanged:
    action_id = uuid4()
    with transaction.atomic():
        job = ask_for(
            JobKind.BULK_CHANGE,
            by=by,
            owner_id=owner_id,
            subject=value,
            total=len(ids),
            change=change.value,
            action=str(action_id),
            **details,
        )
        JobSelection.of(job, ids).save(force_insert=True)
        job_waits(job)
    return ManyChanged(len(ids), action_id, job)


def _still_meant(images: ImageQuerySet, job: Job) -> ImageQuerySet:
    """Return those of a batch that an undo means: as they were left by what it takes back."""
    undone = job.details.get("trashed_by")
    return images if undone is None else images.trashed_by_action(UUID(undone))


def _owner_of_all(images: ImageQuerySet, by: Actor) -> int | None:
    """Return whose pictures these are, if they are all of whoever asks."""
    if by.user is None or images.exclude(owner=by.user).exists():
        return None
    return by.user.pk
