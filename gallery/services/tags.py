"""Changing tags themselves, which changes every picture that carries them."""

from collections.abc import Iterable

from django.db import transaction

from gallery.models import Actor, AuditVerb, Tag

from .audit import Action, record, snapshots


def merge_tags(tags: Iterable[Tag], *, into: Tag, by: Actor) -> None:
    """Give every picture of these tags the tag `into`, and delete the other tags."""
    action = Action(by)
    others = [tag for tag in tags if tag.pk != into.pk]
    with transaction.atomic():
        before = snapshots(Tag, [tag.pk for tag in others], for_change=True)
        Tag.objects.merge(others, into=into)
        for tag in others:
            record(action, AuditVerb.MERGED, tag, before=before[tag.pk].state, after={"into": into.name})
        record(action, AuditVerb.MERGED, into, after={"merged": [tag.name for tag in others]})
