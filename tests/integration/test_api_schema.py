"""The schema is valid OpenAPI and names every endpoint; the page that shows it keeps a strict policy."""

import re
from io import StringIO
from typing import Any

import pytest
import yaml
from django.core.management import call_command

from gallery.api.schema_fields import NOT_BLANK
from tests.integration.api_client import API, Api

PATHS = {
    "/": {"get"},
    "/images/": {"get", "post"},
    "/images/{id}/": {"get", "patch", "delete"},
    "/images/{id}/favourite/": {"put", "delete"},
    "/images/{id}/similar/": {"get"},
    "/images/{id}/retry/": {"post"},
    "/images/{id}/original/": {"get"},
    "/images/{id}/thumbnail/{size}/": {"get"},
    "/images/{id}/thumbnail/{size}/{sha256}.webp": {"get"},
    "/search/": {"get", "post"},
    "/search/facets/": {"get"},
    "/suggestions/": {"get"},
    "/albums/": {"get"},
    "/albums/{id}/": {"get"},
    "/albums/{id}/images/": {"get"},
    "/jobs/": {"get"},
    "/jobs/{id}/": {"get"},
    "/jobs/{id}/items/": {"get"},
    "/jobs/{id}/cancel/": {"post"},
    "/jobs/{id}/go-on/": {"post"},
    "/saved-searches/": {"get", "post"},
    "/saved-searches/{id}/": {"get", "patch", "delete"},
    "/tags/": {"get"},
    "/stats/": {"get"},
    "/account/": {"get", "patch"},
    "/stats/retry/": {"post"},
}

ACCOUNT_PATHS = (
    "/account/",
    "/jobs/",
    "/jobs/{id}/",
    "/jobs/{id}/items/",
    "/saved-searches/",
    "/saved-searches/{id}/",
)


def test_the_schema_is_valid_and_without_warnings():
    out = StringIO()

    call_command("spectacular", validate=True, fail_on_warn=True, stdout=out)

    assert out.getvalue().startswith("openapi: 3.")


def test_the_schema_names_every_endpoint_and_its_errors(db):
    schema = Api().json("/schema/")

    assert {path.removeprefix(API): set(operations) for path, operations in schema["paths"].items()} == PATHS
    for operations in schema["paths"].values():
        for operation in operations.values():
            error = operation["responses"]["default"]["content"]["application/json"]["schema"]
            assert error == {"$ref": "#/components/schemas/Error"}
            assert operation["summary"]
    assert schema["components"]["securitySchemes"]["token"]["scheme"] == "bearer"


def operation(method: str, path: str) -> dict[str, Any]:
    return Api().json("/schema/")["paths"][f"{API}{path}"][method]


def parameter(name: str, path: str) -> dict[str, Any]:
    [found] = [each for each in operation("get", path)["parameters"] if each["name"] == name]
    return found["schema"]


def test_the_schema_says_that_everyone_may_read_and_search_and_who_may_write(db):
    paths = Api().json("/schema/")["paths"]
    open_to_all = {
        (method, path.removeprefix(API))
        for path, operations in paths.items()
        for method, each in operations.items()
        if {} in each["security"]
    }

    reads = {("get", path) for path, methods in PATHS.items() if "get" in methods}
    of_accounts = {("get", path) for path in ACCOUNT_PATHS}
    assert open_to_all == reads - of_accounts | {("post", "/search/")}
    assert operation("get", "/account/")["security"] == [{"token": []}, {"cookieAuth": []}]
    assert operation("post", "/images/")["security"] == [{"token": []}, {"cookieAuth": []}]


@pytest.mark.parametrize(
    ("name", "path", "limits"),
    [
        ("id", "/images/{id}/", {"minimum": 1, "maximum": 10**18 - 1}),
        ("page_size", "/tags/", {"minimum": 1, "maximum": 200, "default": 50}),
        ("q", "/search/", {"minLength": 1, "format": "search-query"}),
        ("order", "/search/", {"enum": ["relevance", "newest", "oldest", "taken", "size", "name"]}),
        ("top", "/search/", {"minimum": 1, "maximum": 200, "default": 20}),
        ("top", "/images/{id}/similar/", {"minimum": 1, "maximum": 200, "default": 20}),
        ("q", "/images/", {"maxLength": 2000}),
        ("md5", "/images/", {"maxLength": 32}),
        ("order", "/images/", {"enum": ["name", "newest", "oldest", "size", "taken"]}),
        ("size", "/images/{id}/thumbnail/{size}/", {"enum": [1280, 400]}),
        ("sha256", "/images/{id}/thumbnail/{size}/{sha256}.webp", {"pattern": "^[0-9a-f]{64}$"}),
    ],
)
def test_the_schema_names_the_limits_of_a_parameter(db, name, path, limits):
    assert {key: parameter(name, path).get(key) for key in limits} == limits


