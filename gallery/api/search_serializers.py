"""What a search of the API takes: here is only the form of it."""

from io import BytesIO
from typing import Any, BinaryIO

from django.http import QueryDict
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from gallery.errors import SeveralFiles
from gallery.models import cursor as cursors
from gallery.retrieval.request import Order

from .base64_pictures import decoded_picture
from .schema_fields import BASE64_PICTURE
from .serializers import TagsField, TextField, TruthField


class SearchTextField(TextField):
    pass


class QueryField(TextField):
    pass


@extend_schema_field({"type": "string", "format": "cursor", "maxLength": cursors.MAX_CHARACTERS})
class CursorField(TextField):
    pass


@extend_schema_field({"type": "string", "format": BASE64_PICTURE})
class PictureField(serializers.Field[BinaryIO, Any, Any, Any]):
    """A picture as a file of a form, or as base64 in JSON (a data: URL is fine too)."""

    default_error_messages = {
        "not_base64": _("In JSON a picture is a text: its bytes in base64."),
        "no_file": _("In a form a picture is a file."),
    }

    def to_internal_value(self, data: Any) -> BinaryIO:
        if hasattr(data, "chunks"):
            return data  # type: ignore[no-any-return]  # a file of a form, or a long text that is decoded already
        if isinstance(self.parent.initial_data, QueryDict):
            self.fail("no_file")
        if isinstance(data, list) and len(data) > 1:
            raise SeveralFiles(field=self.field_name, count=len(data), limit=1)
        if not isinstance(data, str):
            self.fail("not_base64")
        try:
            return BytesIO(decoded_picture(data))
        except ValueError:
            self.fail("not_base64")


class TopField(serializers.Field[Any, Any, Any, Any]):
    """The value as it was sent: `parse_top` says what is wrong with it. In JSON 5.0 is a whole number."""

    def to_internal_value(self, data: Any) -> Any:
        return int(data) if isinstance(data, float) and data.is_integer() else data


class TopInBodyField(TopField):
    pass


@extend_schema_field(serializers.ChoiceField(choices=list(Order)))
class OrderField(TextField):
    pass


ORDER_HELP = "By relevance all that is found; by anything else only what is confident."
CURSOR_HELP = "Where to go on, as `next` has it; of a search for the same in the same order."


class SpellingSerializer(serializers.Serializer[Any]):
    """How the words of a search are taken."""

    as_typed = TruthField(default=False, help_text="Whether misspelt words are searched as they were typed.")


class RegionField(serializers.Field[Any, Any, Any, Any]):
    """The value as it was sent: `parse_box` says what is wrong with it."""

    def to_internal_value(self, data: Any) -> Any:
        return data


class RegionInFormField(RegionField):
    pass


REGION_HELP = "A part of `image`: left, top, width and height as shares of it."


class SearchSerializer(SpellingSerializer):
    """A query, plain words, a picture, or several of them, which then mean all of it."""

    q = QueryField(allow_null=True, help_text="In the language of the search box.")
    words = SearchTextField(allow_null=True, help_text="Plain words: no sign in them means more than itself.")
    text = SearchTextField(allow_null=True, help_text="The same as `words`, which it was called before.")
    image = PictureField(required=False, allow_null=True, help_text="A file in a form; base64 in JSON.")
    region = RegionField(required=False, allow_null=True, help_text=REGION_HELP)
    top = TopInBodyField(required=False, allow_null=True, help_text="How many results.")
    order = OrderField(required=False, allow_null=True, help_text=ORDER_HELP)
    cursor = CursorField(allow_null=True, help_text=CURSOR_HELP)
    tags = TagsField(required=False, allow_null=True, help_text="Search only pictures with all of these tags.")


@extend_schema_field(OpenApiTypes.BINARY)
class PictureFileField(PictureField):
    pass


class SearchFormSerializer(SearchSerializer):
    """As in JSON, but for the picture, which is a file."""

    q = QueryField(help_text="In the language of the search box.")
    words = SearchTextField(help_text="Plain words: no sign in them means more than itself.")
    text = SearchTextField(help_text="The same as `words`, which it was called before.")
    image = PictureFileField(required=False)
    region = RegionInFormField(required=False, help_text=REGION_HELP)
    top = TopInBodyField(required=False, help_text="How many results.")
    order = OrderField(required=False, help_text=ORDER_HELP)
    cursor = CursorField(help_text=CURSOR_HELP)
    tags = TagsField(required=False, help_text="Search only pictures with all of these tags.")


class SearchAddressSerializer(SpellingSerializer):
    """What the schema says of a search by its address."""

    q = QueryField(required=True, allow_blank=False, help_text="What it shows, in the language of the search box.")
    words = SearchTextField(help_text="The same in plain words: no sign in them means more than itself.")
    top = TopField(required=False, help_text="How many results.")
    order = OrderField(required=False, help_text=ORDER_HELP)
    cursor = CursorField(help_text=CURSOR_HELP)


class TopSerializer(serializers.Serializer[Any]):
    """What the schema says of an address with a number of results."""

    top = TopField(required=False, help_text="How many results.")
