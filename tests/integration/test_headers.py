"""What visitors write into addresses and headers reaches no header and no log line of ours unchecked."""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from asgiref.testing import ApplicationCommunicator
from django.test import Client

from imagesearch_project import asgi
from tests.asynchronous import run_async
from tests.served_site import ServedSite, served_site
from tests.waiting import until

SCHEMA = "/api/v1/schema/"
BROKEN = ["1\r\nX-Injected: yes", "\n", 'a"; filename="evil.exe', "猫", "../../x", "\x00", "2"]
UNREADABLE = ["application/json; a*=foo''%41", "form-data; name*=none''x"]
RECORD = re.compile(
    r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d+ [A-Z]+ \S+: "  # the site's
    r"|\[\d{4}-\d\d-\d\d [\d:]+ [+-]\d{4}\] \[\d+\] \[[A-Z]+\] |127\.0\.0\.1 - - \["  # the server's own
)


@pytest.mark.parametrize("value", BROKEN)
@pytest.mark.parametrize("name", ["version", "lang"])
def test_schema_refuses_a_version_or_language_that_there_is_not(db, name, value):
    answer = Client(raise_request_exception=False).get(SCHEMA, {name: value})

    assert answer.status_code == 400
    assert list(answer.json()["details"]) == [name]
    assert "Content-Disposition" not in answer.headers


@pytest.mark.parametrize("query", [{}, {"version": "1"}, {"version": ""}, {"lang": "zh-hans"}])
def test_schema_has_one_name(db, query):
    answer = Client().get(SCHEMA, query)

    assert answer.status_code == 200
    assert answer.headers["Content-Disposition"] == 'inline; filename="Image Search.json"'


CHARSETS = [
    "hex", "base64", "zlib", "bz2", "rot13", "uu", "quopri", "undefined", "idna", "punycode", "utf-7", "utf-16", "gbk",
    "unicode_escape", "nobody-knows-it", "a\xff", "",
]  # fmt: skip


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[ServedSite]:
    with served_site(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.mark.parametrize("header", ["Content-Type", "Accept"])
@pytest.mark.parametrize("value", UNREADABLE)
@pytest.mark.parametrize("path", [SCHEMA, "/api/v1/search/", "/i18n/setlang/", "/accounts/login/", "/healthz"])
def test_server_answers_headers_that_cannot_be_read(server, path, header, value):
    answers = [server.ask(method, path, **{header: value}) for method in ("GET", "POST")]

    assert [answer.status for answer in answers if answer.status >= 500] == []


@pytest.mark.parametrize("charset", CHARSETS)
def test_server_answers_whatever_charset_a_visitor_names(server, charset):
    content_types = [f"{kind}; charset={charset}" for kind in ("application/x-www-form-urlencoded", "application/json")]
    answers = [
        server.ask(method, path, b'{"q": "a"}&q=%FF', **{"Content-Type": content_type})
        for method in ("GET", "POST", "PATCH")
        for path in ("/search/?q=%FF", "/api/v1/search/?q=%FF", "/accounts/login/?next=%FF")
        for content_type in content_types
    ]

    assert [answer.status for answer in answers if answer.status >= 500] == []


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("Content-Type", "text/plain; charset=hex"),
        ("Content-Type", "application/json; a*=foo''%41"),
        ("Accept", "application/json; a*=foo''%41"),
        ("Accept", "text/html"),
    ],
)
def test_asynchronous_server_reads_headers_alike(header, value):
    assert run_async(asked_asynchronously("/healthz", header, value))["status"] == 200


async def asked_asynchronously(path: str, header: str, value: str) -> dict[str, Any]:
    headers = [(b"host", b"localhost"), (header.lower().encode(), value.encode())]
    scope = {"type": "http", "method": "GET", "path": path, "query_string": b"a=%FF", "headers": headers}
    server = ApplicationCommunicator(asgi.application, scope)
    await server.send_input({"type": "http.request"})
    return await server.receive_output(timeout=60)


def test_no_visitor_forges_a_log_line(server):
    forged = quote("\n2026-01-01 00:00:00,000 ERROR gallery: forged\x1b[2J\x9b\u2028")
    for path in (f"/api/v1/{forged}", f"/{forged}", f"{SCHEMA}?version={forged}", f"/accounts/login/?next={forged}"):
        server.ask("GET", path)
        server.ask("POST", path)
        server.ask("GET", path, **{"User-Agent": "a\x1b[2J\x9b"})
    server.ask("GET", "/the-last-of-all")

    log = until(lambda: (text := server.log.read_bytes()) and b"the-last-of-all" in text and text, "all is logged")
    log = log.decode()

    assert re.findall("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028]", log) == []
    assert [line for line in log.splitlines() if line and not line.startswith("    ") and not RECORD.match(line)] == []
    assert "forged" in log
