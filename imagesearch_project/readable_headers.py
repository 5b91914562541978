"""Headers that Django cannot read, before it reads them: it would answer 500, or not at all."""

import codecs
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from django.utils.http import parse_header_parameters

Environ = dict[str, Any]
Application = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]
Scope = dict[str, Any]
AsyncApplication = Callable[[Scope, Callable[..., Any], Callable[..., Any]], Awaitable[None]]

UNKNOWN_CONTENT = "application/octet-stream"  # no parser takes it: 415 from the API, an empty form for a page
ANYTHING = "*/*"
FAILING_CODECS = {"idna", "punycode", "undefined"}  # texts to Python, but what is no text makes them raise


def with_readable_headers(application: Application) -> Application:
    """Return the application, told of no header in a form that makes the framework fail."""

    def call(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        environ["CONTENT_TYPE"] = _readable_content_type(environ.get("CONTENT_TYPE", ""))
        if "HTTP_ACCEPT" in environ:
            environ["HTTP_ACCEPT"] = _readable_accept(environ["HTTP_ACCEPT"])
        return application(environ, start_response)

    return call


def with_readable_async_headers(application: AsyncApplication) -> AsyncApplication:
    """Do for an asynchronous server what `with_readable_headers` does."""
    readers = {b"content-type": _readable_content_type, b"accept": _readable_accept}

    async def call(scope: Scope, receive: Callable[..., Any], send: Callable[..., Any]) -> None:
        read = [
            (name, readers[name](value.decode("latin-1")).encode("latin-1") if name in readers else value)
            for name, value in scope.get("headers", [])
        ]
        await application(scope | {"headers": read}, receive, send)

    return call


def _readable_content_type(value: str) -> str:
    return value if _is_readable(value) and _has_text_charset(value) else UNKNOWN_CONTENT


def _readable_accept(value: str) -> str:
    return value if all(map(_is_readable, value.split(","))) else ANYTHING


def _is_readable(value: str) -> bool:
    """Say whether Django can take the header apart; it raises ValueError for an encoding that there is not."""
    try:
        parse_header_parameters(value)
    except ValueError:
        return False
    return "\0" not in value


def _has_text_charset(value: str) -> bool:
    """Say whether a text can be read in the charset, or Django reads it as UTF-8, knowing none of this name.

    Python also calls charsets what packs bytes (`zlib`, `hex`): Django takes them for the charset of the address too.
    """
    charset = parse_header_parameters(value)[1].get("charset", "")
    try:
        name = codecs.lookup(charset).name
    except (LookupError, ValueError):
        return True
    return name not in FAILING_CODECS and _is_of_texts(name)


def _is_of_texts(codec: str) -> bool:
    try:
        "".encode(codec)
    except LookupError:  # it packs bytes
        return False
    return True
