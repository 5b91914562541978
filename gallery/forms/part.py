"""A part of a picture to search with, as people say where it is."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from gallery.retrieval.tree import Box

PER_CENT = 100.0


class PercentField(forms.FloatField):
    def __init__(self, **values: Any) -> None:
        super().__init__(min_value=0, max_value=PER_CENT, **values)


class PartForm(forms.Form):
    """Where a part of a picture lies, in per cent of its width and height; it may reach to the edge, not beyond it.

    `like` or `picture` is the picture; all else of the address of a search stays as it is.
    """

    left = PercentField(label=pgettext_lazy("part", "Left"))
    top_edge = PercentField(label=pgettext_lazy("part", "Top"))
    width = PercentField(label=pgettext_lazy("part", "Width"))
    height = PercentField(label=pgettext_lazy("part", "Height"))
    part_of_like = forms.IntegerField(required=False, min_value=1, max_value=2**63 - 1)
    part_of_picture = forms.UUIDField(required=False)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if not cleaned.get("part_of_like") and not cleaned.get("part_of_picture"):
            raise forms.ValidationError(_("Choose a picture."))
        shares = [cleaned.get(name) for name in ("left", "top_edge", "width", "height")]
        if None not in shares:
            cleaned["box"] = self._box(*(share / PER_CENT for share in shares if share is not None))
        return cleaned

    def _box(self, left: float, top: float, width: float, height: float) -> Box:
        """Return the part that lies within the picture. Raises ValidationError where nothing is left of it."""
        left, top = round(left, 4), round(top, 4)
        width, height = round(min(width, 1 - left), 4), round(min(height, 1 - top), 4)
        if width <= 0 or height <= 0:
            raise forms.ValidationError(_("A part of a picture lies within it and is larger than nothing."))
        return Box(left, top, width, height)
