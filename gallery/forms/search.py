from functools import cached_property
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
from gallery.retrieval.language import parse
from gallery.retrieval.request import DEFAULT_TOP, Order, SearchRequest, with_box
from gallery.retrieval.tree import Field, Filter, Like, Meaning, Node, Picture
from gallery.text.tag_names import parse_tags

from .sent_fields import check_files

TOP_CHOICES = (10, 20, 50, 100)


class Layout:
    GALLERY = "gallery"
    TABLE = "table"


ORDER_LABELS = {
    Order.RELEVANCE: pgettext_lazy("order", "Relevance"),
    Order.NEWEST: pgettext_lazy("order", "Newest"),
    Order.OLDEST: pgettext_lazy("order", "Oldest"),
    Order.TAKEN: pgettext_lazy("order", "Date taken"),
    Order.SIZE: pgettext_lazy("order", "Size"),
    Order.NAME: pgettext_lazy("order", "Name"),
}
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
    or only by tags. `box` is a part of the kept picture, or of the one of the site where there is no other.
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
    box = RawField(required=False)
    cursor = RawField(required=False)

    mistake: ImageSearchError | None = None  # what is wrong at a place of `q`

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
                meanings=self.meanings,
                tags=cleaned["tag"],
                top=cleaned["top"],
                order=cleaned["order"],
                cursor=cleaned["cursor"],
                max_top=gallery().max_results,
                max_characters=gallery().max_query_characters,
            )
        except InvalidTop as error:
            self.add_error("top", as_validation_error(error))
        except InvalidOrder as error:
            self.add_error("order", as_validation_error(error))
        except ImageSearchError as error:
            self.mistake = error if "start" in error.details else None
            self.add_error("q", as_validation_error(error))
        return cleaned

    @property
    def meanings(self) -> list[Meaning]:
        """What the address beside `q` asks for by pictures."""
        picture, like = self.cleaned_data.get("picture"), self.cleaned_data.get("like")
        given: list[Meaning] = [*([Picture(picture)] if picture else []), *([Like(like)] if like else [])]
        first = with_box(given[0] if given else None, self.cleaned_data["box"])
        return [*([first] if first else []), *given[1:]]

    @property
    def request(self) -> SearchRequest:
        """What a valid address asks for."""
        request: SearchRequest = self.cleaned_data["request"]
        return request

    @property
    def address(self) -> list[tuple[str, str]]:
        """What of this search's address another form on its page must send along: names and values. A new search
        begins at the first of its results.
        """
        return [(name, value) for name in self.fields if name != "cursor" for value in self._given(name) if value]

    @property
    def unordered(self) -> list[tuple[str, str]]:
        """What the choice of an order and of a number of results sends along."""
        return [(name, value) for name, value in self.address if name not in ("top", "order")]

    @property
    def kept(self) -> list[tuple[str, str]]:
        """What the next text search keeps of this one: all but the text and how it is taken."""
        return [(name, value) for name, value in self.address if name not in ("q", "words", "as_typed")]

    @property
    def beside_picture(self) -> list[tuple[str, str]]:
        """What the next search with a brought picture keeps of this one: all but what it was asked to resemble."""
        return [(name, value) for name, value in self.address if name not in ("picture", "like", "box")]

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
        return any(name in self.data for name in ("q", "words", "like", "picture", "box", "tag"))

    @cached_property
    def query_tree(self) -> Node | None:
        """What a valid `q` alone asks for: a page asks for it with each link that changes it."""
        query = self.cleaned_data["q"]
        limit = gallery().max_query_characters
        return parse(query, timezone.localdate(), max_sentence_characters=limit) if query.strip() else None

    @property
    def is_listing(self) -> bool:
        """A valid address asks for no meaning: all that its filters, phrases and exclusions leave is listed."""
        return not self.request.plan().alternatives

    @property
    def is_one_tag(self) -> bool:
        """A valid address asks for the pictures of a tag, and nothing else."""
        tree = self.request.tree
        return isinstance(tree, Filter) and tree.field is Field.TAG

    @property
    def is_narrowed(self) -> bool:
        """A valid address asks for more than a meaning: not every picture may be found."""
        return bool(self.request.plan().all_conditions)

    @property
    def is_plain_words(self) -> bool:
        """What is in the box was taken as words, whatever signs are among them."""
        return self.is_valid() and not self.data.get("q") and bool(self.data.get("words"))

    @property
    def is_continued(self) -> bool:
        """The address names a later part of the results."""
        return bool(self.data.get("cursor"))

    @property
    def is_by_relevance(self) -> bool:
        return self.request.order is Order.RELEVANCE

    @property
    def shown_order(self) -> Order:
        """What a valid address is listed by: without a meaning there is no relevance."""
        return Order.NEWEST if self.is_listing and self.is_by_relevance else self.request.order

    @property
    def order_choices(self) -> list[tuple[str, str]]:
        """The orders on offer, each with its name."""
        return [
            (str(order), str(ORDER_LABELS[order]))
            for order in Order
            if not (self.is_listing and order is Order.RELEVANCE)
        ]

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
