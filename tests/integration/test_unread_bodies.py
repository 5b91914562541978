"""Bodies as the server of `make run` takes them: in chunks like others; what is not read is refused at every door."""

import json
from base64 import b64encode
from collections.abc import Iterator

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test.client import encode_multipart

from tests.conftest import drawn_picture
from tests.served_site import ServedSite, served_site

DOORS = ["/api/v1/images/1/", "/api/v1/search/", "/api/v1/nowhere/", "/upload/", "/accounts/login/", "/admin/", "/"]
MEGABYTE = 1_000_000
CHUNKED = "Transfer-Encoding: chunked"


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Iterator[ServedSite]:
    with served_site(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture(scope="module")
def token(site) -> str:
    return site.add_user()


def head(method: str, path: str, *lines: str) -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: localhost", "Connection: close", *lines, "", ""]).encode()


def in_chunks(body: bytes, chunk_bytes: int = 1_000) -> bytes:
    parts = [body[start : start + chunk_bytes] for start in range(0, len(body), chunk_bytes)]
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in [*parts, b""])


def content_of(answer: bytes) -> bytes:
    return answer.split(b"\r\n\r\n", 1)[1]


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


@pytest.mark.parametrize("chunk_bytes", [1, 7, 100_000])
def test_body_in_chunks_is_read_as_one_with_a_length(site, chunk_bytes):
    body = _picture_in_json(200_000 if chunk_bytes == 100_000 else 300)
    kind = "Content-Type: application/json"

    whole = site.send(head("POST", "/api/v1/search/", kind, f"Content-Length: {len(body)}"), body)
    parts = site.send(head("POST", "/api/v1/search/", kind, CHUNKED), in_chunks(body, chunk_bytes))

    assert status_of(whole) == status_of(parts) == 200
    assert sorted(json.loads(content_of(parts))) == sorted(json.loads(content_of(whole)))


@pytest.mark.parametrize("path", DOORS)
def test_body_in_chunks_over_the_limit_is_refused(site, path):
    answer = site.send(head("POST", path, CHUNKED), in_chunks(b"x" * (68 * MEGABYTE), MEGABYTE))

    assert status_of(answer) == 413
    assert (b'"code": "file_too_large"' in answer) is path.startswith("/api/")


def test_body_in_chunks_that_is_cut_short_is_not_taken_for_a_whole_one(site):
    body = _picture_in_json(300)

    answer = site.send(head("POST", "/api/v1/search/", CHUNKED) + in_chunks(body, 100)[:-20], ends_sending=True)

    assert b" 200 OK" not in answer


@pytest.mark.parametrize("cut_bytes", [5, 6, 300], ids=["before the last chunk", "in a chunk's end", "in the picture"])
def test_upload_in_chunks_that_is_cut_short_stores_nothing(site, token, cut_bytes):
    bearer = f"Authorization: Bearer {token}"
    body = encode_multipart("part", {"file": SimpleUploadedFile("a.png", drawn_picture())})
    lines = (bearer, "Content-Type: multipart/form-data; boundary=part", CHUNKED)

    answer = site.send(head("POST", "/api/v1/images/", *lines) + in_chunks(body)[:-cut_bytes], ends_sending=True)
    listed = site.send(head("GET", "/api/v1/images/", bearer))

    assert b" 201 Created" not in answer
    assert json.loads(content_of(listed))["count"] == 0


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
    body = _picture_in_json(size_bytes)
    lines = ("Content-Type: application/json", f"Content-Length: {len(body)}")
    return site.send(head("POST", "/api/v1/search/", *lines), body)


def _picture_in_json(size_bytes: int) -> bytes:
    picture = drawn_picture(format="BMP")
    return json.dumps({"image": b64encode(picture.ljust(size_bytes, b"\0")).decode()}).encode()
