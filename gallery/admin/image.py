from contextlib import nullcontext
from http import HTTPStatus
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import F, Q, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.timezone import localtime
from django.utils.translation import gettext, gettext_lazy, pgettext_lazy

from gallery.byte_amounts import bytes_in_words
from gallery.error_messages import as_validation_error, stored_sentence
from gallery.errors import TooManyTags
from gallery.models import Actor, Image, ImageQuerySet, RecognisedText, RecognisedThings, Tag
from gallery.models.search_filters import identified_q, labelled_q
from gallery.recognised import not_read_yet, recognised_in_words
from gallery.services.curation import delete_forever
from gallery.text.tag_names import MAX_TAGS_PER_IMAGE

from .base import curated_images, lists_for, thumbnail_of
from .image_actions import ImageActions
from .image_filters import (
    AddedFilter,
    FormatFilter,
    OwnerFilter,
    SearchStatusFilter,
    TagFilter,
    TrashFilter,
    VisibilityFilter,
)
from .image_list import ImageChangeList, ImagePaginator
from .image_search import begin_search, is_searched_by_list, search_of

EXIF_LABELS = {
    "camera_make": gettext_lazy("camera make"),
    "camera_model": gettext_lazy("camera model"),
    "lens_model": gettext_lazy("lens"),
    "exposure_s": gettext_lazy("exposure in seconds"),
    "f_number": gettext_lazy("aperture (f-number)"),
    "iso": gettext_lazy("ISO"),
    "focal_length_mm": gettext_lazy("focal length in mm"),
    "rating": gettext_lazy("rating in stars"),
    "shown": gettext_lazy("shown of the raw file"),
}


class ImageAdminForm(forms.ModelForm[Image]):
    def clean_tags(self) -> QuerySet[Tag]:
        tags: QuerySet[Tag] = self.cleaned_data["tags"]
        if len(tags) > MAX_TAGS_PER_IMAGE:
            raise as_validation_error(TooManyTags(count=len(tags), limit=MAX_TAGS_PER_IMAGE))
        return tags


