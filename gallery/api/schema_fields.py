"""What the schema says of values whose limits are settings, or that standard formats do not describe."""

from typing import Any

from drf_spectacular.extensions import OpenApiSerializerExtension, OpenApiSerializerFieldExtension
from drf_spectacular.openapi import AutoSchema

from gallery.conf import gallery
from gallery.imaging import MIME_TYPES
from gallery.retrieval.request import DEFAULT_TOP
from gallery.text.tag_names import MAX_TAG_CHARACTERS

Schema = dict[str, Any]
Direction = Any  # "request" or "response"

WITHOUT_NUL = r"^[^\x00]*$"
SPACES = r"\x09-\x0d\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"  # what `str.strip` takes away
NOT_BLANK = rf"^[^\x00]*[^\x00{SPACES}][^\x00]*$"
SEARCH_TEXT = "search-text"  # plain words; docs/api.md
SEARCH_ADDRESS = "search-address"  # what stands behind the ? of the address of a search's results
SEARCH_QUERY = "search-query"  # in the language of the search box; docs/search.md
TAGS = "tags"  # names with commas between them
REGION = "region"  # left, top, width and height with commas between them; docs/api.md
BASE64_PICTURE = "base64-picture"  # a data: URL is one too

TAG_LIST: Schema = {"type": "array", "items": {"type": "string", "maxLength": MAX_TAG_CHARACTERS}}
TAGS_OR_LIST: Schema = {"oneOf": [TAG_LIST, {"type": "string", "format": TAGS}]}
PICTURE_FILE: Schema = {"contentType": ", ".join(sorted(set(MIME_TYPES.values())))}  # how a form sends it


def search_text() -> Schema:
    return {
        "type": "string",
        "format": SEARCH_TEXT,
        "minLength": 1,
        "maxLength": gallery().max_query_characters,
    }


def search_query() -> Schema:
    """How long a query may be depends on what it is of: `MAX_CHARACTERS`, but a sentence in it is shorter."""
    return {"type": "string", "format": SEARCH_QUERY, "minLength": 1}


def top() -> Schema:
    limit = gallery().max_results
    return {"type": "integer", "minimum": 1, "maximum": limit, "default": min(DEFAULT_TOP, limit)}


class SearchTextSchema(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]  # registers itself
    target_class = "gallery.api.search_serializers.SearchTextField"

    def map_serializer_field(self, auto_schema: AutoSchema, direction: Direction) -> Schema:
        return search_text()


class QuerySchema(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    target_class = "gallery.api.search_serializers.QueryField"

    def map_serializer_field(self, auto_schema: AutoSchema, direction: Direction) -> Schema:
        return search_query()


class TopSchema(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    target_class = "gallery.api.search_serializers.TopField"

    def map_serializer_field(self, auto_schema: AutoSchema, direction: Direction) -> Schema:
        return top()


class TopInBodySchema(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """In a body an empty text is none, too."""

    target_class = "gallery.api.search_serializers.TopInBodyField"

    def map_serializer_field(self, auto_schema: AutoSchema, direction: Direction) -> Schema:
        schema = top()
        return schema | {"oneOf": [{"type": schema.pop("type")}, {"type": "string", "maxLength": 0}]}


class RegionSchema(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """Four shares; that a part lies within the picture no schema can say."""

    target_class = "gallery.api.search_serializers.RegionField"

    def map_serializer_field(self, auto_schema: AutoSchema, direction: Direction) -> Schema:
        share = {"type": "number", "minimum": 0, "maximum": 1}
        return {"type": "array", "items": share, "minItems": 4, "maxItems": 4}


class RegionInFormSchema(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """In a form they are a text with commas between them."""

    target_class = "gallery.api.search_serializers.RegionInFormField"

    def map_serializer_field(self, auto_schema: AutoSchema, direction: Direction) -> Schema:
        return {"type": "string", "format": REGION}


class SearchSchema(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]
    """A search is of a text or of a picture at least; an empty text beside a picture is none."""

    target_class = "gallery.api.search_serializers.SearchSerializer"
    match_subclasses = True

    def map_serializer(self, auto_schema: AutoSchema, direction: Direction) -> Schema:
        schema: Schema = auto_schema._map_serializer(  # type: ignore[no-untyped-call]
            self.target, direction, bypass_extensions=True
        )
        image = {key: value for key, value in schema["properties"]["image"].items() if key != "nullable"}
        texts = {"q": search_query(), "words": search_text(), "text": search_text()}
        return schema | {"anyOf": [*(_given(*each) for each in texts.items()), _given("image", image)]}


def _given(name: str, schema: Schema) -> Schema:
    return {"required": [name], "properties": {name: schema}}
