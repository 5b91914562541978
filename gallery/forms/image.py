from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from gallery.error_messages import as_validation_error
from gallery.errors import InvalidInput
from gallery.models import Image, Visibility
from gallery.models.image import MAX_DESCRIPTION_CHARACTERS
from gallery.services.labels import Labels, check_labels


class ImageForm(forms.Form):
    """What its owner says about a picture."""

    description = forms.CharField(
        label=_("Description"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 4, "maxlength": MAX_DESCRIPTION_CHARACTERS}),
    )
    tags = forms.CharField(
        label=pgettext_lazy("field", "Tags"), required=False, help_text=_("Separated by commas: cat, garden, 2024")
    )
    visibility = forms.ChoiceField(label=_("Visibility"), choices=Visibility.choices, widget=forms.RadioSelect)
    labels: Labels

    @classmethod
    def of(cls, image: Image) -> "ImageForm":
        names = ", ".join(tag.name for tag in image.tags.all())
        return cls(initial={"description": image.description, "tags": names, "visibility": image.visibility})

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if self.errors:
            return cleaned
        try:
            self.labels = check_labels(**cleaned)
        except InvalidInput as error:
            raise as_validation_error(error) from error
        return cleaned
