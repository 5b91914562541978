"""Narrowing, ordering and changing one's own pictures."""

from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from gallery.error_messages import as_validation_error
from gallery.errors import InvalidInput
from gallery.models import User, Visibility
from gallery.text.tag_names import parse_tags

from .image_filter import ImageFilter


class LibraryFilter(ImageFilter):
    """Also takes `sort`, which `order` was called once."""

    def __init__(self, data: QueryDict, **kwargs: Any) -> None:
        super().__init__(_renamed(data), **kwargs)

    @property
    def is_narrowed(self) -> bool:
        return any(value for name, value in self.form.cleaned_data.items() if name != "order")


def _renamed(data: QueryDict) -> QueryDict:
    if "sort" not in data or "order" in data:
        return data
    renamed = data.copy()
    renamed.setlist("order", data.getlist("sort"))
    return renamed


class BulkForm(forms.Form):
    """What shall happen to the pictures that are ticked."""

    TRASH, VISIBILITY, ADD_TAGS, REMOVE_TAGS = "trash", "visibility", "add_tags", "remove_tags"

    action = forms.ChoiceField(
        choices=[(name, name) for name in (TRASH, VISIBILITY, ADD_TAGS, REMOVE_TAGS)],
        error_messages={"required": _("Choose what to do with the pictures.")},
    )
    tags = forms.CharField(required=False, label=_("Tags"), widget=forms.TextInput(attrs={"autocomplete": "off"}))
    visibility = forms.ChoiceField(required=False, label=_("Visibility"), choices=Visibility.choices)

    @property
    def value(self) -> str:
        """Return what the chosen action needs beside the pictures: tags, or the visibility."""
        action = self.cleaned_data["action"]
        return str(self.cleaned_data["visibility" if action == self.VISIBILITY else "tags"])

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
