"""The schema is valid OpenAPI and names every endpoint; the page that shows it keeps a strict policy."""

from io import StringIO

import yaml
from django.core.management import call_command

from tests.integration.api_client import API, Api

PATHS = {
    "/": {"get"},
    "/images/": {"get", "post"},
    "/images/{id}/": {"get", "patch", "delete"},
    "/images/{id}/similar/": {"get"},
    "/images/{id}/retry/": {"post"},
    "/images/{id}/original/": {"get"},
    "/images/{id}/thumbnail/{size}/": {"get"},
    "/images/{id}/thumbnail/{size}/{sha256}.webp": {"get"},
    "/search/": {"get", "post"},
    "/albums/": {"get"},
    "/albums/{id}/": {"get"},
    "/albums/{id}/images/": {"get"},
    "/tags/": {"get"},
    "/stats/": {"get"},
    "/stats/retry/": {"post"},
}


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
