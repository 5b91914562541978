from collections.abc import Callable
from datetime import datetime
from typing import Any, Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from . import access
from .actor import Actor
from .user import User

MAX_NAME_CHARACTERS = 200
MAX_RECENT = 20


class SavedSearchQuerySet(models.QuerySet["SavedSearch"]):
    def visible_to(self, actor: Actor) -> Self:
        """The actor's own; nobody else's, not even for curators."""
        return self.filter(access.is_own(actor), deleted_at=None)

    def editable_by(self, actor: Actor) -> Self:
        return self.visible_to(actor)

    def deleted_of(self, actor: Actor) -> Self:
        """Those that the actor has deleted and can still bring back."""
        return self.filter(access.is_own(actor)).exclude(deleted_at=None)

    def deleted_before(self, moment: datetime) -> Self:
        return self.filter(deleted_at__lt=moment)


class SavedSearch(models.Model):
    """A search that somebody gave a name: what stands behind `?` in the address of its page.

    It is its owner's bookmark: nobody else sees it, and the audit log does not tell of it.
    """

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="saved_searches")
    name = models.CharField(_("name"), max_length=MAX_NAME_CHARACTERS)
    query = models.TextField()
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    deleted_at = models.DateTimeField(null=True)

    objects = SavedSearchQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-pk"]
        default_permissions = ()
        verbose_name = _("saved search")
        verbose_name_plural = _("saved searches")
        constraints = [models.CheckConstraint(condition=~Q(name=""), name="saved_search_name_not_empty")]
        indexes = [models.Index(fields=["owner", "-created_at", "-id"], name="saved_searches_of_owner")]

    def __str__(self) -> str:
        return self.name


class SearchHistoryQuerySet(models.QuerySet["SearchHistory"]):
    def of(self, owner: User) -> "SearchHistory":
        """Return the history of an account, an empty one where it has none yet."""
        return self.filter(owner=owner).first() or SearchHistory(owner=owner)


class SearchHistory(models.Model):
    """What an account searched for last, newest first: as `SavedSearch.query`. Only its owner sees it."""

    owner = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="search_history"
    )
    is_kept = models.BooleanField(default=True)
    queries = models.JSONField(default=list)

    objects = SearchHistoryQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        verbose_name = _("search history")
        verbose_name_plural = _("search histories")

    def __str__(self) -> str:
        return str(self.owner)

    def remember(self, query: str, *, is_same: Callable[[str], bool]) -> bool:
        """Put a search first, in place of what asks the same. Say whether that changes anything."""
        queries: list[Any] = [query, *(other for other in self.queries if not is_same(other))][:MAX_RECENT]
        if not self.is_kept or queries == self.queries:
            return False
        self.queries = queries
        return True
