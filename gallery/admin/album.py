from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from django.contrib import admin
from django.db.models import Count, Model, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy

from gallery.models import Album, AlbumImage

from .album_places import PART_PARAMETER, AlbumImageInline
from .audited import actor_of
from .base import GalleryAdmin, curated_images, lists_for
from .counted_deletion import CountedDeletion
from .counted_list import CountedChangeList, Counts


@admin.register(Album)
class AlbumAdmin(CountedDeletion[Album], GalleryAdmin[Album]):
    """Albums that the curator may see. The owner is chosen once: pictures of others could not be shown."""

    list_display = ["title", "owner", "image_count", "member_count", "created_at"]
    list_select_related = ["owner"]
    search_fields = ["folded_text", "owner__folded_username"]
    search_help_text = gettext_lazy("Title, description or owner")
    date_hierarchy = "created_at"
    autocomplete_fields = ["owner", "members"]
    fields = ["title", "owner", "description", "members", "created_at"]
    inlines = [AlbumImageInline]
    counted = ("image_count", "member_count")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Album]:
        return Album.objects.visible_to(actor_of(request))

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[CountedChangeList]:
        return CountedChangeList

    def counts(self, request: HttpRequest, ids: Collection[int]) -> Counts:
        members = Album.members.through.objects.filter(album__in=ids).order_by().values_list("album")
        return {
            "image_count": lists_for(request).album_counts(curated_images(request), ids),
            "member_count": dict(members.annotate(members=Count("pk"))),
        }

    def get_formset_kwargs(self, request: HttpRequest, obj: Album, inline: Any, prefix: str) -> dict[str, Any]:
        kwargs: dict[str, Any] = super().get_formset_kwargs(request, obj, inline, prefix)
        return kwargs | {"part": request.GET.get(PART_PARAMETER, "1")}

    def get_readonly_fields(self, request: HttpRequest, obj: Album | None = None) -> list[str]:
        return ["created_at"] if obj is None else ["created_at", "owner"]

    def has_change_permission(self, request: HttpRequest, obj: Album | None = None) -> bool:
        return super().has_change_permission(request, obj) and (obj is None or _is_editable(request, obj))

    def has_delete_permission(self, request: HttpRequest, obj: Album | None = None) -> bool:
        return super().has_delete_permission(request, obj) and (obj is None or _is_deletable(request, obj))

    def going_along(self, request: HttpRequest, ids: Collection[int]) -> Mapping[type[Model], int]:
        links = (AlbumImage, Album.members.through)
        return {model: model._default_manager.filter(album__in=ids).count() for model in links}

    def lacking_rights(self, request: HttpRequest, things: Collection[Album], going: Iterable[type[Model]]) -> set[str]:
        """Ask once about all of them."""
        may_delete = Album.objects.deletable_by(actor_of(request)).filter(pk__in=[album.pk for album in things])
        is_lacking = not super().has_delete_permission(request) or may_delete.count() < len(things)
        return {str(self.opts.verbose_name)} if is_lacking else set()

    @admin.display(description=gettext_lazy("pictures"), ordering="image_count")
    def image_count(self, album: Album) -> int:
        count: int = album.image_count  # type: ignore[attr-defined]
        return count

    @admin.display(description=gettext_lazy("members"), ordering="member_count")
    def member_count(self, album: Album) -> int:
        count: int = album.member_count  # type: ignore[attr-defined]
        return count


def _is_editable(request: HttpRequest, album: Album) -> bool:
    return _asked_once(request, "editable", album, lambda: Album.objects.editable_by(actor_of(request)).contains(album))


def _is_deletable(request: HttpRequest, album: Album) -> bool:
    return _asked_once(
        request, "deletable", album, lambda: Album.objects.deletable_by(actor_of(request)).contains(album)
    )


def _asked_once(request: HttpRequest, right: str, album: Album, ask: Callable[[], bool]) -> bool:
    """Ask once in a request that reads: a page of Django's admin asks a dozen times."""
    if request.method not in ("GET", "HEAD"):
        return ask()
    answers: dict[tuple[str, int], bool] = request.__dict__.setdefault("rights_on_albums", {})
    key = right, album.pk
    if key not in answers:
        answers[key] = ask()
    return answers[key]
