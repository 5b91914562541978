"""What our admin pages have in common: errors as sentences, deletion outside a transaction, read-only models."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar, cast

from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.db.models import Count, IntegerField, Model, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.html import format_html
from django.utils.safestring import SafeString

from gallery.error_messages import known_error, sentence
from gallery.media_responses import thumbnail_address
from gallery.models import Actor, Image, ImageQuerySet, User
from gallery.views.actor import ActorRequest

M = TypeVar("M", bound=Model)
LOG_BATCH = 500  # rows per query: SQLite allows 32,766 variables in one statement


def signed_in(request: HttpRequest) -> User:
    """Return the member of staff: the admin lets nobody else in."""
    assert isinstance(request.user, User)  # noqa: S101 -- for the type checker
    return request.user


def actor_of(request: HttpRequest) -> Actor:
    """Return the member of staff as verbs want to know him: the middleware has named the door."""
    return cast(ActorRequest, request).actor


def curated_images(request: HttpRequest) -> ImageQuerySet:
    """Return what the signed-in member of staff may work on; the trash only for those who may change pictures."""
    return Image.objects.curated_by(actor_of(request))


def thumbnail_of(image: Image, *, size_px: int, alt: str = "") -> SafeString:
    """Return the picture as the site serves it, after asking who looks."""
    html = '<img class="thumbnail" src="{}" alt="{}" width="{}" height="{}" loading="lazy">'
    return format_html(html, thumbnail_address(image), alt, size_px, size_px)


def count_of(rows: QuerySet[Any], *, by: str) -> Coalesce:
    """Return an annotation: how many of `rows` name the object in their field `by`."""
    grouped: QuerySet[Any] = rows.filter(**{by: OuterRef("pk")}).order_by().values(by)
    return Coalesce(Subquery(grouped.annotate(total=Count("pk")).values("total")), 0, output_field=IntegerField())


class GalleryAdmin(admin.ModelAdmin[M]):
    """Says known errors as a message instead of an error page."""

    class Media:
        css = {"all": ["gallery/css/admin.css"]}

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

    def response_action(self, request: HttpRequest, queryset: QuerySet[M]) -> HttpResponse | None:  # type: ignore[override]
        with self.telling_errors(request):
            return super().response_action(request, queryset)
        return redirect(request.get_full_path())

    def note_change(self, request: HttpRequest, objects: Iterable[M], message: str) -> None:
        """Write one line into the history of each object."""
        LogEntry.objects.log_actions(
            user_id=signed_in(request).pk, queryset=objects, action_flag=CHANGE, change_message=message
        )


class WholeDeletionAdmin(GalleryAdmin[M]):
    """For models whose deletion takes pictures along: rows, vectors and files go together, through a service.

    Not inside a transaction, unlike Django's: the index takes its file lock first and the database second, and
    commits the rows before it clears the vectors. What is gone is logged once it is gone.
    """

    def delete_wholly(self, objects: QuerySet[M], *, by: Actor) -> None:
        raise NotImplementedError

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        with self.telling_errors(request):
            return self._delete_view(request, object_id, extra_context)  # type: ignore[attr-defined,no-any-return]
        return redirect(request.path)

    def delete_model(self, request: HttpRequest, obj: M) -> None:
        self._delete_and_log(request, self.model._default_manager.filter(pk=obj.pk))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[M]) -> None:
        self._delete_and_log(request, queryset)

    def log_deletions(self, request: HttpRequest, queryset: Iterable[M]) -> list[LogEntry]:
        """Nothing yet: Django calls this before the deletion, which may fail half-way."""
        return []

    def _delete_and_log(self, request: HttpRequest, queryset: QuerySet[M]) -> None:
        chosen = list(queryset.order_by("pk"))
        try:
            self.delete_wholly(queryset, by=actor_of(request))
        finally:
            for start in range(0, len(chosen), LOG_BATCH):
                self._log_the_gone(request, chosen[start : start + LOG_BATCH])

    def _log_the_gone(self, request: HttpRequest, objects: list[M]) -> None:
        left = self.model._default_manager.in_bulk([obj.pk for obj in objects])
        gone = [obj for obj in objects if obj.pk not in left]
        if gone:
            super().log_deletions(request, gone)  # type: ignore[arg-type]


class ReadOnlyAdmin(GalleryAdmin[M]):
    """For what the program itself writes."""

    actions = None

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        return False
