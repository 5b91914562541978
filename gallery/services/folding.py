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
    while ids := _waiting(last_id):
        _fold(ids)
        progress(len(ids))
        count, last_id = count + len(ids), ids[-1]
    return count


def fold_some_texts(place: int) -> int | None:
    """Do a portion of that: of the pictures with higher ids than `place`; return the next place, None at the end."""
    if place == 0 and FoldedText.objects.are_complete():
        return None
    ids = _waiting(place)
    _fold(ids)
    return ids[-1] if len(ids) == AT_A_TIME else None


def _waiting(last_id: int) -> list[int]:
    return list(Image.objects.not_folded().filter(pk__gt=last_id).values_list("pk", flat=True)[:AT_A_TIME])


def _fold(ids: list[int]) -> None:
    with transaction.atomic():
        images = Image.objects.filter(pk__in=ids).order_by("pk")
        images.select_for_update().fold_texts()  # so that what others write meanwhile comes after
