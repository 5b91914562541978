"""The pictures of an album, on its page in the admin."""

from collections.abc import Iterator
from typing import Any

from django import forms
from django.contrib import admin
from django.core.paginator import Page, Paginator
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_lazy

from gallery.models import Album, AlbumImage

from .base import curated_images, thumbnail_of
from .image_filters import is_id
from .quick_inputs import QuickInputs, attributes

PLACES_AT_A_TIME = 50
PART_PARAMETER = "places"


class OnlyChoice(forms.Select):
    """A list of one option, which is chosen; written without Django's templates, two for each."""

    def render(self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None) -> SafeString:
        ((key, label),) = self.choices
        html = '<select name="{}"{}><option value="{}" selected>{}</option></select>'
        return format_html(html, name, attributes(self.build_attrs(self.attrs, attrs)), str(key), label)


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
        self.fields["image"].widget = OnlyChoice(choices=[(image.pk, str(image))])
        self.fields["image"].disabled = True


class PlacesFormSet(forms.BaseInlineFormSet[AlbumImage, Album, AlbumImageForm]):
    """A part of an album's places: a form for each of hundreds would be slow, and more than a request may hold."""

    part_parameter = PART_PARAMETER

    def __init__(self, *args: Any, part: str = "1", **kwargs: Any) -> None:
        self.part = part
        super().__init__(*args, **kwargs)

    def get_queryset(self) -> QuerySet[AlbumImage]:
        """Return the places of the part; of a form that was sent, those that it is about."""
        return self._sent if self.is_bound else self.page.object_list  # type: ignore[return-value]

    @cached_property
    def page(self) -> Page[AlbumImage]:
        return Paginator(super().get_queryset(), PLACES_AT_A_TIME).get_page(self.part)

    @property
    def page_range(self) -> Iterator[str | int]:
        return self.page.paginator.get_elided_page_range(self.page.number)

    @cached_property
    def _sent(self) -> QuerySet[AlbumImage]:
        names = (f"{self.add_prefix(number)}-id" for number in range(self.initial_form_count()))
        ids = [int(value) for value in (self.data.get(name) or "" for name in names) if is_id(value)]
        return super().get_queryset().filter(pk__in=ids)

    def get_form_kwargs(self, index: int | None) -> dict[str, Any]:
        kwargs: dict[str, Any] = super().get_form_kwargs(index)
        return kwargs | {"renderer": QuickInputs()}

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
    template = "admin/gallery/album/places.html"
    fields = ["thumbnail", "image", "position"]
    readonly_fields = ["thumbnail"]
    autocomplete_fields = ["image"]
    extra = 0
    verbose_name = gettext_lazy("picture")
    verbose_name_plural = gettext_lazy("pictures")

    def get_queryset(self, request: HttpRequest) -> QuerySet[AlbumImage]:
        places = super().get_queryset(request).select_related("image", "album")
        curated = curated_images(request).filter(pk=OuterRef("image"))  # asked of each place: an album has few
        return places.filter(Exists(curated))

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
