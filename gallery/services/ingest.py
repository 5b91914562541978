"""Bringing one picture in, whichever door it comes through."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO

from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, transaction
from django.utils import timezone

from gallery.errors import ContentCollision
from gallery.imaging import Facts, inspect
from gallery.models import Actor, AuditVerb, Image, ImportedImage, ImportJob, NextEmbedding, Tag, User
from gallery.models.access import may_add_images_of

from .audit import Action, Snapshot, record_difference, snapshots
from .decode_limits import decode_limits
from .embedding.pixels_at_hand import pixels_at_hand
from .embedding.queue import nudge
from .labels import Labels, clean_name
from .media import content_lock, delete_unused_files_locked, original_is_whole, save_original, save_thumbnails


@dataclass(frozen=True, slots=True)
class Upload:
    """The picture, and whether it is new to its owner (False: the same bytes were there already)."""

    image: Image
    created: bool


def accept_upload(
    file: BinaryIO, *, owner: User, name: str, labels: Labels, by: Actor, job: ImportJob | None = None
) -> Upload:
    """Check, store and queue one picture; the same bytes of the same owner are one picture.

    What was in the trash comes back. Nothing is stored unless the whole picture is good.
    Raises InvalidPicture (and its kinds), StorageFull, StorageNotWritable, PermissionDenied.
    """
    _refuse_strangers(by, owner.pk)
    picture = inspect(file, limits=decode_limits(), with_thumbnails=True)
    existing = existing_image(picture.facts.md5, picture.facts.sha256, owner=owner)
    if existing is not None and existing.trashed_at is None:
        upload = Upload(existing, created=False)
        bring_back_original(existing, file, by=by)
    else:
        small = picture.thumbnails
        upload = store_picture(file, picture.facts, small, owner=owner, name=name, labels=labels, by=by, job=job)
    if upload.image.is_pending:
        with pixels_at_hand(upload.image.pk, picture.pixels):  # where tasks run at once, and no transaction is open
            nudge([upload.image.pk])
    return upload


def store_picture(
    file: BinaryIO,
    facts: Facts,
    small: dict[int, bytes],
    *,
    owner: User,
    name: str,
    labels: Labels,
    by: Actor,
    created_at: datetime | None = None,
    job: ImportJob | None = None,
) -> Upload:
    """Write the files, then the row, while nobody can delete the files in between. Queues nothing.

    If one of these fails, the files that no picture uses go away again. `created_at` (now by default) is for pictures
    that were added to another library before. What an import (`job`) brings in is in the list of its audit entry; all
    else has an entry of its own. Raises PermissionDenied.
    """
    _refuse_strangers(by, owner.pk)
    with content_lock(facts.sha256):
        try:
            save_original(file, sha256=facts.sha256, format=facts.format)
            save_thumbnails(small, sha256=facts.sha256)
            return _store_row(facts, owner=owner, name=name, labels=labels, by=by, created_at=created_at, job=job)
        except BaseException:
            with suppress(OSError, DatabaseError):  # verify_index finds what cannot be deleted now
                delete_unused_files_locked(facts.sha256, facts.format)
            raise


def bring_back_original(image: Image, file: BinaryIO, *, by: Actor) -> None:
    """Save the bytes of a known picture again if its original is gone or cut short.

    What failed without it may be tried again. Raises PermissionDenied.
    """
    _refuse_strangers(by, image.owner_id)
    if original_is_whole(image):
        return
    with content_lock(image.sha256):
        save_original(file, sha256=image.sha256, format=image.format)
    Image.objects.failed().filter(pk=image.pk).update(embed_error="")
    NextEmbedding.objects.failed().filter(image=image).delete()  # a change of the model tries it again, too
    image.refresh_from_db(fields=["embed_error"])


def existing_image(md5: str, sha256: str, *, owner: User) -> Image | None:
    """Return the owner's picture of these bytes, in the trash or not. Raises ContentCollision."""
    existing = Image.objects.filter(owner=owner, md5=md5).first()
    if existing is not None and existing.sha256 != sha256:
        raise ContentCollision(md5=md5)
    return existing


def _refuse_strangers(by: Actor, owner_id: int) -> None:
    if not may_add_images_of(by, owner_id):
        raise PermissionDenied


def _store_row(
    facts: Facts,
    *,
    owner: User,
    name: str,
    labels: Labels,
    by: Actor,
    created_at: datetime | None,
    job: ImportJob | None,
) -> Upload:
    """Make the row, or bring it back from the trash; whoever comes second gets what the first one made."""
    with transaction.atomic():
        image, created = Image.objects.get_or_create(
            owner=owner,
            md5=facts.md5,
            defaults=_values(facts) | {"original_name": clean_name(name, fallback=f"{facts.md5}{facts.extension}")},
        )
        if image.sha256 != facts.sha256:
            raise ContentCollision(md5=facts.md5)
        revived = image.trashed_at is not None
        if created or revived:
            before = snapshots(Image, [image.pk]) if revived and job is None else {}
            image.trashed_at, image.embed_error = None, ""
            image.description, image.visibility = labels.description, labels.visibility
            image.created_at = created_at or timezone.now()
            image.save(update_fields=["trashed_at", "embed_error", "description", "visibility", "created_at"])
            image.tags.set(Tag.objects.named(labels.tags))
            _write_down(image, before, by=by, job=job)
    return Upload(image, created=created or revived)


def _write_down(image: Image, before: dict[int, Snapshot], *, by: Actor, job: ImportJob | None) -> None:
    if job is not None:
        ImportedImage.objects.create(job=job, image_id=image.pk)
        return
    verb = AuditVerb.RESTORED if before else AuditVerb.ADDED
    record_difference(Action(by), verb, Image, before, snapshots(Image, [image.pk]))


def _values(facts: Facts) -> dict[str, object]:
    return {
        "sha256": facts.sha256,
        "size_bytes": facts.size_bytes,
        "format": facts.format,
        "width_px": facts.width_px,
        "height_px": facts.height_px,
        "frame_count": facts.frame_count,
        "taken_at": _aware(facts.taken_at),
        "exif": facts.exif,
    }


def _aware(moment: datetime | None) -> datetime | None:
    """A camera without a time zone is taken to be in the site's."""
    if moment is None or moment.tzinfo is not None:
        return moment
    return timezone.make_aware(moment)
