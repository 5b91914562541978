"""Headers that Django cannot read, before it reads them: it would answer 500, or not at all."""

from collections.abc import Callable, Iterable
from typing import Any

from django.utils.http import parse_header_parameters

Environ = dict[str, Any]
Application = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]

UNKNOWN_CONTENT = "application/octet-stream"  # no parser takes it: 415 from the API, an empty form for a page
ANYTHING = "*/*"


def with_readable_headers(application: Application) -> Application:
    """Return the application, told of no header in a form that makes the framework fail."""

    def call(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        if not _is_readable(environ.get("CONTENT_TYPE", "")):
            environ["CONTENT_TYPE"] = UNKNOWN_CONTENT
        if not all(_is_readable(kind) for kind in environ.get("HTTP_ACCEPT", "").split(",")):
            environ["HTTP_ACCEPT"] = ANYTHING
        return application(environ, start_response)

    return call


def _is_readable(value: str) -> bool:
    """Say whether Django can take the header apart; it raises ValueError for an encoding that there is not."""
    try:
        parse_header_parameters(value)
    except ValueError:
        return False
    return "\0" not in value
