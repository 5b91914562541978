"""Changing and removing pictures that are there. Callers ask `editable_by` first; nothing here checks rights."""

from collections.abc import Iterator, Sequence
from datetime import timedelta

from django.db import transaction
from django.db.models import Count, Max
from django.utils import timezone

from gallery.conf import gallery
from gallery.errors import InvalidVisibility, TooManyTags
from gallery.models import Image, ImageQuerySet, Tag, Visibility
from gallery.search_index import search_index
from gallery.text.tag_names import MAX_TAGS_PER_IMAGE, parse_tags, tag_key

from .embedding.queue import nudge
from .labels import Labels, clean_name
from .media import delete_unused_files

BATCH = 500


def relabel(image: Image, labels: Labels, *, name: str | None = None) -> None:
    """Replace description, tags, visibility and, if one is given that can be shown, the file name."""
    with transaction.atomic():
        image.description, image.visibility = labels.description, labels.visibility
        image.original_name = clean_name(name or "", fallback=image.original_name)
        image.save(update_fields=["description", "visibility", "original_name"])
        image.tags.set(Tag.objects.named(labels.tags))


def add_tags(images: ImageQuerySet, text: str) -> int:
    """Add tags to every picture; return how many pictures. Raises InvalidTag, TooManyTags (then none is changed)."""
    names = parse_tags(text)
    ids = [int(image_id) for image_id in images.ids()]
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


def remove_tags(images: ImageQuerySet, text: str) -> int:
    """Remove tags from every picture; return how many links that were. Raises InvalidTag, TooManyTags."""
    keys = [tag_key(name) for name in parse_tags(text)]
    links = Image.tags.through.objects.filter(image__in=images, tag__key__in=keys)
    return links.delete()[0]


def set_visibility(images: ImageQuerySet, visibility: str) -> int:
    """Raises InvalidVisibility."""
    if visibility not in Visibility.values:
        raise InvalidVisibility(value=visibility, choices=", ".join(Visibility.values))
    return images.update(visibility=visibility)


def move_to_trash(images: ImageQuerySet) -> int:
    """Hide the pictures from everyone; they can be brought back until the trash is emptied."""
    return images.live().update(trashed_at=timezone.now())


def restore(images: ImageQuerySet) -> int:
    """Bring pictures back from the trash."""
    return images.filter(trashed_at__isnull=False).update(trashed_at=None)


def delete_forever(images: ImageQuerySet) -> int:
    """Delete rows, then vectors, then the files that no other picture uses; return how many pictures.

    What leaves `images` before its turn, such as a picture that is brought back from the trash, stays.
    """
    return sum(_delete_batch(images, some) for some in _batches([int(image_id) for image_id in images.ids()]))


def empty_old_trash() -> int:
    """Delete what has lain in anybody's trash for longer than the settings say."""
    before = timezone.now() - timedelta(days=gallery().trash_days)
    return delete_forever(Image.objects.trashed_before(before))


def retry_failed(images: ImageQuerySet) -> int:
    """Put pictures that could not be embedded back into the queue and have them tried; return how many these are.

    What was wrong with the picture itself fails again, with its reason.
    """
    ids = requeue_failed(images)
    nudge(ids)
    return len(ids)


def requeue_failed(images: ImageQuerySet) -> list[int]:
    """Put pictures that could not be embedded back into the queue, and leave them there; return their ids."""
    ids = [int(image_id) for image_id in images.failed().ids()]
    for some in _batches(ids):
        Image.objects.failed().filter(pk__in=some).update(embed_error="")
    return ids


def embed_again(images: ImageQuerySet) -> int:
    """Forget the vectors of these pictures and queue them: they are found again once they are embedded."""
    ids = [int(image_id) for image_id in images.ids()]
    for some in _batches(ids):
        with search_index().removing(some):
            Image.objects.filter(pk__in=some).update(embedding_row=None, embed_error="")
    nudge(ids)
    return len(ids)


def _batches(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    return (ids[start : start + BATCH] for start in range(0, len(ids), BATCH))


def _delete_batch(images: ImageQuerySet, ids: Sequence[int]) -> int:
    ids = [int(image_id) for image_id in images.filter(pk__in=ids).ids()]
    if not ids:
        return 0
    contents = set(Image.objects.filter(pk__in=ids).values_list("sha256", "format"))
    with search_index().removing(ids):
        _total, per_model = images.filter(pk__in=ids).delete()  # asked once more: the lock may have been waited for
    for sha256, format in contents:
        delete_unused_files(sha256, format)
    nudge(Image.objects.pending().filter(pk__in=ids).values_list("pk", flat=True))  # stayed, but without its vector
    return per_model.get("gallery.Image", 0)
