"""The database that IMAGESEARCH_DATABASE_URL names, or one sentence about what is wrong with it."""

import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import dj_database_url
from django.core.exceptions import ImproperlyConfigured

SQLITE = ("sqlite",)
POSTGRESQL = ("postgres", "postgresql", "pgsql")
CONNECTION_SECONDS = 60  # how long a thread keeps its connection
EXAMPLE = "Write it as postgres://user:password@host:5432/name, or leave it empty for SQLite in the data folder."
SECRETS = re.compile(r"((?:^|://)[^:/?#]*:).*(?=@)|(password=)[^&]*", re.IGNORECASE)


def database_of(url: str, *, setting: str, sqlite_options: dict[str, Any]) -> dict[str, Any]:
    """Return the database as Django wants to know it. Raises ImproperlyConfigured, which names no password."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise _refused(url, setting, "cannot be understood") from None
    if parts.scheme in SQLITE:
        database = dict(dj_database_url.parse(url, conn_max_age=CONNECTION_SECONDS))
        if why := _no_file_reason(str(database["NAME"])):
            raise _refused(url, setting, why)
        return database | {"OPTIONS": sqlite_options}
    if parts.scheme not in POSTGRESQL:
        raise _refused(url, setting, f"must begin with {', '.join(f'{each}://' for each in POSTGRESQL)} or sqlite://")
    if port == 0 or not parts.path.strip("/"):
        raise _refused(url, setting, "names no database")
    if find_spec("psycopg") is None and find_spec("psycopg2") is None:
        raise ImproperlyConfigured(
            f'{setting} names a PostgreSQL, but its driver is not installed. Run: pip install "psycopg[binary]"'
        )
    try:
        return dict(dj_database_url.parse(url, conn_max_age=CONNECTION_SECONDS, conn_health_checks=True))
    except (dj_database_url.ParseError, ValueError):
        raise _refused(url, setting, "cannot be understood") from None


def _no_file_reason(name: str) -> str:
    """Return why SQLite cannot keep a library there; "" if it can."""
    path = Path(name)
    if name in ("", ":memory:"):
        return "names no file, and what is only in memory each process would have for itself"
    if path.is_dir():
        return "names a folder instead of a file"
    return "" if path.parent.is_dir() else f"names a file in “{path.parent}”, which is no folder"


def without_password(url: str) -> str:
    return SECRETS.sub(lambda found: f"{found[1] or found[2]}…", url)


def _refused(url: str, setting: str, why: str) -> ImproperlyConfigured:
    return ImproperlyConfigured(f"{setting} is “{without_password(url)}”; it {why}. {EXAMPLE}")
