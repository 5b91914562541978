"""Which answers an operation may give beside its own, each in the one shape of errors."""

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from drf_spectacular.utils import OpenApiResponse

ERROR: dict[str, Any] = {
    "type": "object",
    "description": "The one shape of every error.",
    "required": ["code", "message", "details"],
    "properties": {
        "code": {"type": "string", "description": "For programs: does not depend on the language."},
        "message": {"type": "string", "description": "For people, in the language of the request."},
        "details": {
            "type": "object",
            "description": "The values that the message names, or the problems of each field.",
            "additionalProperties": {},
        },
    },
    "additionalProperties": False,
}
CONTENT = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
DESCRIPTIONS = {
    400: "Not valid.",
    401: "Not signed in, or a token that is not valid.",
    403: "Not allowed.",
    404: "Not there, or not to be seen.",
    409: "Not possible with what is there now.",
    410: "The original is lost.",
    411: "The length of the body must be sent.",
    413: "Too large.",
    415: "Not a picture, or not a known kind of body.",
    429: "Too many requests.",
    500: "A defect of ours.",
    503: "Not available now.",
    507: "No space left.",
}
RETRY_AFTER = {"schema": {"type": "integer", "minimum": 1}, "description": "Seconds."}
HEADERS: dict[int, dict[str, Any]] = {
    401: {"WWW-Authenticate": {"schema": {"type": "string"}, "required": True}},
    429: {"Retry-After": RETRY_AFTER | {"required": True}},
    503: {"Retry-After": RETRY_AFTER},
}
CONFLICT = OpenApiResponse(description=DESCRIPTIONS[409])
NOT_THERE = OpenApiResponse(description=DESCRIPTIONS[404])
GONE = OpenApiResponse(description=DESCRIPTIONS[410])
NOT_MODIFIED = OpenApiResponse(description="The bytes are those of If-None-Match.")

EVERYWHERE = (400, 401, 429, 500, 503)
WITH_A_BODY = (411, 413, 415)
WRITING = (403, 507)


def describe_errors(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Say at every operation which errors it may answer with; that any other answer is one too; and their one shape."""
    components = result["components"]
    components["schemas"]["Error"] = ERROR
    components["responses"] = {_name(status): _answer(status) for status in DESCRIPTIONS}
    for operations in result["paths"].values():
        for method, operation in operations.items():
            _describe(method, operation)
    return result


def _describe(method: str, operation: dict[str, Any]) -> None:
    answers = operation["responses"]
    own = {status for status in DESCRIPTIONS if str(status) in answers}
    for status in sorted(own | set(_errors(method, operation))):
        answers[str(status)] = {"$ref": f"#/components/responses/{_name(status)}"}
    answers["default"] = {"description": "Error", "content": CONTENT}


def _errors(method: str, operation: dict[str, Any]) -> Iterator[int]:
    taken = operation.get("parameters", [])
    yield from EVERYWHERE
    if any(parameter["in"] == "path" or parameter["name"] == "page" for parameter in taken):
        yield 404
    if method != "get":
        yield from WRITING
    if "requestBody" in operation:
        yield from WITH_A_BODY


def _name(status: int) -> str:
    return "".join(word.capitalize() for word in HTTPStatus(status).name.split("_"))


def _answer(status: int) -> dict[str, Any]:
    headers = {"headers": HEADERS[status]} if status in HEADERS else {}
    return {"description": DESCRIPTIONS[status], "content": CONTENT} | headers
