"""What schemathesis is told beside the schema: values of our own formats, to be strict, and what is no failure."""

from base64 import b64encode
from io import BytesIO
from typing import Any
from urllib.parse import urlencode

import schemathesis
from hypothesis import strategies as st
from PIL import Image as PillowImage
from schemathesis.core.failures import AcceptedNegativeData, Failure
from schemathesis.core.mutations import Mutation, OperatorKind

from gallery.retrieval.language.signs import escaped

FORMS = {"multipart/form-data", "application/x-www-form-urlencoded"}
ANY_TEXT = ("q", "words", "text", "tags", "description", "name", "original_name")  # fields in which any text is right
SENT_AS_TEXT = {"boolean", "integer", "number", "null", "string"}
SEPARATORS = ",，、;；\n"
MAX_TAG_CHARACTERS = 64

# Without letters and digits a text has no meaning, and is refused.
words = st.text(st.characters(categories=["L", "N", "P", "S", "Zs"], max_codepoint=0xFFFF), max_size=60)
search_texts = st.builds("{} {}".format, words, st.sampled_from(["cat", "红色的车", "a red square", "2024", "🐈"]))

without_signs = search_texts.map(lambda text: escaped(" ".join(text.split())))
queries = st.one_of(
    st.sampled_from(
        ["cat -dog", "(red car)^2 OR bus", "tag:cat is:landscape", "猫 或 狗", "width:>10 cat", "-is:private"]
    ),
    without_signs,
)

tag_characters = st.characters(categories=["L", "N", "P", "S"], max_codepoint=0x2FFF, exclude_characters=SEPARATORS)
tags = st.lists(st.text(tag_characters, max_size=20), max_size=5).map(",".join)


@st.composite
def pictures(draw: st.DrawFn, format: str) -> bytes:
    """Small pictures of one colour: a few hundred different ones, so that some come twice."""
    colour = draw(st.tuples(*[st.sampled_from([0, 80, 160, 255])] * 3))
    size = draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
    out = BytesIO()
    PillowImage.new("RGB", size, colour).save(out, format)
    return out.getvalue()


def as_base64(content: bytes, *, as_url: bool) -> str:
    encoded = b64encode(content).decode()
    return f"data:image/png;base64,{encoded}" if as_url else encoded


schemathesis.openapi.format("search-text", search_texts)
schemathesis.openapi.format("search-query", queries)
schemathesis.openapi.format("search-address", queries.map(lambda query: urlencode({"q": query})))
schemathesis.openapi.format("tags", tags)
schemathesis.openapi.format("base64-picture", st.builds(as_base64, pictures("PNG"), as_url=st.booleans()))
for format in ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"):
    schemathesis.openapi.media_type(f"image/{format.lower()}", pictures(format))


@schemathesis.hook
def before_load_schema(context: schemathesis.HookContext, raw_schema: dict[str, Any]) -> None:
    """Take away the answer that stands for every other status: each that is given must be named.

    And cursors where there are filters: nobody can make one up, so that it would hide what the filters do. And parts
    of pictures: that one lies within a picture, and that there is a picture, no schema can say.
    """
    for name in ("SearchRequest", "SearchFormRequest"):
        for field in ("cursor", "region"):
            raw_schema["components"]["schemas"][name]["properties"].pop(field)
    for path, operations in raw_schema["paths"].items():
        for operation in operations.values():
            operation["responses"].pop("default", None)
            if path.endswith(("/images/", "/search/")):
                parameters = operation.get("parameters", [])
                operation["parameters"] = [each for each in parameters if each["name"] != "cursor"]


@schemathesis.hook
def filter_failure(
    context: schemathesis.HookContext, failure: Failure, case: schemathesis.Case, response: schemathesis.Response
) -> bool:
    """Let pass what no schema can say, and nothing else.

    In a form a number, a truth or a null is sent as a text, so that it is right where any text is, and a search without
    a text is right if it has a picture: schemathesis knows, but not beside a picture, whose bytes it cannot compare
    with a schema.
    """
    is_form = case.media_type in FORMS
    return not (is_form and isinstance(failure, AcceptedNegativeData) and _is_right_after_all(case))


def _is_right_after_all(case: schemathesis.Case) -> bool:
    mutations: tuple[Mutation, ...] = getattr(case.meta.phase.data, "mutations", ()) if case.meta else ()
    return bool(mutations) and all(map(may_be_right, mutations))


def may_be_right(mutation: Mutation) -> bool:
    if mutation.schema_pointer.startswith("/anyOf/"):
        return True
    field = mutation.schema_pointer.removeprefix("/properties/").partition("/")[0]
    is_other_type = mutation.operator == OperatorKind.CHANGE_TYPE and mutation.new_value in SENT_AS_TEXT
    return is_other_type and field in ANY_TEXT
