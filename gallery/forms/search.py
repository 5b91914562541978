from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from gallery.conf import gallery
from gallery.error_messages import as_validation_error
from gallery.errors import EmptyQuery, ImageSearchError
from gallery.services.query import DEFAULT_TOP, Query, parse, parse_top
from gallery.text.tag_names import tag_key

TOP_CHOICES = (10, 20, 50, 100)


class Layout:
    GALLERY = "gallery"
    TABLE = "table"


LAYOUT_CHOICES = [(Layout.GALLERY, pgettext_lazy("view", "Gallery")), (Layout.TABLE, _("Table"))]


class RawField(forms.Field):
    """The value as it was sent: the parser says what is wrong with it."""

    def to_python(self, value: Any) -> str:
        return "" if value is None else str(value)


class SearchForm(forms.Form):
    """The address of a search. A search is by text, by a kept picture, by a picture of the site, or only by tag."""

    q = RawField(required=False)
    top = RawField(required=False)
    view = forms.ChoiceField(choices=LAYOUT_CHOICES, required=False)
    tag = RawField(required=False)
    like = forms.IntegerField(required=False, min_value=1, max_value=2**63 - 1)
    picture = forms.UUIDField(required=False)

    def clean_top(self) -> int:
        try:
            return parse_top(self.cleaned_data["top"], limit=gallery().max_results)
        except ImageSearchError as error:
            raise as_validation_error(error) from error

    def clean_view(self) -> str:
        return self.cleaned_data["view"] or Layout.GALLERY

    def clean_tag(self) -> str:
        return tag_key(self.cleaned_data["tag"].replace("\x00", ""))

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if self.is_by_text:
            try:
                cleaned["query"] = parse(cleaned["q"], max_characters=gallery().max_query_characters)
            except ImageSearchError as error:
                self.add_error("q", as_validation_error(error))
        return cleaned

    @property
    def address(self) -> dict[str, str]:
        """What of this search's address another form on its page must send along."""
        return {name: str(value) for name in self.fields if (value := self.data.get(name))}

    @property
    def kept(self) -> dict[str, str]:
        """What the next text search keeps of this one: its view, its number of results, its tag."""
        return {name: value for name, value in self.address.items() if name in ("view", "top", "tag")}

    @property
    def is_asked(self) -> bool:
        """Whether the address asks for anything: without these names the page is only the search box."""
        return any(name in self.data for name in ("q", "like", "picture", "tag"))

    @property
    def is_by_text(self) -> bool:
        """An empty box is a mistake, unless something else says what to look for."""
        others = (self.data.get("like"), self.data.get("picture"), self.cleaned_data.get("tag"))
        return bool(self.cleaned_data.get("q")) or not any(others)

    @property
    def is_tag_list(self) -> bool:
        """Only a tag was asked for: its pictures are listed, newest first."""
        return not any(self.cleaned_data.get(name) for name in ("q", "like", "picture"))

    @property
    def query(self) -> Query:
        found: Query = self.cleaned_data["query"]
        return found

    @property
    def result_count(self) -> int:
        return int(self.cleaned_data.get("top", DEFAULT_TOP))

    @property
    def is_table(self) -> bool:
        return bool(self.cleaned_data.get("view") == Layout.TABLE)

    @property
    def tag_keys(self) -> tuple[str, ...]:
        key = self.cleaned_data.get("tag")
        return (key,) if key else ()

    @property
    def top_choices(self) -> list[int]:
        """The numbers of results on offer, the one asked for among them."""
        allowed = {top for top in TOP_CHOICES if top <= gallery().max_results}
        return sorted(allowed | {self.result_count})

    @property
    def sentences(self) -> list[str]:
        return [str(sentence) for errors in self.errors.values() for sentence in errors]


class PictureSearchForm(forms.Form):
    picture = forms.FileField(allow_empty_file=True, required=False)

    def clean_picture(self) -> "UploadedFile[bytes]":
        picture: UploadedFile[bytes] | None = self.cleaned_data["picture"]
        if picture is None:
            raise as_validation_error(EmptyQuery())
        return picture
