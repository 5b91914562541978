"""A request of granian's as WSGI describes one."""

import sys
from typing import IO, Any

from granian.rsgi import Scope

from .answers import SentFile

Environ = dict[str, Any]
UNPREFIXED = ("CONTENT_TYPE", "CONTENT_LENGTH")


def environ_of(scope: Scope, body: IO[bytes], *, size_bytes: int | None) -> Environ:
    """Return the environment; `size_bytes` is the length of the body, or None where it is not read."""
    server, _, port = scope.server.rpartition(":")
    environ: Environ = {
        "REQUEST_METHOD": scope.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": scope.path.encode().decode("latin-1"),
        "QUERY_STRING": scope.query_string,
        "SERVER_NAME": server.strip("[]"),
        "SERVER_PORT": port,
        "SERVER_PROTOCOL": f"HTTP/{scope.http_version}",
        "REMOTE_ADDR": scope.client.rpartition(":")[0].strip("[]"),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.scheme,
        "wsgi.input": body,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        "wsgi.file_wrapper": SentFile,
    }
    _add_headers(environ, scope)
    if size_bytes is not None:
        environ["CONTENT_LENGTH"] = str(size_bytes)
    return environ


def _add_headers(environ: Environ, scope: Scope) -> None:
    """Join headers that came several times; names with an underscore would pass for those with a dash."""
    if scope.authority:
        environ["HTTP_HOST"] = scope.authority
    for name, value in scope.headers.items():
        if "_" in name:
            continue
        key = name.upper().replace("-", "_")
        key = key if key in UNPREFIXED else f"HTTP_{key}"
        joint = "; " if key == "HTTP_COOKIE" else ","
        environ[key] = f"{environ[key]}{joint}{value}" if key in environ and key != "HTTP_HOST" else value
