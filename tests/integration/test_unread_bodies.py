"""Bodies that the server of `make run` does not read are refused at every door: none is taken for an empty request."""

import json
from base64 import b64encode
from collections.abc import Iterator

import pytest

from tests.conftest import drawn_picture
from tests.served_site import ServedSite, served_site

DOORS = ["/api/v1/images/1/", "/api/v1/search/", "/api/v1/nowhere/", "/upload/", "/accounts/login/", "/admin/", "/"]
MEGABYTE = 1_000_000


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Iterator[ServedSite]:
    with served_site(tmp_path_factory.mktemp("server")) as running:
        yield running


def head(method: str, path: str, *lines: str) -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: localhost", "Connection: close", *lines, "", ""]).encode()


def in_chunks(body: bytes) -> bytes:
    return b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


@pytest.mark.parametrize("method", ["PATCH", "POST", "PUT", "DELETE"])
@pytest.mark.parametrize("path", DOORS)
def test_body_in_chunks_is_refused(site, method, path):
    lines = ("Content-Type: application/json", "Transfer-Encoding: chunked")

    answer = site.send(head(method, path, *lines) + in_chunks(b'{"description": "new"}'))

    assert status_of(answer) == 411
    assert b"Content-Length" in answer
    assert (b'"code": "length_required"' in answer) is path.startswith("/api/")


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_reading_takes_no_notice_of_a_body_in_chunks(site, method):
    answer = site.send(head(method, "/api/v1/tags/", "Transfer-Encoding: chunked") + in_chunks(b"x"))

    assert status_of(answer) == 200


@pytest.mark.parametrize("path", ["/api/v1/search/", "/search/"])
def test_packed_body_is_refused(site, path):
    lines = ("Content-Type: application/json", "Content-Encoding: gzip", "Content-Length: 3")

    assert status_of(site.send(head("POST", path, *lines) + b"abc")) == 415


def test_request_without_a_body_is_no_body_in_chunks(site):
    assert status_of(site.send(head("POST", "/api/v1/search/"))) == 400


def test_picture_in_json_is_read_up_to_the_limit_of_an_upload(site):
    answers = {size: _search_with_json(site, size) for size in (3 * MEGABYTE, 50 * MEGABYTE, 50 * MEGABYTE + 3)}

    assert {size: status_of(answer) for size, answer in answers.items()} == {
        3 * MEGABYTE: 200,
        50 * MEGABYTE: 200,
        50 * MEGABYTE + 3: 413,
    }


def _search_with_json(site: ServedSite, size_bytes: int) -> bytes:
    picture = drawn_picture(format="BMP")
    body = json.dumps({"image": b64encode(picture.ljust(size_bytes, b"\0")).decode()}).encode()
    lines = ("Content-Type: application/json", f"Content-Length: {len(body)}")
    return site.send(head("POST", "/api/v1/search/", *lines), body)
