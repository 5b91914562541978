"""What an upload says about its pictures. The files themselves are judged one by one, never by the form."""

from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext_lazy as _

from gallery.conf import gallery
from gallery.error_messages import as_validation_error
from gallery.errors import ImageSearchError, InvalidInput, NoFiles, TooManyFiles
from gallery.models import Visibility
from gallery.models.image import MAX_DESCRIPTION_CHARACTERS
from gallery.services.labels import Labels, check_labels

from .original_choice import OriginalChoiceField
from .sent_fields import check_file_fields

FIELD_OF_CODE = {
    "invalid_tag": "tags",
    "too_many_tags": "tags",
    "description_too_long": "description",
    "invalid_visibility": "visibility",
}


class Switch(forms.CheckboxInput):
    """A checkbox that says when it is off, so that a program that does not know it gets what the settings say.

    The page has a hidden field of the same name and the value "off" before it: the last one counts.
    """

    def value_from_datadict(self, data: Any, files: Any, name: str) -> bool:
        if name not in data:
            return gallery().embedded_words
        return str(data.get(name)).lower() not in ("off", "false", "0", "no", "")


class UploadForm(forms.Form):
    """Labels for all files of one upload, and how many files it has. `error` is what is wrong, for programs."""

    description = forms.CharField(
        required=False,
        label=_("Description"),
        widget=forms.Textarea(attrs={"rows": 3, "maxlength": MAX_DESCRIPTION_CHARACTERS}),
    )
    tags = forms.CharField(
        required=False,
        label=_("Tags"),
        help_text=_("Separate them with commas."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    visibility = forms.CharField(
        required=False,
        label=_("Who may see them"),
        initial=Visibility.PRIVATE,
        widget=forms.Select(choices=Visibility.choices),
    )

    embedded_words = forms.BooleanField(
        required=False,
        label=_("Use the words in the files"),
        help_text=_(
            "Titles, captions and keywords that are written in them: beside your tags, and where you describe nothing."
        ),
        widget=Switch(),
    )
    gives_whole_original = OriginalChoiceField()

    labels = Labels()
    error: ImageSearchError | None = None

    def __init__(self, *args: Any, max_files: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["embedded_words"].initial = gallery().embedded_words
        self.max_files = max_files

    def clean_description(self) -> str:
        text: str = self.cleaned_data["description"]
        return text.replace("\r\n", "\n")  # a browser counts a new line as one character

    def clean(self) -> dict[str, Any]:
        values = self.cleaned_data
        try:
            self.labels = check_labels(
                description=values.get("description", ""),
                tags=values.get("tags", ""),
                visibility=values.get("visibility") or Visibility.PRIVATE,
                takes_embedded_words=values.get("embedded_words", False),
                gives_whole_original=values.get("gives_whole_original"),
            )
            self.check_files()
        except InvalidInput as error:
            self.error = error
            self.add_error(FIELD_OF_CODE.get(error.code), as_validation_error(error))
        return values

    def check_files(self) -> None:
        """Raises NoFiles, TooManyFiles, UnknownFileField."""
        check_file_fields(self.files, field="files")
        if not self.uploaded:
            raise NoFiles()
        if len(self.uploaded) > self.max_files:
            raise TooManyFiles(limit=self.max_files)

    @property
    def uploaded(self) -> list["UploadedFile[bytes]"]:
        return self.files.getlist("files")
