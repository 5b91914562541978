"""Texts that curators type, read as the rest of the site reads them."""

from typing import Any

from django import forms
from django.db import models

from gallery.text.plain_text import plain_text


class PlainTextField(forms.CharField):
    """Takes a text without control characters and without signs that turn the direction of a line."""

    def to_python(self, value: Any) -> str | None:
        return super().to_python(plain_text(value) if isinstance(value, str) else value)


class PlainLineField(PlainTextField):
    """The same on one line."""

    def to_python(self, value: Any) -> str | None:
        text = super().to_python(value)
        return text.replace("\n", " ").strip() if text else text


PLAIN_FIELDS: dict[type[models.Field[Any, Any]], dict[str, Any]] = {
    models.CharField: {"form_class": PlainLineField},
    models.TextField: {"form_class": PlainTextField},
}
