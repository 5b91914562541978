"""Narrowing, ordering and changing one's own pictures."""

from typing import Any

import django_filters
from django import forms
from django.db.models import F, QuerySet
from django.db.models.functions import Lower
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from gallery.error_messages import as_validation_error
from gallery.errors import InvalidInput
from gallery.imaging import LABELS
from gallery.models import Image, ImageQuerySet, SearchStatus, User, Visibility
from gallery.text.tag_names import parse_tags, tag_key

SORTS = [
    ("newest", _("newest first")),
    ("oldest", _("oldest first")),
    ("name", _("file name")),
    ("size", _("largest first")),
    ("taken", _("last taken first")),
]
ORDERS: dict[str, list[Any]] = {
    "newest": ["-created_at", "-pk"],
    "oldest": ["created_at", "pk"],
    "name": [Lower("original_name"), "pk"],
    "size": ["-size_bytes", "-pk"],
    "taken": [F("taken_at").desc(nulls_last=True), "-pk"],
}


def date_input() -> forms.DateInput:
    return forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")


class LibraryFilter(django_filters.FilterSet):  # type: ignore[misc]  # django-filter ships no types
    q = django_filters.CharFilter(
        label=_("Name or description"), method="with_words", widget=forms.TextInput(attrs={"type": "search"})
    )
    tag = django_filters.CharFilter(label=_("Tag"), method="with_tag", max_length=200)
    format = django_filters.ChoiceFilter(label=_("Format"), choices=list(LABELS.items()), empty_label=_("any"))
    visibility = django_filters.ChoiceFilter(label=_("Visibility"), choices=Visibility.choices, empty_label=_("any"))
    status = django_filters.ChoiceFilter(
        label=_("Search"), choices=SearchStatus.choices, method="with_status", empty_label=_("any")
    )
    added_from = django_filters.DateFilter(
        label=_("Added from"), field_name="created_at", lookup_expr="date__gte", widget=date_input()
    )
    added_to = django_filters.DateFilter(
        label=_("Added to"), field_name="created_at", lookup_expr="date__lte", widget=date_input()
    )
    sort = django_filters.ChoiceFilter(label=_("Order"), choices=SORTS[1:], method="in_order", empty_label=SORTS[0][1])

    class Meta:
        model = Image
        fields: list[str] = []

    def with_words(self, images: ImageQuerySet, _name: str, words: str) -> ImageQuerySet:
        return images.mentioning(words)

    def with_tag(self, images: ImageQuerySet, _name: str, tag: str) -> ImageQuerySet:
        return images.tagged([tag_key(tag)])

    def with_status(self, images: ImageQuerySet, _name: str, status: str) -> ImageQuerySet:
        return images.with_status(SearchStatus(status))

    def in_order(self, images: ImageQuerySet, _name: str, sort: str) -> ImageQuerySet:
        return images  # the last step, below: `pending()` brings an order of its own

    def filter_queryset(self, queryset: QuerySet[Image]) -> QuerySet[Image]:
        found: QuerySet[Image] = super().filter_queryset(queryset)
        return found.order_by(*ORDERS[self.form.cleaned_data.get("sort") or "newest"])

    @property
    def is_narrowed(self) -> bool:
        return any(value for name, value in self.form.cleaned_data.items() if name != "sort")


class BulkForm(forms.Form):
    """What shall happen to the pictures that are ticked."""

    TRASH, VISIBILITY, ADD_TAGS, REMOVE_TAGS = "trash", "visibility", "add_tags", "remove_tags"

    action = forms.ChoiceField(
        choices=[(name, name) for name in (TRASH, VISIBILITY, ADD_TAGS, REMOVE_TAGS)],
        error_messages={"required": _("Choose what to do with the pictures.")},
    )
    tags = forms.CharField(required=False, label=_("Tags"), widget=forms.TextInput(attrs={"autocomplete": "off"}))
    visibility = forms.ChoiceField(required=False, label=_("Visibility"), choices=Visibility.choices)

    def clean_tags(self) -> str:
        text: str = self.cleaned_data["tags"]
        try:
            names = parse_tags(text)
        except InvalidInput as error:
            raise as_validation_error(error) from error
        if not names and self.cleaned_data.get("action") in (self.ADD_TAGS, self.REMOVE_TAGS):
            raise forms.ValidationError(gettext("Type at least one tag."))
        return text

    def clean_visibility(self) -> str:
        value: str = self.cleaned_data["visibility"]
        if not value and self.cleaned_data.get("action") == self.VISIBILITY:
            raise forms.ValidationError(gettext("Choose who may see the pictures."))
        return value


class ClearForm(forms.Form):
    """Typed confirmation before everything is deleted."""

    username = forms.CharField(
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"})
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user

    def clean_username(self) -> str:
        typed: str = self.cleaned_data["username"]
        if User.normalize_username(typed) != self.user.username:
            raise forms.ValidationError(
                gettext("That is not your user name. Nothing was deleted. Type “%(username)s” to go on.")
                % {"username": self.user.username}
            )
        return typed
