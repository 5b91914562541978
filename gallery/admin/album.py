from collections.abc import Collection
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_lazy

from gallery.models import Album, AlbumImage
from gallery.search_index import search_index

from .audited import actor_of
from .base import GalleryAdmin, curated_images, thumbnail_of
from .counted_list import CountedChangeList, Counts


class AlbumImageForm(forms.ModelForm[AlbumImage]):
    class Meta:
        model = AlbumImage
        fields = ("image", "position")
        labels = {"image": gettext_lazy("file name")}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk and "image" in self.fields:
            self._fix_the_image()

    def _fix_the_image(self) -> None:
        """Show the picture that is there as a fact: a place is moved or removed, and a chooser would ask per row."""
        image = self.instance.image
        self.fields["image"].widget = forms.Select(choices=[(image.pk, str(image))])
        self.fields["image"].disabled = True


class PlacesFormSet(forms.BaseInlineFormSet[AlbumImage, Album, AlbumImageForm]):
    def clean(self) -> None:
        super().clean()
        for form in self.forms:
            image = form.cleaned_data.get("image") if form.is_valid() else None
            if image is not None and not self.instance.shows_images_of(image.owner_id):
                form.add_error(
                    "image", gettext("This picture belongs to another user. An album shows only its owner's pictures.")
                )


class AlbumImageInline(admin.TabularInline[AlbumImage, Album]):
    """The rights on an album are the rights on its places."""

    model = AlbumImage
    form = AlbumImageForm
    formset = PlacesFormSet  # type: ignore[assignment]
    fields = ["thumbnail", "image", "position"]
    readonly_fields = ["thumbnail"]
    autocomplete_fields = ["image"]
    extra = 0
    verbose_name = gettext_lazy("picture")
    verbose_name_plural = gettext_lazy("pictures")

    def get_queryset(self, request: HttpRequest) -> QuerySet[AlbumImage]:
        places = super().get_queryset(request).select_related("image", "album")
        return places.filter(image__in=curated_images(request).order_by().values("pk"))

    @admin.display(description=gettext_lazy("picture"))
    def thumbnail(self, place: AlbumImage) -> SafeString | str:
        return thumbnail_of(place.image, size_px=48) if place.pk else ""

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._on_album("view", request, obj)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._on_album("add" if obj is None else "change", request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._on_album("change", request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._on_album("change", request, obj)

    def _on_album(self, right: str, request: HttpRequest, album: Album | None) -> bool:
        admin = self.admin_site.get_model_admin(Album)
        if right == "add":
            return admin.has_add_permission(request)
        return admin.has_change_permission(request, album) if right == "change" else admin.has_view_permission(request)


@admin.register(Album)
class AlbumAdmin(GalleryAdmin[Album]):
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
            "image_count": search_index().lists.album_counts(curated_images(request), ids),
            "member_count": dict(members.annotate(members=Count("pk"))),
        }

    def get_readonly_fields(self, request: HttpRequest, obj: Album | None = None) -> list[str]:
        return ["created_at"] if obj is None else ["created_at", "owner"]

    def has_change_permission(self, request: HttpRequest, obj: Album | None = None) -> bool:
        is_within_reach = obj is None or Album.objects.editable_by(actor_of(request)).contains(obj)
        return super().has_change_permission(request, obj) and is_within_reach

    def has_delete_permission(self, request: HttpRequest, obj: Album | None = None) -> bool:
        is_within_reach = obj is None or Album.objects.deletable_by(actor_of(request)).contains(obj)
        return super().has_delete_permission(request, obj) and is_within_reach

    @admin.display(description=gettext_lazy("pictures"), ordering="image_count")
    def image_count(self, album: Album) -> int:
        count: int = album.image_count  # type: ignore[attr-defined]
        return count

    @admin.display(description=gettext_lazy("members"), ordering="member_count")
    def member_count(self, album: Album) -> int:
        count: int = album.member_count  # type: ignore[attr-defined]
        return count
