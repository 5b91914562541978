"""What our admin pages have in common: errors as sentences, deletion outside a transaction, read-only models."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import reduce
from operator import or_
from typing import Any, TypeVar

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import smart_split, unescape_string_literal
from django.utils.translation import gettext

from gallery.error_messages import known_error, sentence
from gallery.media_responses import thumbnail_address
from gallery.models import Actor, Image, ImageQuerySet, User
from gallery.search_index import search_index
from gallery.search_index.lists import Lists
from gallery.text.chinese import written_otherwise
from gallery.text.folding import folded

from .audited import AuditedAdmin, actor_of
from .change_lists import GalleryChangeList
from .plain_fields import PLAIN_FIELDS

M = TypeVar("M", bound=Model)
LISTS_ATTRIBUTE = "lists_of_one_moment"


def signed_in(request: HttpRequest) -> User:
    """Return the member of staff: the admin lets nobody else in."""
    assert isinstance(request.user, User)  # noqa: S101 -- for the type checker
    return request.user


def curated_images(request: HttpRequest) -> ImageQuerySet:
    """Return what the signed-in member of staff may work on; the trash only for those who may change pictures."""
    return Image.objects.curated_by(actor_of(request))


def lists_for(request: HttpRequest) -> Lists:
    """Return the index's lists as they are at one moment of the request, whatever parts of a page ask."""
    if not hasattr(request, LISTS_ATTRIBUTE):
        setattr(request, LISTS_ATTRIBUTE, search_index().lists.of_one_moment())
    lists: Lists = getattr(request, LISTS_ATTRIBUTE)
    return lists


def thumbnail_of(image: Image, *, size_px: int, alt: str = "") -> SafeString:
    """Return the picture as the site serves it, after asking who looks."""
    html = '<img class="thumbnail" src="{}" alt="{}" width="{}" height="{}" loading="lazy">'
    return format_html(html, thumbnail_address(image), alt, size_px, size_px)


def words_of(search_term: str) -> list[str]:
    """Return the words of a search, of which each must be found; what stands in quotes is one."""
    return [
        unescape_string_literal(word) if word[0] in "\"'" and word[0] == word[-1] and len(word) > 1 else word
        for word in smart_split(search_term)
    ]


class GalleryAdmin(AuditedAdmin[M]):
    """Says known errors as a message instead of an error page, and finds words whatever their case and marks.

    `search_fields` whose column is called `folded_...` hold folded text. Texts are taken as all doors take them.
    """

    formfield_overrides = PLAIN_FIELDS

    class Media:
        css = {"all": ["gallery/css/admin.css"]}

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[GalleryChangeList]:
        return GalleryChangeList

    @contextmanager
    def telling_errors(self, request: HttpRequest) -> Iterator[None]:
        """Tell the curator of an error that a person can act on; let a defect of ours through."""
        try:
            yield
        except Exception as error:
            known = known_error(error)
            if known is None:
                raise
            self.message_user(request, sentence(known), messages.ERROR)

    @admin.display(description=mark_safe('<input type="checkbox" id="action-toggle">'))
    def action_checkbox(self, obj: M) -> SafeString:
        """Return Django's checkbox without a form's template, which would be half of a page's time."""
        label = format_html(gettext("Select this object for an action - {}"), obj)
        html = '<input type="checkbox" name="{}" value="{}" aria-label="{}" class="action-select">'
        return format_html(html, ACTION_CHECKBOX_NAME, str(obj.pk), label)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[M], search_term: str
    ) -> tuple[QuerySet[M], bool]:
        for word in words_of(search_term) if self.search_fields else ():
            queryset = queryset.filter(self.has_word(word))
        return queryset, False

    def has_word(self, word: str) -> Q:
        """Return the condition that one of `search_fields` has this in it."""
        return reduce(or_, (contains(str(field), word) for field in self.search_fields))

    def response_action(self, request: HttpRequest, queryset: QuerySet[M]) -> HttpResponse | None:  # type: ignore[override]
        with self.telling_errors(request):
            return super().response_action(request, queryset)
        return redirect(request.get_full_path())


def contains(field: str, word: str) -> Q:
    """Return the condition that a field has this in it, a folded one whatever the characters of Chinese."""
    if field.rpartition("__")[2].startswith("folded_"):
        spellings = sorted(written_otherwise(word))
        return reduce(or_, (Q((f"{field}__contains", folded(one) or one)) for one in spellings))
    return Q((f"{field}__icontains", word))


class WholeDeletionAdmin(GalleryAdmin[M]):
    """For models whose deletion takes pictures along: rows, vectors and files go together, through a service.

    Not inside a transaction, unlike Django's: the index takes its file lock first and the database second, and
    commits the rows, and what is written down of them, before it clears the vectors.
    """

    def delete_wholly(self, objects: QuerySet[M], *, by: Actor) -> None:
        raise NotImplementedError

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        with self.telling_errors(request):
            return self._delete_view(request, object_id, extra_context)  # type: ignore[attr-defined,no-any-return]
        return redirect(request.path)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[M]) -> None:
        self.delete_wholly(queryset, by=actor_of(request))


class ReadOnlyAdmin(GalleryAdmin[M]):
    """For what the program itself writes."""

    actions: Sequence[str] | None = None

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        return False
