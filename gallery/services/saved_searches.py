"""Searches that somebody comes back to: those with a name, and those that were asked last.

Both are their owner's alone, and no entry of the audit log tells of them. A visitor has none.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from django.db import connection, transaction
from django.http import QueryDict
from django.utils import timezone

from gallery.errors import TooManySavedSearches
from gallery.models import Actor, SavedSearch, SearchHistory, User
from gallery.text.folding import folded

MAX_SAVED = 500
DAYS_TO_UNDO = 7
MOST_WAITED_MS = 200  # by a search that is to be remembered
OFFERED = 4  # of each kind, before anything is typed
OFFERED_BEHIND_WORDS = 2
BESIDE_TEXT = frozenset({"order", "top", "view"})  # of an address: what changes nothing of what is asked


@dataclass(frozen=True, slots=True)
class SearchKept:
    """A search to come back to: what stands behind the `?` of its page, its text, and its name where it is saved."""

    query: str
    text: str
    name: str

    @property
    def is_saved(self) -> bool:
        return bool(self.name)


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


def searches_beginning(typed: str, *, by: Actor) -> list[SearchKept]:
    """Return a few searches of `by`, the newest first: saved ones with such a word in their names, then recent ones.

    Recent ones begin so, and ask for no more than a text, which is all that tells them.
    """
    if by.user is None:
        return []
    beginning = folded(typed)
    most = OFFERED_BEHIND_WORDS if beginning else OFFERED
    saved = SavedSearch.objects.visible_to(by).values_list("name", "query")
    named = [(name, query) for name, query in saved if _has_word(folded(name), beginning)][:most]
    offered = {query for _name, query in named}
    recent = [SearchKept(query, text, "") for query, text in _texts_of(recent_searches(by=by)) if query not in offered]
    begun = [kept for kept in recent if folded(kept.text).startswith(beginning) and kept.text != typed]
    return [*(SearchKept(query, QueryDict(query).get("q", ""), name) for name, query in named), *begun[:most]]


def _has_word(name: str, beginning: str) -> bool:
    return name.startswith(beginning) or f" {beginning}" in name


def _texts_of(queries: list[str]) -> Iterator[tuple[str, str]]:
    for query in queries:
        asked = QueryDict(query)
        text = asked.get("q", "")
        if text and asked.keys() <= {"q", *BESIDE_TEXT}:
            yield query, text


def remember_search(query: str, *, by: Actor) -> None:
    """Put a search first among those that `by` asked last. The same again writes nothing; in another order, it takes
    the place of the first.

    Raises OperationalError where somebody else writes to SQLite for longer than MOST_WAITED_MS.
    """
    if by.user is None:
        return
    history = SearchHistory.objects.of(by.user)
    asked = _asked(query)
    if history.remember(query, is_same=lambda other: _asked(other) == asked):
        with _waiting_briefly():
            history.save()


def _asked(query: str) -> dict[str, list[str]]:
    """Return what a search asks for, however its results are shown."""
    fields = QueryDict(query).lists()
    return {name: [value.strip() for value in values] for name, values in fields if name not in BESIDE_TEXT}


@contextmanager
def _waiting_briefly() -> Iterator[None]:
    """Let the body wait no longer than MOST_WAITED_MS for whoever writes to SQLite: a page would wait with it."""
    if connection.vendor != "sqlite":  # there nobody waits but for the row itself
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA busy_timeout")
        [usual_ms] = cursor.fetchone()
        cursor.execute(f"PRAGMA busy_timeout = {MOST_WAITED_MS}")
        try:
            yield
        finally:
            cursor.execute(f"PRAGMA busy_timeout = {usual_ms}")


def forget_recent_searches(*, by: Actor) -> None:
    SearchHistory.objects.filter(owner=_member(by)).update(queries=[])


def keep_recent_searches(is_kept: bool, *, by: Actor) -> None:
    """Switch the history on, or off, which forgets it."""
    SearchHistory.objects.update_or_create(owner=_member(by), defaults={"is_kept": is_kept, "queries": []})


def _member(by: Actor) -> User:
    if by.user is None:
        raise ValueError("only an account has searches of its own")
    return by.user
