"""Stars of one's own.

They are notes that nobody else sees and that change nothing of a picture, so they are not in the audit log.
"""

from django.core.exceptions import PermissionDenied
from django.db import transaction

from gallery.models import Actor, Favourite, Image


def add_favourite(image: Image, *, by: Actor) -> None:
    """Give a picture a star of one's own; one that it has already stays. No AuditEntry: it is one's own note.

    Raises PermissionDenied for who has no account or may not see the picture (any more).
    """
    with transaction.atomic():
        seen = Image.objects.visible_to(by).filter(pk=image.pk)
        if by.user is None or not seen.exists():
            raise PermissionDenied
        is_there = Image.objects.select_for_update(of=("self",), no_key=True).filter(pk=image.pk).first()
        if is_there is None:  # deleted a moment ago
            raise PermissionDenied
        Favourite.objects.bulk_create([Favourite(user=by.user, image=image)], ignore_conflicts=True)


def remove_favourite(image: Image, *, by: Actor) -> None:
    """Take one's own star away, if there is one. No AuditEntry: it is one's own note.

    Raises PermissionDenied for who has no account.
    """
    if by.user is None:
        raise PermissionDenied
    Favourite.objects.of(by).filter(image=image).delete()
