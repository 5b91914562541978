"""Folding what came before names and descriptions were folded, beside whatever else the site does."""

from collections.abc import Callable

from django.db import transaction

from gallery.models import FoldedText, Image

AT_A_TIME = 1_000  # in one transaction: nobody waits long for it


def waiting_text_count() -> int:
    """Return how many pictures' names and descriptions are not folded yet, mostly none."""
    return 0 if FoldedText.objects.are_complete() else Image.objects.not_folded().count()


def fold_waiting_texts(*, progress: Callable[[int], None] = lambda _count: None) -> int:
    """Fold the names and descriptions of all pictures that are not folded yet; return how many those were.

    It may be killed and run again, and run beside itself.
    """
    count = last_id = 0
    if FoldedText.objects.are_complete():
        return count
    while ids := list(Image.objects.not_folded().filter(pk__gt=last_id).values_list("pk", flat=True)[:AT_A_TIME]):
        with transaction.atomic():
            images = Image.objects.filter(pk__in=ids).order_by("pk")
            images.select_for_update().fold_texts()  # so that what others write meanwhile comes after
        count, last_id = count + len(ids), ids[-1]
        progress(len(ids))
    return count
