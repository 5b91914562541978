"""The site behind a proxy that speaks TLS with visitors: whose address counts, and which requests came safely."""

import json
from base64 import b64encode
from collections.abc import Iterator

import pytest

from tests.conftest import drawn_picture
from tests.served_site import ServedSite, served_site

PICTURE = json.dumps({"image": b64encode(drawn_picture()).decode()}).encode()


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Iterator[ServedSite]:
    behind_proxy = {
        "IMAGESEARCH_HTTPS": "true",
        "IMAGESEARCH_PROXY_COUNT": "1",
        "IMAGESEARCH_VISITOR_PICTURE_SEARCHES_PER_MINUTE": "1",
    }
    with served_site(tmp_path_factory.mktemp("server"), **behind_proxy) as running:
        yield running


def search(site: ServedSite, forwarded_for: str) -> int:
    headers = {"X-Forwarded-For": forwarded_for, "X-Forwarded-Proto": "https", "Content-Type": "application/json"}
    return site.ask("POST", "/api/v1/search/", PICTURE, **headers).status


def test_address_that_the_proxy_tells_is_the_one_that_counts(site):
    first = [search(site, "203.0.113.1"), search(site, "203.0.113.2")]
    again = [search(site, address) for address in ("203.0.113.1", "198.51.100.7, 203.0.113.1", "203.0.113.2")]

    assert (first, again) == ([200, 200], [429, 429, 429])


def test_page_is_sent_to_https_unless_the_proxy_says_it_came_so(site):
    safe = {"X-Forwarded-Proto": "https"}
    plain = site.ask("GET", "/accounts/login/")
    under_another_name = site.ask("GET", "/accounts/login/", **{"X_Forwarded_Proto": "https"})
    secure = site.ask("GET", "/accounts/login/", **safe)

    assert [plain.status, under_another_name.status, secure.status] == [301, 301, 200]
    assert plain.headers["Location"].startswith("https://127.0.0.1:")
    assert "Secure" in secure.headers["Set-Cookie"]
    assert secure.headers["Strict-Transport-Security"].startswith("max-age=31536000")
