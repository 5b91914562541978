"""Searches that somebody comes back to: those with a name, and those that were asked last.

Both are their owner's alone, and no entry of the audit log tells of them. A visitor has none.
"""

from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from gallery.errors import TooManySavedSearches
from gallery.models import Actor, SavedSearch, SearchHistory, User

MAX_SAVED = 500
DAYS_TO_UNDO = 7


def save_search(query: str, *, name: str, by: Actor) -> SavedSearch:
    """Keep a search under a name. Raises TooManySavedSearches."""
    owner = _member(by)
    with transaction.atomic():
        User.objects.select_for_update().get(pk=owner.pk)  # of two at once one counts the other
        if SavedSearch.objects.visible_to(by).count() >= MAX_SAVED:
            raise TooManySavedSearches(limit=MAX_SAVED)
        return SavedSearch.objects.create(owner=owner, name=name, query=query)


def rename_search(saved: SavedSearch, *, name: str, by: Actor) -> None:
    SavedSearch.objects.editable_by(by).filter(pk=saved.pk).update(name=name)


def delete_search(saved: SavedSearch, *, by: Actor) -> None:
    """Delete a search, which can be undone for a while; what was deleted long ago goes for good."""
    now = timezone.now()
    SavedSearch.objects.editable_by(by).filter(pk=saved.pk).update(deleted_at=now)
    SavedSearch.objects.deleted_of(by).deleted_before(now - timedelta(days=DAYS_TO_UNDO)).delete()


def restore_search(saved: SavedSearch, *, by: Actor) -> None:
    SavedSearch.objects.deleted_of(by).filter(pk=saved.pk).update(deleted_at=None)


def recent_searches(*, by: Actor) -> list[str]:
    """Return what `by` asked last, newest first."""
    return [] if by.user is None else list(SearchHistory.objects.of(by.user).queries)


def keeps_recent_searches(*, by: Actor) -> bool:
    return by.user is not None and SearchHistory.objects.of(by.user).is_kept


def remember_search(query: str, *, by: Actor) -> None:
    """Put a search first among those that `by` asked last. The same again writes nothing."""
    if by.user is None:
        return
    history = SearchHistory.objects.of(by.user)
    if history.remember(query):
        history.save()


def forget_recent_searches(*, by: Actor) -> None:
    SearchHistory.objects.filter(owner=_member(by)).update(queries=[])


def keep_recent_searches(is_kept: bool, *, by: Actor) -> None:
    """Switch the history on, or off, which forgets it."""
    SearchHistory.objects.update_or_create(owner=_member(by), defaults={"is_kept": is_kept, "queries": []})


def _member(by: Actor) -> User:
    if by.user is None:
        raise ValueError("only an account has searches of its own")
    return by.user
