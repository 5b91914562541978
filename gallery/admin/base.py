"""What our admin pages have in common: errors as sentences, deletion outside a transaction, read-only models."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from django.contrib import messages
from django.db.models import Count, IntegerField, Model, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.html import format_html
from django.utils.safestring import SafeString

from gallery.error_messages import known_error, sentence
from gallery.media_responses import thumbnail_address
from gallery.models import Actor, Image, ImageQuerySet, User

from .audited import AuditedAdmin, actor_of

M = TypeVar("M", bound=Model)


def signed_in(request: HttpRequest) -> User:
    """Return the member of staff: the admin lets nobody else in."""
    assert isinstance(request.user, User)  # noqa: S101 -- for the type checker
    return request.user


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


class GalleryAdmin(AuditedAdmin[M]):
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

    actions = None

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        return False
