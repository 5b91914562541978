"""Bringing one picture in, whichever door it comes through."""

import hashlib
import os
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import BinaryIO

from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, IntegrityError, transaction
from django.utils import timezone

from gallery.errors import ContentCollision, LibraryTooLarge, StorageUnavailable, StoredError, TooManyPictures
from gallery.imaging import Embedded, Facts, inspect
from gallery.models import (
    Actor,
    Claim,
    Image,
    ImportedImage,
    ImportedPath,
    Job,
    LibraryUse,
    NextEmbedding,
    RecognisedThings,
    Tag,
    User,
)
from gallery.models.access import may_add_images_of
from gallery.text.wall_clock import stored_wall_clock

from .audit import Action, record_added
from .curation import requeue_failed, restore
from .decode_limits import upload_limits
from .embedded_words import with_embedded_words
from .embedding.queue import nudge
from .labels import Labels, clean_name
from .limits import count_sent_bytes
from .media import content_lock, delete_unused_files_locked, original_is_whole, save_original, save_thumbnails
from .quotas import require_room, require_room_for_another


@dataclass(frozen=True, slots=True)
class Upload:
    """The picture, and whether it is new to its owner (False: the same bytes were there already).

    `restored`: it lay in the trash, and is back as it was. Somebody may have deleted the picture again since.
    """

    image: Image
    created: bool
    restored: bool = False
    warnings: tuple[StoredError, ...] = ()  # what its file says and was not taken over


def accept_upload(
    file: BinaryIO, *, owner: User, name: str, labels: Labels, by: Actor, job: Job | None = None
) -> Upload:
    """Check, store and queue one picture; the same bytes of the same owner are one picture.

    A picture that is there keeps its labels, whatever comes with its bytes: one in the trash is restored with all that
    people wrote, an original that was lost comes back, and what could not be embedded is tried again.
    Nothing is stored unless the whole picture is good.
    What a member sends counts by the hour; the quota of the owner is asked before the picture is read.
    Raises InvalidPicture (and its kinds), ServerBusy, StorageFull, StorageNotWritable, PermissionDenied,
    UploadedTooMuch, TooManyPictures, LibraryTooLarge.
    """
    _refuse_strangers(by, owner.pk)
    size_bytes = file.seek(0, os.SEEK_END)
    count_sent_bytes(owner, size_bytes, by=by)
    _refuse_early(file, size_bytes, owner=owner, by=by)
    file.seek(0)
    picture = inspect(file, limits=upload_limits(), with_thumbnails=True)
    small, words = picture.thumbnails, with_embedded_words(labels, picture.facts.embedded)
    upload = store_picture(
        file, picture.facts, small, owner=owner, name=name, labels=words.labels, by=by, job=job, restores=True
    )
    upload = replace(upload, warnings=words.left_out if upload.created else ())
    if upload.image.is_failed:
        requeue_failed(Image.objects.filter(pk=upload.image.pk), by=by)
    if upload.image.is_searchable:
        return upload
    nudge([upload.image.pk])
    image = Image.objects.filter(pk=upload.image.pk).first()
    return upload if image is None else replace(upload, image=image)  # None: deleted since


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
    job: Job | None = None,
    restores: bool = False,
    place: bytes | None = None,
    holder: str | None = None,
    is_thought_new: bool = False,
) -> Upload:
    """Write the files, then the row, while nobody can delete the files in between. Queues nothing.

    If one of these fails, the files that no picture uses go away again. A picture of these bytes that is there stays as
    it is, but that one in the trash comes back if `restores`. `created_at` (now by default) is for pictures that were
    added to another library before. What an import (`job`) brings in is in the list of its audit entry; all else has an
    entry of its own. `place` is the path of the file that holds the picture, to know it again (`ImportedPath`). A new
    picture is claimed by `holder`, who embeds it: no worker does. One that `is_thought_new` is not looked for first,
    which saves a query; if it is there after all, it is found.
    Raises PermissionDenied, ContentCollision, TooManyPictures, LibraryTooLarge.
    """
    _refuse_strangers(by, owner.pk)
    with content_lock(facts.sha256):
        try:
            is_written = save_original(file, sha256=facts.sha256, format=facts.format)
            save_thumbnails(small, sha256=facts.sha256)
            with transaction.atomic():
                upload = _stored(
                    facts,
                    owner=owner,
                    name=name,
                    labels=labels,
                    by=by,
                    created_at=created_at,
                    job=job,
                    is_thought_new=is_thought_new,
                )
                if place is not None:
                    ImportedPath.objects.remember(place, upload.image)
                if is_written and not upload.created:
                    _try_again(upload.image)
                if restores and upload.image.trashed_at is not None:
                    return _restored(upload, by=by)
                if upload.created:
                    if holder is not None:
                        Claim.objects.add([upload.image.pk], holder=holder)
                    use = LibraryUse.objects.change(owner.pk, images=1, size_bytes=facts.size_bytes)  # last: see there
                    require_room(use, size_bytes=facts.size_bytes, by=by)
                return upload
        except BaseException:
            with suppress(OSError, DatabaseError, StorageUnavailable):  # verify_index finds what cannot be deleted now
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
        if not Image.objects.filter(pk=image.pk).exists():  # deleted meanwhile: nobody would use the file
            return
        save_original(file, sha256=image.sha256, format=image.format)
    _try_again(image)


