"""What visitors write into addresses and headers reaches no header and no log line of ours unchecked."""

import re
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from django.test import Client

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


def test_no_visitor_forges_a_log_line(server):
    forged = quote("\n2026-01-01 00:00:00,000 ERROR gallery: forged\x1b[2J\x9b\u2028")
    for path in (f"/api/v1/{forged}", f"/{forged}", f"{SCHEMA}?version={forged}", f"/accounts/login/?next={forged}"):
        server.ask("GET", path)
        server.ask("POST", path)
        server.ask("GET", path, **{"User-Agent": "a\x1b[2J\x9b"})
    server.ask("GET", "/healthz?last")

    log = until(
        lambda: (text := server.log.read_bytes()) and b"healthz?last" in text and text, "all is logged"
    ).decode()

    assert re.findall("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028]", log) == []
    assert [line for line in log.splitlines() if line and not line.startswith("    ") and not RECORD.match(line)] == []
    assert "forged" in log
