"""Changing and removing pictures that are there.

Doors answer who may not see or change a picture before they come here. Each verb narrows to what `by` may change all
the same, so that a caller who forgot to ask, or whose answer is outdated, changes nothing of others.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import timedelta
from functools import partial

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Count, Max
from django.utils import timezone

from gallery.conf import gallery
from gallery.errors import InvalidVisibility, StorageUnavailable, TooManyTags
from gallery.models import Actor, AuditVerb, Image, ImageQuerySet, RecognisedText, Tag, Visibility
from gallery.models.access import may_choose_original
from gallery.search_index import search_index
from gallery.text.tag_names import MAX_TAGS_PER_IMAGE, parse_tags, tag_key

from .audit import CHANGES_AT_A_TIME, Action, recording
from .database_care import note_changes
from .embedding.queue import NAMED_AT_ONCE, nudge
from .labels import Labels, clean_name
from .library_use import taking_from_libraries
from .media import delete_unused_files

BATCH = CHANGES_AT_A_TIME
DELETED_IN_A_PORTION = 200  # with their files, while pictures wait to be embedded
logger = logging.getLogger(__name__)


def relabel(image: Image, labels: Labels, *, by: Actor, name: str | None = None) -> None:
    """Replace description, tags, visibility, what others get of the original and, if one is given, the file name.

    Raises PermissionDenied, also for whoever may change the picture but not what others get.
    """
    if not Image.objects.editable_by(by).contains(image):
        raise PermissionDenied
    if labels.gives_whole_original != image.gives_whole_original and not may_choose_original(by, image):
        raise PermissionDenied
    with transaction.atomic(), recording(Action(by), AuditVerb.CHANGED, Image, [image.pk]):
        image.description, image.visibility = labels.description, labels.visibility
        image.gives_whole_original = labels.gives_whole_original
        image.original_name = clean_name(name or "", fallback=image.original_name)
        image.save(update_fields=["description", "visibility", "gives_whole_original", "original_name"])
        image.tags.set(Tag.objects.named(labels.tags))


def add_tags(images: ImageQuerySet, text: str, *, by: Actor, action: Action | None = None) -> int:
    """Add tags to every picture; return how many pictures. Raises InvalidTag, TooManyTags (then none is changed).

    `action` is what this is a part of, by the same actor; so of all verbs that take one.

    Where somebody else tags the same pictures meanwhile, the batches before the one with too many tags stay.
    """
    names = parse_tags(text)
    images = images.editable_by(by)
    refuse_too_many_tags(images, names)
    return _change(images, partial(_tag, names=names), AuditVerb.TAGGED, "tags", action=action or Action(by))


def refuse_too_many_tags(images: ImageQuerySet, names: Sequence[str]) -> None:
    """Raises TooManyTags where one of these pictures would have too many with these tags."""
    for some in _batches(_ids(images)):
        _refuse_too_many(some, names)


def remove_tags(images: ImageQuerySet, text: str, *, by: Actor, action: Action | None = None) -> int:
    """Remove tags from every picture; return how many links that were. Raises InvalidTag, TooManyTags."""
    keys = [tag_key(name) for name in parse_tags(text)]
    links = Image.tags.through.objects.filter(tag__key__in=keys)
    return _change(
        images.editable_by(by),
        lambda some: links.filter(image__in=some).delete()[0],
        AuditVerb.UNTAGGED,
        "tags",
        action=action or Action(by),
    )


def set_visibility(images: ImageQuerySet, visibility: str, *, by: Actor, action: Action | None = None) -> int:
    """Return how many pictures have it now. Raises InvalidVisibility."""
    if visibility not in Visibility.values:
        raise InvalidVisibility(value=visibility, choices=", ".join(Visibility.values))
    return _change(
        images.editable_by(by),
        lambda some: some.update(visibility=visibility),
        AuditVerb.SHOWN_TO,
        "visibility",
        action=action or Action(by),
    )


def move_to_trash(images: ImageQuerySet, *, by: Actor, action: Action | None = None) -> int:
    """Hide the pictures from everyone; they can be brought back until the trash is emptied."""
    now = timezone.now()
    return _change(
        images.editable_by(by).live(),
        lambda some: some.update(trashed_at=now),
        AuditVerb.TRASHED,
        "trashed_at",
        action=action or Action(by),
    )


def restore(images: ImageQuerySet, *, by: Actor, action: Action | None = None) -> int:
    """Bring pictures back from the trash."""
    trashed = images.editable_by(by).trashed()
    return _change(
        trashed,
        lambda some: some.update(trashed_at=None),
        AuditVerb.RESTORED,
        "trashed_at",
        action=action or Action(by),
    )


def delete_forever(images: ImageQuerySet, *, by: Actor, action: Action | None = None) -> int:
    """Delete rows, then vectors, then the files that no other picture uses; return how many pictures.

    What leaves `images` before its turn, such as a picture that is brought back from the trash, stays.
    """
    return _delete(images.deletable_by(by), action or Action(by))


def delete_with_owners(user_ids: Sequence[int], *, action: Action) -> int:
    """Delete all that these users have as `delete_forever` does; return how many pictures.

    Who may delete an account deletes what is in it: whoever calls this has asked about the accounts.
    """
    return _delete(Image.objects.filter(owner__in=user_ids), action)


def empty_old_trash(*, by: Actor) -> int:
    """Delete what has lain for longer than the settings say in the trash of anybody whose pictures `by` may delete."""
    return delete_forever(_old_trash(), by=by)


def empty_some_old_trash(*, by: Actor) -> int:
    """Do a portion of that; return how many pictures, 0 where nothing is left."""
    images = _old_trash().deletable_by(by)
    ids = images.order_by().values_list("pk", flat=True)[:DELETED_IN_A_PORTION]
    return _delete_batch(images, list(ids), Action(by))


def _old_trash() -> ImageQuerySet:
    return Image.objects.trashed_before(timezone.now() - timedelta(days=gallery().trash_days))


def retry_failed(images: ImageQuerySet, *, by: Actor) -> int:
    """Put pictures that could not be embedded back into the queue and have them tried; return how many these are.

    What was wrong with the picture itself fails again, with its reason.
    """
    ids = requeue_failed(images, by=by)
    nudge(ids)
    return len(ids)


def requeue_failed(images: ImageQuerySet, *, by: Actor) -> list[int]:
    """Put pictures that could not be embedded back into the queue, and leave them there; return their ids."""
    failed = images.editable_by(by).failed()
    ids = _ids(failed)
    _change(
        failed,
        lambda some: some.update(embed_error=""),
        AuditVerb.RETRIED,
        "search_status",
        "embed_error",
        action=Action(by),
    )
    return ids


def embed_again(images: ImageQuerySet, *, by: Actor) -> int:
    """Forget the vectors of these pictures and queue them: they are found again once they are embedded."""
    ids, action = _ids(images.editable_by(by)), Action(by)
    for some in _batches(ids):
        with search_index().removing(some), recording(action, AuditVerb.EMBEDDED_AGAIN, Image, some):
            Image.objects.filter(pk__in=some).update(embedding_row=None, embed_error="")
    nudge(ids)
    return len(ids)


def read_again(images: ImageQuerySet, *, by: Actor) -> int:
    """Have the text in these pictures read again; until then what is known of it stays. Return how many.

    No audit entry tells of it: nobody's picture is changed.
    """
    ids = _ids(images.editable_by(by))
    for some in _batches(ids):
        RecognisedText.objects.filter(image__in=some).read_again()
    nudge(ids[:NAMED_AT_ONCE])
    return len(ids)


def _ids(images: ImageQuerySet) -> list[int]:
    return [int(image_id) for image_id in images.ids()]


def _batches(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    return (ids[start : start + BATCH] for start in range(0, len(ids), BATCH))


def _change(
    images: ImageQuerySet, change: Callable[[ImageQuerySet], int], verb: AuditVerb, *names: str, action: Action
) -> int:
    """Change the pictures batch by batch, each with its audit entries in one transaction; return the sum of answers.

    `change` gets those of a batch that are still in `images`, and changes the values called `names`. Whatever stops it
    leaves whole batches.
    """
    total = 0
    for some in _batches(_ids(images)):
        with transaction.atomic(), recording(action, verb, Image, some, names=names):
            total += change(images.filter(pk__in=some))
    note_changes(total)
    return total


def _tag(images: ImageQuerySet, *, names: Sequence[str]) -> int:
    """Add tags to a batch; return how many pictures."""
    ids = _ids(images)
    _refuse_too_many(ids, names)
    links = Image.tags.through
    tags = Tag.objects.named(names)
    pairs = [links(image_id=image_id, tag_id=tag.pk) for image_id in ids for tag in tags]
    links.objects.bulk_create(pairs, ignore_conflicts=True)
    return len(ids)


def _refuse_too_many(ids: Sequence[int], names: Sequence[str]) -> None:
    """Raises TooManyTags where one of these pictures would have too many with these tags."""
    others = Image.tags.through.objects.filter(image__in=ids).exclude(tag__key__in=[tag_key(name) for name in names])
    per_image = others.values("image").annotate(count=Count("pk"))
    most = per_image.aggregate(most=Max("count", default=0))["most"] + len(names)
    if most > MAX_TAGS_PER_IMAGE:
        raise TooManyTags(count=most, limit=MAX_TAGS_PER_IMAGE)


def _delete(images: ImageQuerySet, action: Action) -> int:
    return sum(_delete_batch(images, some, action) for some in _batches(_ids(images)))


def _delete_batch(images: ImageQuerySet, ids: Sequence[int], action: Action) -> int:
    ids = _ids(images.filter(pk__in=ids))
    if not ids:
        return 0
    contents = set(Image.objects.filter(pk__in=ids).values_list("sha256", "format"))
    with search_index().removing(ids), recording(action, AuditVerb.DELETED, Image, ids), taking_from_libraries(ids):
        _total, per_model = images.filter(pk__in=ids).delete()  # asked once more: the lock may have been waited for
    _delete_files(contents)
    nudge(Image.objects.pending().filter(pk__in=ids).values_list("pk", flat=True))  # stayed, but without its vector
    return per_model.get("gallery.Image", 0)


def _delete_files(contents: Iterable[tuple[str, str]]) -> None:
    """Delete the files of pictures that are gone. Whose storage cannot be reached now is left to `verify_index`."""
    try:
        for sha256, format in contents:
            delete_unused_files(sha256, format)
    except StorageUnavailable as error:
        logger.warning("Files of deleted pictures are left over; run manage.py verify_index --repair later. %s", error)