def existing_image(md5: str, sha256: str, *, owner: User) -> Image | None:
    """Return the owner's picture of these bytes, in the trash or not. Raises ContentCollision."""
    existing = Image.objects.filter(owner=owner, md5=md5).first()
    if existing is not None and existing.sha256 != sha256:
        raise ContentCollision(md5=md5)
    return existing


def _refuse_early(file: BinaryIO, size_bytes: int, *, owner: User, by: Actor) -> None:
    """Refuse what there is no room for before it is decoded, unless the owner has it already."""
    try:
        require_room_for_another(owner, size_bytes=size_bytes, by=by)
    except (TooManyPictures, LibraryTooLarge):
        if not Image.objects.filter(owner=owner, md5=_md5_of(file)).exists():
            raise


def _md5_of(file: BinaryIO) -> str:
    file.seek(0)
    md5 = hashlib.md5(usedforsecurity=False)
    for block in iter(partial(file.read, 1_000_000), b""):
        md5.update(block)
    return md5.hexdigest()


def _refuse_strangers(by: Actor, owner_id: int) -> None:
    if not may_add_images_of(by, owner_id):
        raise PermissionDenied


def _stored(
    facts: Facts,
    *,
    owner: User,
    name: str,
    labels: Labels,
    by: Actor,
    created_at: datetime | None,
    job: Job | None,
    is_thought_new: bool,
) -> Upload:
    """Make the row, or find the one that is there and keep it for this transaction: whoever deletes it comes after."""
    values = _values(facts) | {
        "original_name": clean_name(name, fallback=f"{facts.md5}{facts.extension}"),
        "description": labels.description,
        "visibility": labels.visibility,
        "gives_whole_original": labels.gives_whole_original,
        "created_at": created_at or timezone.now(),
    }
    image = _inserted(facts.md5, values, owner=owner) if is_thought_new else None
    created = image is not None
    if image is None:
        rows = Image.objects.select_for_update(of=("self",), no_key=True)
        image, created = rows.get_or_create(owner=owner, md5=facts.md5, defaults=values)
    if image.sha256 != facts.sha256:
        raise ContentCollision(md5=facts.md5)
    if created:
        if labels.tags:
            image.tags.set(Tag.objects.named(labels.tags))
        _write_down_new(image, by=by, job=job)
    return Upload(image, created=created)


def _inserted(md5: str, values: dict[str, object], *, owner: User) -> Image | None:
    """Make a row that is probably not there, without asking first; return None if it is."""
    try:
        with transaction.atomic():
            return Image.objects.create(owner=owner, md5=md5, **values)
    except IntegrityError:  # or of another kind, which comes up again where the row is looked for
        return None


def _restored(upload: Upload, *, by: Actor) -> Upload:
    """Bring the picture back from the trash. Nobody else changes its row in this transaction."""
    restore(Image.objects.filter(pk=upload.image.pk), by=by)
    upload.image.trashed_at = None
    return replace(upload, restored=True)


def _try_again(image: Image) -> None:
    """Let what failed without its original be embedded, by a change of the model too, and be looked at."""
    RecognisedThings.objects.unreadable().filter(image=image).delete()
    Image.objects.failed().filter(pk=image.pk).update(embed_error="")
    NextEmbedding.objects.failed().filter(image=image).delete()
    image.embed_error = ""


def _write_down_new(image: Image, *, by: Actor, job: Job | None) -> None:
    if job is not None:
        ImportedImage.objects.create(job=job, image_id=image.pk)
    else:
        record_added(Action(by), image)


def _values(facts: Facts) -> dict[str, object]:
    return {
        "sha256": facts.sha256,
        "size_bytes": facts.size_bytes,
        "format": facts.format,
        "width_px": facts.width_px,
        "height_px": facts.height_px,
        "frame_count": facts.frame_count,
        **told_values(facts.exif, facts.embedded),
    }


def told_values(exif: dict[str, str | int | float], embedded: Embedded) -> dict[str, object]:
    """Return the columns of what a file tells about how and when its picture was taken."""
    taken_at, offset_minutes = stored_wall_clock(embedded.taken_at) if embedded.taken_at else (None, None)
    rating = {} if embedded.rating is None else {"rating": embedded.rating}
    return {"taken_at": taken_at, "taken_offset_minutes": offset_minutes, "exif": exif | rating}
