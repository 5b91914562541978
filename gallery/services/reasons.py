"""Why the images of a page of results were found: the same number of queries for any number of them."""

from collections.abc import Collection, Sequence
from typing import Final

from django.db.models import Case, Q, Value, When

from gallery.models import Actor, Album, AlbumImage, Image, RecognisedText, RecognisedThings
from gallery.models.search_conditions import condition_q
from gallery.retrieval.reasons import FoundImage, Reason, asks_for_albums, asks_for_text, reasons_of, uncertain
from gallery.retrieval.tree import Node

Reasons = dict[int, tuple[Reason, ...]]
NOBODY: Final[frozenset[Node]] = frozenset()


def reasons_for(tree: Node, images: Sequence[Image], *, compared: Collection[int], by: Actor) -> Reasons:
    """Return why a search found each of these images, by its id; `compared` are those that have a score.

    The images come with their tags.
    """
    ids = [image.pk for image in images]
    things = RecognisedThings.objects.seen_in(compared) if compared else {}
    albums = _albums_of(ids, by) if ids and asks_for_albums(tree) else {}
    lines = RecognisedText.objects.lines_of(ids) if ids and asks_for_text(tree) else {}
    holding = _holding(tree, ids, by)
    return {
        image.pk: reasons_of(
            tree,
            FoundImage(
                name=image.original_name,
                description=image.description,
                tags=tuple(tag.name for tag in image.tags.all()),
                albums=tuple(albums.get(image.pk, ())),
                things=frozenset(thing.name for thing in things.get(image.pk, ()) if thing.is_sure),
                lines=lines.get(image.pk, ()),
                is_compared=image.pk in compared,
                holds=holding.get(image.pk, NOBODY),
            ),
        )
        for image in images
    }


def _albums_of(image_ids: Sequence[int], by: Actor) -> dict[int, list[str]]:
    """Return the titles of the albums that show each image, of those that the actor may see."""
    places = AlbumImage.objects.shown().filter(image__in=image_ids, album__in=Album.objects.visible_to(by))
    found: dict[int, list[str]] = {}
    for image_id, title in places.order_by("album__title", "pk").values_list("image", "album__title"):
        found.setdefault(image_id, []).append(title)
    return found


def _holding(tree: Node, image_ids: Sequence[int], by: Actor) -> dict[int, frozenset[Node]]:
    """Return which of the uncertain parts of a search are true of each image, by one query."""
    parts = uncertain(tree)
    if not parts or not image_ids:
        return {}
    answers = {f"part_{number}": _truth(condition_q(part, by=by)) for number, part in enumerate(parts)}
    rows = Image.objects.filter(pk__in=image_ids).order_by().annotate(**answers).values_list("pk", *answers)
    return {pk: frozenset(part for part, is_true in zip(parts, truths, strict=True) if is_true) for pk, *truths in rows}


def _truth(condition: Q) -> Case:
    return Case(When(condition, then=Value(True)), default=Value(False))