@admin.register(Image)
class ImageAdmin(ImageActions):
    """A picture's facts are read-only, its owner stays, and new ones come through the site's upload page."""

    form = ImageAdminForm
    list_display = [
        "thumbnail",
        "original_name",
        "owner",
        "visibility",
        "status",
        "tag_names",
        "file_facts",
        "added",
    ]
    list_display_links = ["thumbnail", "original_name"]
    list_select_related = ["owner"]
    list_filter = [
        SearchStatusFilter,
        TrashFilter,
        ("visibility", VisibilityFilter),
        FormatFilter,
        ("created_at", AddedFilter),
        OwnerFilter,
        TagFilter,
    ]
    list_per_page = 50
    search_fields = ["folded_text__text", "tags__folded_name", "md5"]
    search_help_text = gettext_lazy(
        "What the picture shows, words of its name, description or tags, its number or MD5, filters such as is:failed"
    )
    date_hierarchy = "created_at"
    autocomplete_fields = ["tags"]
    fieldsets = [
        (
            None,
            {
                "fields": [
                    "preview",
                    "original_name",
                    "owner",
                    "description",
                    "tags",
                    "visibility",
                    "gives_whole_original",
                ]
            },
        ),
        (gettext_lazy("State"), {"fields": ["search_state", "created_at", "trashed_at"]}),
        (
            gettext_lazy("Facts"),
            {
                "fields": [
                    *("format", "dimensions", "frame_count", "size", "taken", "recognised", "text"),
                    *("md5", "sha256", "exif_table"),
                ]
            },
        ),
    ]
    editable = ("description", "tags", "visibility")

    def get_queryset(self, request: HttpRequest) -> ImageQuerySet:
        return curated_images(request).prefetch_related("tags")

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        search = begin_search(request)
        with nullcontext() if search is None else search.being_asked():
            response = super().changelist_view(request, extra_context)
        if search is not None and search.sentences and response.status_code == HTTPStatus.OK:
            response.status_code = search.status
        return response

    def response_action(self, request: HttpRequest, queryset: QuerySet[Image]) -> HttpResponse | None:  # type: ignore[override]
        """Do nothing to a list that is not what its search asks for."""
        search = search_of(request)
        if search is None or not search.sentences:
            return super().response_action(request, queryset)
        self.message_user(request, " ".join(search.sentences), messages.ERROR)
        return redirect(request.get_full_path())

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Image], search_term: str
    ) -> tuple[QuerySet[Image], bool]:
        """Find by words, as choosers ask; the list itself asks more of its box."""
        if is_searched_by_list(request):
            return queryset, False
        return super().get_search_results(request, queryset, search_term)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ImageChangeList]:
        return ImageChangeList

    def get_paginator(self, request: HttpRequest, queryset: Any, *options: Any, **named: Any) -> ImagePaginator:
        return ImagePaginator(queryset, *options, **named, lists=lists_for(request))

    def has_word(self, word: str) -> Q:
        return labelled_q(word) | identified_q(word)

    def get_readonly_fields(self, request: HttpRequest, obj: Image | None = None) -> list[str]:
        shown = [name for _title, options in self.fieldsets for name in options["fields"]]
        return [str(name) for name in shown if name not in self.editable]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # the upload page checks, stores and embeds; a row alone would be a picture without a file

    def view_on_site(self, obj: Image) -> str | None:
        return None if obj.trashed_at else obj.get_absolute_url()

    def save_model(self, request: HttpRequest, obj: Image, form: ModelForm[Image], change: bool) -> None:
        """Save what the form changes and no more: a vector may have been committed since the page was opened."""
        obj.save(update_fields=["description", "visibility"])

    def delete_wholly(self, objects: QuerySet[Image], *, by: Actor) -> None:
        delete_forever(Image.objects.filter(pk__in=objects.order_by().values("pk")), by=by)

    # Columns and facts

    @admin.display(description=gettext_lazy("picture"))
    def thumbnail(self, image: Image) -> SafeString:
        return thumbnail_of(image, size_px=64, alt=image.original_name)

    @admin.display(description=gettext_lazy("picture"))
    def preview(self, image: Image) -> SafeString:
        return thumbnail_of(image, size_px=240, alt=image.original_name)

    @admin.display(description=gettext_lazy("search status"), ordering=F("embedding_row").asc(nulls_first=True))
    def status(self, image: Image) -> str:
        label = image.search_status.label
        return str(label) if image.trashed_at is None else gettext("%(status)s, in the trash") % {"status": label}

    @admin.display(description=gettext_lazy("tags"))
    def tag_names(self, image: Image) -> str:
        return ", ".join(tag.name for tag in image.tags.all())

    @admin.display(description=gettext_lazy("file"), ordering="size_bytes")
    def file_facts(self, image: Image) -> SafeString:
        facts = (image.format_label, self.dimensions(image), self.size(image))
        return format_html_join(", ", '<span class="nowrap">{}</span>', ((fact,) for fact in facts))

    @admin.display(description=gettext_lazy("size"), ordering="size_bytes")
    def size(self, image: Image) -> str:
        return bytes_in_words(image.size_bytes)

    @admin.display(description=gettext_lazy("pixels"), ordering="width_px")
    def dimensions(self, image: Image) -> str:
        return f"{image.width_px} × {image.height_px}"

    @admin.display(description=pgettext_lazy("when", "added"), ordering="created_at")
    def added(self, image: Image) -> str:
        return date_format(localtime(image.created_at), "SHORT_DATE_FORMAT")

    @admin.display(description=gettext_lazy("taken"), ordering="taken_at")
    def taken(self, image: Image) -> str:
        if image.taken_wall_clock is None:
            return "-"
        shown = date_format(image.taken_wall_clock, "DATETIME_FORMAT")
        return f"{shown} ({image.taken_offset})" if image.taken_offset else shown

    @admin.display(description=gettext_lazy("recognised"))
    def recognised(self, image: Image) -> str:
        return recognised_in_words(RecognisedThings.objects.told_of(image) or ()) or "-"

    @admin.display(description=gettext_lazy("text in the picture"))
    def text(self, image: Image) -> str | SafeString:
        read = RecognisedText.objects.told_of(image)
        if read is None:
            return not_read_yet()
        if read.error is not None:
            return stored_sentence(read.error)
        return format_html_join(mark_safe("<br>"), "{}", ((line.text,) for line in read.lines)) or "-"

    @admin.display(description=gettext_lazy("search"))
    def search_state(self, image: Image) -> str:
        if image.is_searchable:
            return gettext("Searchable: its vector is in the index.")
        if image.failure is None:
            return gettext("Waiting to be embedded.")
        return gettext("Not searchable: %(reason)s") % {"reason": stored_sentence(image.failure)}

    @admin.display(description=gettext_lazy("EXIF"))
    def exif_table(self, image: Image) -> str | SafeString:
        if not image.exif:
            return gettext("This picture carries none.")
        rows = ((EXIF_LABELS.get(name, name), value) for name, value in image.exif.items())
        return format_html(
            "<table>{}</table>", format_html_join("", '<tr><th scope="row">{}</th><td>{}</td></tr>', rows)
        )
