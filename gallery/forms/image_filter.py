"""What a list of pictures can be narrowed to and ordered by: the library page's and the API's alike."""

from collections.abc import Iterable
from datetime import date
from typing import Any

import django_filters
from django import forms
from django.db.models import F, OrderBy, QuerySet
from django.utils.translation import gettext_lazy as _
from django_filters.fields import ChoiceField

from gallery.error_messages import as_validation_error
from gallery.errors import InvalidInput
from gallery.imaging import LABELS
from gallery.models import Image, ImageQuerySet, SearchStatus, Visibility
from gallery.models.name_order import NameOrder
from gallery.text.tag_names import parse_tags, tag_key

ORDERS = {
    "newest": _("newest first"),
    "oldest": _("oldest first"),
    "name": _("file name"),
    "size": _("largest first"),
    "taken": _("last taken first"),
}
KEY_OF_ORDER = {
    "newest": "-created_at",
    "oldest": "created_at",
    "name": "name",
    "size": "-size_bytes",
    "taken": "-taken_at",
}
ORDER_BY_KEY: dict[str, OrderBy] = {
    "created_at": F("created_at").asc(),
    "-created_at": F("created_at").desc(),
    "taken_at": F("taken_at").asc(nulls_first=True),
    "-taken_at": F("taken_at").desc(nulls_last=True),
    "name": NameOrder("original_name").asc(),
    "-name": NameOrder("original_name").desc(),
    "size_bytes": F("size_bytes").asc(),
    "-size_bytes": F("size_bytes").desc(),
}


def date_input() -> forms.DateInput:
    return forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")


class TagsInput(forms.TextInput):
    """A name that is repeated in an address is a list, as one with commas is."""

    def value_from_datadict(self, data: Any, files: Any, name: str) -> str | None:
        return ",".join(data.getlist(name)) if hasattr(data, "getlist") else data.get(name)


class TagsField(forms.CharField):
    widget = TagsInput

    def clean(self, value: Any) -> Any:
        """Return the names of the tags; any tag may be asked for."""
        try:
            return parse_tags(super().clean(value))
        except InvalidInput as error:
            raise as_validation_error(error) from error


class TagsFilter(django_filters.Filter):  # type: ignore[misc]  # django-filter ships no types
    """Pictures with all of these tags."""

    field_class = TagsField

    def filter(self, images: ImageQuerySet, names: list[str]) -> ImageQuerySet:
        return images.tagged(tag_key(name) for name in names)


class WordsFilter(django_filters.CharFilter):  # type: ignore[misc]
    """Pictures with this in their name or description."""

    def filter(self, images: ImageQuerySet, words: str) -> ImageQuerySet:
        return images.mentioning(words) if words else images


class FormatField(ChoiceField):  # type: ignore[misc]
    """`png` is `PNG`, and what people call a format is it too: `heic` is `HEIF`."""

    def to_python(self, value: Any) -> str:
        name = str(super().to_python(value)).upper()
        return next((known for known, label in LABELS.items() if label.upper() == name), name)


class FormatFilter(django_filters.ChoiceFilter):  # type: ignore[misc]
    field_class = FormatField


class ImageFilter(django_filters.FilterSet):  # type: ignore[misc]
    q = WordsFilter(label=_("Name or description"), widget=forms.TextInput(attrs={"type": "search"}))
    tag = TagsFilter(label=_("Tag"))
    format = FormatFilter(label=_("Format"), choices=list(LABELS.items()), empty_label=_("any"))
    visibility = django_filters.ChoiceFilter(label=_("Visibility"), choices=Visibility.choices, empty_label=_("any"))
    status = django_filters.ChoiceFilter(
        label=_("Search"), choices=SearchStatus.choices, method="with_status", empty_label=_("any")
    )
    added_from = django_filters.DateFilter(label=_("Added from"), method="added", widget=date_input())
    added_to = django_filters.DateFilter(label=_("Added to"), method="added", widget=date_input())
    order = django_filters.ChoiceFilter(
        label=_("Order"), choices=list(ORDERS.items()), method="in_order", empty_label=None
    )

    class Meta:
        model = Image
        fields: list[str] = []

    def with_status(self, images: ImageQuerySet, _name: str, status: str) -> ImageQuerySet:
        return images.with_status(SearchStatus(status))

    def added(self, images: ImageQuerySet, name: str, day: date) -> ImageQuerySet:
        return images.added_from(day) if name == "added_from" else images.added_to(day)

    def in_order(self, images: ImageQuerySet, _name: str, order: str) -> ImageQuerySet:
        return images  # the last step, below: `pending()` brings an order of its own

    def filter_queryset(self, queryset: QuerySet[Image]) -> QuerySet[Image]:
        return ordered(super().filter_queryset(queryset), self.order_keys())

    def order_keys(self) -> list[str]:
        """Return the keys of ORDER_BY_KEY to order by."""
        return [KEY_OF_ORDER[self.form.cleaned_data.get("order") or "newest"]]


def ordered(images: QuerySet[Image], keys: Iterable[str]) -> QuerySet[Image]:
    """Order pictures; equal ones keep one order, so that none is on two pages of a list or on none."""
    names = list(keys)
    return images.order_by(*(ORDER_BY_KEY[name] for name in names), "-pk" if names[0].startswith("-") else "pk")
