from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from gallery.error_messages import as_validation_error
from gallery.errors import InvalidInput
from gallery.models import Actor, Image, Visibility
from gallery.models.access import may_choose_original
from gallery.models.image import MAX_DESCRIPTION_CHARACTERS
from gallery.services.labels import Labels, check_labels

from .original_choice import OriginalChoiceField, as_choice


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
    gives_whole_original = OriginalChoiceField()
    labels: Labels

    @classmethod
    def of(cls, image: Image, data: QueryDict | None = None, *, by: Actor) -> "ImageForm":
        """Return the form with what the picture has; who may not choose what others get is not asked for it."""
        names = ", ".join(tag.name for tag in image.tags.all())
        now = {
            "description": image.description,
            "tags": names,
            "visibility": image.visibility,
            "gives_whole_original": as_choice(image.gives_whole_original),
        }
        form = cls(data, initial=now)
        form.fields["gives_whole_original"].disabled = not may_choose_original(by, image)
        return form

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if self.errors:
            return cleaned
        try:
            self.labels = check_labels(**cleaned)
        except InvalidInput as error:
            raise as_validation_error(error) from error
        return cleaned