def test_a_page_is_a_number_or_the_last(db):
    page = parameter("page", "/images/")

    assert page["oneOf"] == [{"type": "integer"}, {"type": "string", "enum": ["last"]}]
    assert Api().get("/images/", page=page["maximum"]).status_code == 404
    assert Api().get("/images/", page=page["maximum"] + 1).status_code == 400
    assert Api().get("/images/", page=page["minimum"] - 1).status_code == 400


def words_limit() -> int:
    [words, nothing] = parameter("words", "/search/")["oneOf"]
    assert (words["minLength"], words["format"], nothing["maxLength"]) == (1, "search-text", 0)
    return words["maxLength"]


def test_the_schema_names_the_limit_of_plain_words(db):
    assert words_limit() == 500


def test_the_schema_follows_the_settings(db, limits_of):
    limits_of(max_results=30, max_query_characters=40)

    assert parameter("top", "/search/")["maximum"] == 30
    assert words_limit() == 40


def test_a_filter_without_a_value_narrows_nothing(db):
    places = {"page", "page_size", "cursor"}
    filters = [each for each in operation("get", "/images/")["parameters"] if each["name"] not in places]

    assert all(each["allowEmptyValue"] for each in filters)
    assert Api().json("/images/", **{each["name"]: "" for each in filters})["count"] == 0


@pytest.mark.parametrize(
    ("method", "path", "statuses"),
    [
        ("get", "/stats/", {200, 400, 401, 429, 500, 503}),
        ("get", "/images/", {200, 400, 401, 404, 429, 500, 503}),
        ("post", "/images/", {200, 201, 400, 401, 403, 409, 411, 413, 415, 429, 500, 503, 507}),
        ("patch", "/images/{id}/", {200, 400, 401, 403, 404, 411, 413, 415, 429, 500, 503, 507}),
        ("get", "/images/{id}/similar/", {200, 400, 401, 404, 409, 429, 500, 503}),
        ("get", "/images/{id}/original/", {200, 304, 400, 401, 404, 409, 410, 429, 500, 503}),
    ],
)
def test_the_schema_names_the_statuses_of_an_operation(db, method, path, statuses):
    answers = set(operation(method, path)["responses"]) - {"default"}

    assert answers == {str(status) for status in statuses}


def test_an_empty_number_of_results_is_none(db):
    [top] = [each for each in operation("get", "/search/")["parameters"] if each["name"] == "top"]
    in_body = Api().json("/schema/")["components"]["schemas"]["SearchRequest"]["properties"]["top"]

    assert top["allowEmptyValue"]
    assert in_body["oneOf"] == [{"type": "integer"}, {"type": "string", "maxLength": 0}]
    assert Api().get("/search/", q="cat", top="").status_code == 200
    assert Api().post("/search/", {"text": "cat", "top": ""}).status_code == 200


def test_every_error_of_the_schema_has_the_one_shape(db):
    schema = Api().json("/schema/")

    for answer in schema["components"]["responses"].values():
        assert answer["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Error"}
    assert "Retry-After" in schema["components"]["responses"]["TooManyRequests"]["headers"]
    assert "WWW-Authenticate" in schema["components"]["responses"]["Unauthorized"]["headers"]


def test_the_schema_names_the_headers_that_programs_need(db):
    assert "Location" in operation("post", "/images/")["responses"]["201"]["headers"]
    assert "ETag" in operation("get", "/images/{id}/original/")["responses"]["200"]["headers"]


def test_a_search_is_of_a_text_or_a_picture_at_least(db):
    schemas = Api().json("/schema/")["components"]["schemas"]

    for name, picture in (("SearchRequest", "base64-picture"), ("SearchFormRequest", "binary")):
        *texts, image = schemas[name]["anyOf"]
        for text, field in zip(texts, ("q", "words", "text"), strict=True):
            assert (text["required"], text["properties"][field]["minLength"]) == ([field], 1)
        assert (image["required"], image["properties"]["image"]["format"]) == (["image"], picture)


def test_a_name_is_blank_where_stripping_it_leaves_nothing():
    characters = [chr(code) for code in range(1, 0x3100)]

    assert [each for each in characters if re.search(NOT_BLANK, each)] == [each for each in characters if each.strip()]


def test_the_schema_comes_in_yaml_for_those_who_ask(db):
    response = Api().client.get(f"{API}/schema/", headers={"Accept": "application/yaml"})

    assert yaml.safe_load(response.content) == Api().json("/schema/")


def test_the_docs_let_in_styles_but_no_foreign_or_inline_script(db):
    response = Api().get("/docs/")
    script = Api().get("/docs/", script="")

    policy = response.headers["Content-Security-Policy"]
    assert "style-src 'self' 'unsafe-inline'" in policy
    assert "default-src 'self'" in policy
    assert "script-src" not in policy
    assert "http" not in policy
    assert script.headers["Content-Type"].startswith("application/javascript")
    assert "unsafe-inline" not in Api().get("/images/").headers["Content-Security-Policy"]
