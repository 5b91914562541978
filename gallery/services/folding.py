"""Folding what came before names and descriptions were folded, beside whatever else the site does."""

from collections.abc import Callable

from django.db import transaction

from gallery.models import Image

AT_A_TIME = 1_000  # in one transaction: nobody waits long for it


def fold_waiting_texts(*, progress: Callable[[int], None] = lambda _count: None) -> int:
    """Fold the names and descriptions of all pictures that are not folded yet; return how many those were.

    It may be killed and run again, and run beside itself.
    """
    count = last_id = 0
    while ids := list(Image.objects.not_folded().filter(pk__gt=last_id).values_list("pk", flat=True)[:AT_A_TIME]):
        with transaction.atomic():
            images = Image.objects.filter(pk__in=ids).order_by("pk")
            images.select_for_update().fold_texts()  # so that what others write meanwhile comes after
        count, last_id = count + len(ids), ids[-1]
        progress(len(ids))
    return count
