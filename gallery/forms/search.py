from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from gallery.conf import gallery
from gallery.error_messages import as_validation_error
from gallery.errors import EmptyQuery, ImageSearchError, InvalidInput, InvalidOrder, InvalidTop
from gallery.retrieval.request import DEFAULT_TOP, SearchRequest
from gallery.retrieval.tree import Like, Meaning, Picture
from gallery.text.tag_names import parse_tags

from .sent_fields import check_files

TOP_CHOICES = (10, 20, 50, 100)


class Layout:
    GALLERY = "gallery"
    TABLE = "table"


LAYOUT_CHOICES = [(Layout.GALLERY, pgettext_lazy("view", "Gallery")), (Layout.TABLE, _("Table"))]


class RawField(forms.Field):
    """The value as it was sent: the parser says what is wrong with it."""

    def to_python(self, value: Any) -> str:
        return "" if value is None else str(value)


class TagsField(forms.Field):
    """The names of tags: the field may stand in an address more than once, and commas separate."""

    widget = forms.MultipleHiddenInput

    def to_python(self, value: Any) -> list[str]:
        return list(value or [])


class SearchForm(forms.Form):
    """The address of a search: by text, by a kept picture, by a picture of the site, which together mean all of it,
    or only by tags.
    """

    q = RawField(required=False)
    words = RawField(required=False)
    as_typed = forms.BooleanField(required=False)
    top = RawField(required=False)
    order = RawField(required=False)
    view = forms.ChoiceField(choices=LAYOUT_CHOICES, required=False)
    tag = TagsField(required=False)
    like = forms.IntegerField(required=False, min_value=1, max_value=2**63 - 1)
    picture = forms.UUIDField(required=False)

    def clean_view(self) -> str:
        return self.cleaned_data["view"] or Layout.GALLERY

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        try:
            cleaned["request"] = SearchRequest.of(
                query=cleaned["q"],
                today=timezone.localdate(),
                text=cleaned["words"],
                as_typed=cleaned["as_typed"],
                meanings=self._meanings(),
                tags=cleaned["tag"],
                top=cleaned["top"],
                order=cleaned["order"],
                max_top=gallery().max_results,
                max_characters=gallery().max_query_characters,
            )
        except InvalidTop as error:
            self.add_error("top", as_validation_error(error))
        except InvalidOrder as error:
            self.add_error("order", as_validation_error(error))
        except ImageSearchError as error:
            self.add_error("q", as_validation_error(error))
        return cleaned

    def _meanings(self) -> list[Meaning]:
        picture, like = self.cleaned_data.get("picture"), self.cleaned_data.get("like")
        return [*([Picture(picture)] if picture else []), *([Like(like)] if like else [])]

    @property
    def request(self) -> SearchRequest:
        """What a valid address asks for."""
        request: SearchRequest = self.cleaned_data["request"]
        return request

    @property
    def address(self) -> list[tuple[str, str]]:
        """What of this search's address another form on its page must send along: names and values."""
        return [(name, value) for name in self.fields for value in self._given(name) if value]

    @property
    def kept(self) -> list[tuple[str, str]]:
        """What the next text search keeps of this one: all but the text and how it is taken."""
        return [(name, value) for name, value in self.address if name not in ("q", "words", "as_typed")]

    @property
    def beside_picture(self) -> list[tuple[str, str]]:
        """What the next search with a brought picture keeps of this one: all but what it was asked to resemble."""
        return [(name, value) for name, value in self.address if name not in ("picture", "like")]

    def _given(self, name: str) -> list[str]:
        return self.data.getlist(name) if isinstance(self.data, QueryDict) else []

    @property
    def text(self) -> str:
        """What was typed, right or wrong."""
        return str(self.data.get("q") or self.data.get("words", ""))

    @property
    def tags(self) -> list[str]:
        """The tags that a valid address names."""
        return parse_tags(self._given("tag")) if self.is_valid() else []

    @property
    def is_asked(self) -> bool:
        """Whether the address asks for anything: without these names the page is only the search box."""
        return any(name in self.data for name in ("q", "words", "like", "picture", "tag"))

    @property
    def is_listing(self) -> bool:
        """A valid address asks only for tags: their pictures are listed, newest first."""
        return not self.request.plan().alternatives

    @property
    def result_count(self) -> int:
        return self.request.top if "request" in self.cleaned_data else DEFAULT_TOP

    @property
    def is_table(self) -> bool:
        return self.is_valid() and bool(self.cleaned_data["view"] == Layout.TABLE)

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
        try:
            check_files(self.files, field="picture")
        except InvalidInput as error:
            raise as_validation_error(error) from error
        picture: UploadedFile[bytes] | None = self.cleaned_data["picture"]
        if picture is None:
            raise as_validation_error(EmptyQuery())
        return picture
