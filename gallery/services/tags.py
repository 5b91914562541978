"""Tags themselves: which ones pictures carry, and changing them, which changes every picture that carries them."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db import transaction

from gallery.models import Actor, AuditVerb, Image, Tag
from gallery.search_index import search_index

from .audit import Action, record, snapshots

TAG_ORDER = ("-image_count", "key")
FEW_TAGS = 1_000  # in one statement; more are found faster among all of them


@dataclass(frozen=True, slots=True)
class UsedTag:
    """A tag and how many pictures carry it, of those that somebody may see."""

    name: str
    key: str
    image_count: int


def used_tags(*, by: Actor) -> list[UsedTag]:
    """Return the tags of the pictures that `by` may see, in TAG_ORDER: the commonest first."""
    counts = search_index().lists.tag_counts(Image.objects.visible_to(by))
    tags = Tag.objects.filter(pk__in=counts) if len(counts) <= FEW_TAGS else Tag.objects.all()
    rows = tags.order_by().values_list("pk", "name", "key").iterator()
    found = [UsedTag(name, key, counts[pk]) for pk, name, key in rows if pk in counts]
    return sorted(found, key=lambda tag: (-tag.image_count, tag.key))


def merge_tags(tags: Iterable[Tag], *, into: Tag, by: Actor) -> None:
    """Give every picture of these tags the tag `into`, and delete the other tags."""
    action = Action(by)
    others = [tag for tag in tags if tag.pk != into.pk]
    with transaction.atomic():
        before = snapshots(Tag, [tag.pk for tag in others], for_change=True)
        others = [tag for tag in others if tag.pk in before]  # another may have merged or deleted one since
        Tag.objects.merge(others, into=into)
        for tag in others:
            record(action, AuditVerb.MERGED, tag, before=before[tag.pk].state, after={"into": into.name})
        record(action, AuditVerb.MERGED, into, after={"merged": [tag.name for tag in others]})
