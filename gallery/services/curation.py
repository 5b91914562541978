"""Changing and removing pictures that are there.

Doors answer who may not see or change a picture before they come here. Each verb narrows to what `by` may change all
the same, so that a caller who forgot to ask, or whose answer is outdated, changes nothing of others.
"""

from collections.abc import Iterator, Sequence
from datetime import timedelta

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Count, Max
from django.utils import timezone

from gallery.conf import gallery
from gallery.errors import InvalidVisibility, TooManyTags
from gallery.models import Actor, Image, ImageQuerySet, Tag, Visibility
from gallery.search_index import search_index
from gallery.text.tag_names import MAX_TAGS_PER_IMAGE, parse_tags, tag_key

from .embedding.queue import nudge
from .labels import Labels, clean_name
from .media import delete_unused_files

BATCH = 500


def relabel(image: Image, labels: Labels, *, by: Actor, name: str | None = None) -> None:
    """Replace description, tags, visibility and, if one is given that can be shown, the file name.

    Raises PermissionDenied.
    """
    if not Image.objects.editable_by(by).contains(image):
        raise PermissionDenied
    with transaction.atomic():
        image.description, image.visibility = labels.description, labels.visibility
        image.original_name = clean_name(name or "", fallback=image.original_name)
        image.save(update_fields=["description", "visibility", "original_name"])
        image.tags.set(Tag.objects.named(labels.tags))


def add_tags(images: ImageQuerySet, text: str, *, by: Actor) -> int:
    """Add tags to every picture; return how many pictures. Raises InvalidTag, TooManyTags (then none is changed)."""
    names = parse_tags(text)
    ids = _ids(images.editable_by(by))
    links = Image.tags.through.objects
    with transaction.atomic():
        tags = Tag.objects.named(names)
        links.bulk_create(
            [Image.tags.through(image_id=image_id, tag_id=tag.pk) for image_id in ids for tag in tags],
            ignore_conflicts=True,
            batch_size=BATCH,
        )
        for some in _batches(ids):
            per_image = links.filter(image__in=some).values("image").annotate(count=Count("pk"))
            most = per_image.aggregate(most=Max("count", default=0))["most"]
            if most > MAX_TAGS_PER_IMAGE:
                raise TooManyTags(count=most, limit=MAX_TAGS_PER_IMAGE)
    return len(ids)


def remove_tags(images: ImageQuerySet, text: str, *, by: Actor) -> int:
    """Remove tags from every picture; return how many links that were. Raises InvalidTag, TooManyTags."""
    keys = [tag_key(name) for name in parse_tags(text)]
    links = Image.tags.through.objects.filter(image__in=images.editable_by(by), tag__key__in=keys)
    return links.delete()[0]


def set_visibility(images: ImageQuerySet, visibility: str, *, by: Actor) -> int:
    """Return how many pictures have it now. Raises InvalidVisibility."""
    if visibility not in Visibility.values:
        raise InvalidVisibility(value=visibility, choices=", ".join(Visibility.values))
    return images.editable_by(by).update(visibility=visibility)


def move_to_trash(images: ImageQuerySet, *, by: Actor) -> int:
    """Hide the pictures from everyone; they can be brought back until the trash is emptied."""
    return images.editable_by(by).live().update(trashed_at=timezone.now())


def restore(images: ImageQuerySet, *, by: Actor) -> int:
    """Bring pictures back from the trash."""
    return images.editable_by(by).trashed().update(trashed_at=None)


def delete_forever(images: ImageQuerySet, *, by: Actor) -> int:
    """Delete rows, then vectors, then the files that no other picture uses; return how many pictures.

    What leaves `images` before its turn, such as a picture that is brought back from the trash, stays.
    """
    return _delete(images.deletable_by(by))


def delete_with_owners(user_ids: Sequence[int], *, by: Actor) -> int:
    """Delete all that these users have as `delete_forever` does; return how many pictures.

    Who may delete an account deletes what is in it: whoever calls this has asked about the accounts.
    """
    return _delete(Image.objects.filter(owner__in=user_ids))


def empty_old_trash(*, by: Actor) -> int:
    """Delete what has lain for longer than the settings say in the trash of anybody whose pictures `by` may delete."""
    before = timezone.now() - timedelta(days=gallery().trash_days)
    return delete_forever(Image.objects.trashed_before(before), by=by)


def retry_failed(images: ImageQuerySet, *, by: Actor) -> int:
    """Put pictures that could not be embedded back into the queue and have them tried; return how many these are.

    What was wrong with the picture itself fails again, with its reason.
    """
    ids = requeue_failed(images, by=by)
    nudge(ids)
    return len(ids)


def requeue_failed(images: ImageQuerySet, *, by: Actor) -> list[int]:
    """Put pictures that could not be embedded back into the queue, and leave them there; return their ids."""
    ids = _ids(images.editable_by(by).failed())
    for some in _batches(ids):
        Image.objects.failed().filter(pk__in=some).update(embed_error="")
    return ids


def embed_again(images: ImageQuerySet, *, by: Actor) -> int:
    """Forget the vectors of these pictures and queue them: they are found again once they are embedded."""
    ids = _ids(images.editable_by(by))
    for some in _batches(ids):
        with search_index().removing(some):
            Image.objects.filter(pk__in=some).update(embedding_row=None, embed_error="")
    nudge(ids)
    return len(ids)


def _ids(images: ImageQuerySet) -> list[int]:
    return [int(image_id) for image_id in images.ids()]


def _batches(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    return (ids[start : start + BATCH] for start in range(0, len(ids), BATCH))


def _delete(images: ImageQuerySet) -> int:
    return sum(_delete_batch(images, some) for some in _batches(_ids(images)))


def _delete_batch(images: ImageQuerySet, ids: Sequence[int]) -> int:
    ids = _ids(images.filter(pk__in=ids))
    if not ids:
        return 0
    contents = set(Image.objects.filter(pk__in=ids).values_list("sha256", "format"))
    with search_index().removing(ids):
        _total, per_model = images.filter(pk__in=ids).delete()  # asked once more: the lock may have been waited for
    for sha256, format in contents:
        delete_unused_files(sha256, format)
    nudge(Image.objects.pending().filter(pk__in=ids).values_list("pk", flat=True))  # stayed, but without its vector
    return per_model.get("gallery.Image", 0)
