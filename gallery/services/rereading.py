"""Reading once more what originals say of their pictures, for those that came before it was read."""

import logging
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import islice

from django.db import transaction

from gallery.errors import DecoderUnavailable, ImageSearchError, StorageUnavailable, StoredError, UnreadablePath
from gallery.imaging import Embedded, Limits, Told, read_told
from gallery.models import Actor, ActorKind, AuditEntry, AuditVerb, Image, ImageQuerySet, Tag

from .audit import Action, recording
from .decode_limits import decode_limits
from .embedded_words import with_embedded_words
from .embedding.waiting_images import ImageFailure
from .ingest import told_values
from .labels import Labels
from .media import open_original

BATCH = 100
REREAD_IN_A_PORTION = 50  # while pictures wait to be embedded
READERS = min(4, os.cpu_count() or 1)
WORD_VERBS = (AuditVerb.CHANGED, AuditVerb.TAGGED, AuditVerb.UNTAGGED)
# Before offsets were kept, a date was the camera's clock in the site's zone: two zones are at most 26 hours apart.
ZONES_APART = timedelta(hours=26)

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Reread:
    """What became of the pictures: how many got other facts (`dated`), how many words; what could not be read."""

    pictures: int = 0
    dated: int = 0
    worded: int = 0
    failed: list[ImageFailure] = field(default_factory=list)
    warnings: list[ImageFailure] = field(default_factory=list)
    seconds: float = 0.0


def reread(
    images: ImageQuerySet, *, with_words: bool, by: Actor, progress: Callable[[int], None] = lambda _count: None
) -> Reread:
    """Read date, camera and stars again, and with `with_words` words, of what `by` may change and is not in the trash.

    May be stopped and run again: what is as it should be is left alone. A date that differs by more than two zones can
    came from a file beside the picture and stays, as does one whose offset is known; words only come where nobody has
    written any, or taken any away. Raises DecoderUnavailable, StorageUnavailable.
    """
    started, done = time.perf_counter(), Reread()
    limits, action = decode_limits(), Action(by)
    with ThreadPoolExecutor(READERS) as readers:
        for some in _batches(images.editable_by(by).live()):
            told = readers.map(lambda image: _told(image, limits), some)
            for image, what in zip(some, told, strict=True):
                done.pictures += 1
                if isinstance(what, StoredError):
                    done.failed.append(ImageFailure(image.pk, image.original_name, what))
                else:
                    done.dated += _keep_facts(image, what)
                    done.worded += with_words and _keep_words(image, what.embedded, action, done)
                progress(1)
    done.seconds = time.perf_counter() - started
    return done


def reread_some_before(image_id: int, *, by: Actor) -> int | None:
    """Read a portion of the pictures up to this id again, without their words, from the newest on.

    Return up to which id they are still to be read, None where none is. What cannot be read stays as it is.
    """
    images = Image.objects.live().filter(pk__lte=image_id).order_by("-pk")
    ids = list(images.values_list("pk", flat=True)[:REREAD_IN_A_PORTION])
    done = reread(Image.objects.filter(pk__in=ids), with_words=False, by=by)
    for failure in done.failed:
        logger.warning("Picture %s cannot be read again: %s", failure.image_id, failure.error)
    return ids[-1] - 1 if len(ids) == REREAD_IN_A_PORTION else None


def _batches(images: ImageQuerySet) -> Iterator[list[Image]]:
    ids = iter(images.ids().tolist())
    while some := list(islice(ids, BATCH)):
        yield list(Image.objects.filter(pk__in=some).order_by("pk"))


def _told(image: Image, limits: Limits) -> Told | StoredError:
    """Runs in a thread: no database here."""
    try:
        with open_original(image) as file:
            return read_told(file, limits=limits)
    except (DecoderUnavailable, StorageUnavailable):
        raise
    except ImageSearchError as error:
        return StoredError.of(error)
    except OSError as error:
        return StoredError.of(UnreadablePath(path=image.original_name, reason=error.strerror or str(error)))


def _keep_facts(image: Image, told: Told) -> bool:
    """Write what the file says and the row does not; return whether that was anything."""
    values = told_values(image.exif | told.exif, told.embedded)
    if not _is_to_date(image, told.embedded):
        del values["taken_at"], values["taken_offset_minutes"]
    changed = {name: value for name, value in values.items() if getattr(image, name) != value}
    return bool(changed and Image.objects.filter(pk=image.pk).update(**changed))


def _is_to_date(image: Image, embedded: Embedded) -> bool:
    if embedded.taken_at is None or image.taken_at is None:
        return embedded.taken_at is not None
    clock = embedded.taken_at.replace(tzinfo=image.taken_at.tzinfo)
    return image.taken_offset_minutes is None and abs(clock - image.taken_at) <= ZONES_APART


def _keep_words(image: Image, embedded: Embedded, action: Action, done: Reread) -> bool:
    """Give a picture that nobody has labelled the words of its file; return whether there were any."""
    if not (embedded.description or embedded.keywords or embedded.people or embedded.unreadable):
        return False
    with transaction.atomic(), recording(action, AuditVerb.CHANGED, Image, [image.pk], names=("description", "tags")):
        row = Image.objects.filter(pk=image.pk, description="", tags=None).first()  # as it is now
        if row is None or _is_labelled([image.pk]):
            return False
        words = with_embedded_words(Labels(visibility=row.visibility, takes_embedded_words=True), embedded)
        row.description = words.labels.description
        row.save(update_fields=["description"])
        row.tags.set(Tag.objects.named(words.labels.tags))
    done.warnings += [ImageFailure(image.pk, image.original_name, error) for error in words.left_out]
    return bool(words.labels.description or words.labels.tags)


def _is_labelled(image_ids: Sequence[int]) -> bool:
    """Say whether a person has ever changed the words of one of these pictures."""
    entries = AuditEntry.objects.filter(object_kind="gallery.image", object_id__in=image_ids, verb__in=WORD_VERBS)
    return entries.filter(actor_kind=ActorKind.MEMBER).exists()
