"""A short run of schemathesis, and proof that it sees what is wrong. The long one: docs/contributing.md."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from schemathesis.core.mutations import Mutation, MutationChannel, OperatorKind
from schemathesis.core.parameters import ParameterLocation

from tests.conformance.asking import ask
from tests.conformance.generators import may_be_right
from tests.conformance.server import Site, library_and_server

pytestmark = pytest.mark.slow


@pytest.fixture
def site(own_database: dict[str, str], tmp_path: Path) -> Iterator[Site]:
    with library_and_server(tmp_path / "site", **own_database) as site:
        yield site


def with_faults(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema with three lies: a limit that is too high, an answer that is not named, a wrong type."""
    paths, prefix = schema["paths"], "/api/v1"
    [size] = [each for each in paths[f"{prefix}/tags/"]["get"]["parameters"] if each["name"] == "page_size"]
    size["schema"]["maximum"] = 1_000
    del paths[f"{prefix}/albums/{{id}}/"]["get"]["responses"]["404"]
    schema["components"]["schemas"]["Statistics"]["properties"]["images"] = {"type": "string"}
    return schema


def test_api_is_as_its_schema_says(site):
    run = ask(site, "member", examples=2)

    assert run.returncode == 0, run.stdout[-20_000:]


def test_a_run_finds_what_the_schema_says_wrongly(site, tmp_path):
    wrong = tmp_path / "wrong.json"
    wrong.write_text(json.dumps(with_faults(requests.get(f"{site.url}/api/v1/schema/", timeout=60).json())))

    run = ask(site, "member", examples=5, schema=wrong, more=["--include-path-regex", "(tags|albums/{id}|stats)/$"])

    assert run.returncode == 1
    for found in ("Schema-valid request rejected", "Undocumented status code", "Response violates schema"):
        assert f"{found}: 1" in run.stdout


@pytest.mark.parametrize(
    ("pointer", "operator", "becomes", "is_right"),
    [
        ("/properties/tags/oneOf/0", OperatorKind.CHANGE_TYPE, "boolean", True),
        ("/properties/text", OperatorKind.CHANGE_TYPE, "integer", True),
        ("/anyOf/0/properties/text", OperatorKind.REMOVE_REQUIRED_PROPERTY, None, True),
        ("/properties/top", OperatorKind.CHANGE_TYPE, "boolean", False),
        ("/properties/tags", OperatorKind.CHANGE_TYPE, "object", False),
        ("/properties/text", OperatorKind.NEGATE_CONSTRAINTS, "string", False),
        ("", OperatorKind.REMOVE_REQUIRED_PROPERTY, None, False),
    ],
)
def test_only_what_is_right_after_all_in_a_form_is_let_pass(pointer, operator, becomes, is_right):
    mutation = Mutation(
        path=(),
        parameter_location=ParameterLocation.BODY,
        schema_pointer=pointer,
        channel=MutationChannel.SCHEMA,
        operator=operator,
        keywords=("type",),
        parameter=None,
        original_value=None,
        new_value=becomes,
    )

    assert may_be_right(mutation) is is_right
