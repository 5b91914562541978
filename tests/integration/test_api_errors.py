"""Whatever goes wrong, the answer is {"code", "message", "details"} and says no more than it should."""

import struct
import zlib

import pytest
from django.db import OperationalError
from django.test import Client

from gallery.models import Image
from tests.conftest import drawn_picture, sample_bytes
from tests.integration.api_client import API, Api


def assert_error(response, status, code):
    body = response.json()
    assert (response.status_code, body.get("code")) == (status, code)
    assert list(body) == ["code", "message", "details"]
    assert isinstance(body["message"], str)
    assert body["message"]
    assert isinstance(body["details"], dict)


def stored_files(data_dir):
    return [path for path in (data_dir / "media").rglob("*") if path.is_file()]


def header_of_a_giant() -> bytes:
    """Return a PNG that promises 60,000 x 60,000 pixels and ends there."""
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(b"\0" * 1000)), (b"IEND", b"")]
    body = b"".join(
        struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        for kind, content in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + body


SVG = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'


@pytest.mark.parametrize(
    ("name", "content", "status", "code"),
    [
        ("empty.png", b"", 400, "empty_file"),
        ("text.jpg", b"This is a letter, not a picture.", 415, "unsupported_format"),
        ("drawing.svg", SVG, 415, "unsupported_format"),
        ("page.html", b"<!doctype html><script>alert(1)</script>", 415, "unsupported_format"),
        ("cut.png", sample_bytes("chelsea.png")[:20_000], 400, "broken_picture"),
        ("cut.jpg", sample_bytes("rocket.jpg")[:20_000], 400, "broken_picture"),
        ("bomb.png", header_of_a_giant(), 413, "too_many_pixels"),
        ("a\x00b.png", b"GIF", 415, "unsupported_format"),
    ],
)
def test_a_bad_upload_is_refused_and_nothing_stored(alice, data_dir, name, content, *, status, code):
    response = Api(alice).upload(content, name, tags="x")

    assert_error(response, status, code)
    assert Image.objects.count() == 0
    assert stored_files(data_dir) == []


def test_a_file_over_the_limit_is_refused(alice, data_dir, limits_of):
    limits_of(max_upload_bytes=100)

    response = Api(alice).upload(drawn_picture())

    assert_error(response, 413, "file_too_large")
    assert response.json()["details"]["limit_bytes"] == 100
    assert (Image.objects.count(), stored_files(data_dir)) == (0, [])


def test_a_request_over_the_limit_is_refused_before_it_is_read(alice, limits_of):
    limits_of(max_upload_bytes=1)
    body = b"x" * 1_000_002

    for path in ("/images/", "/search/", "/nowhere/"):
        assert_error(Api(alice).client.post(API + path, body, content_type="application/json"), 413, "file_too_large")


def test_too_many_pixels_follow_the_setting(alice, limits_of):
    limits_of(max_pixels=100)

    assert_error(Api(alice).upload(drawn_picture()), 413, "too_many_pixels")


@pytest.mark.parametrize(
    "labels", [{"description": "x" * 2001}, {"visibility": "x"}, {"tags": "x" * 65}, {"description": "a\x00b"}]
)
def test_bad_labels_refuse_the_whole_upload(alice, data_dir, labels):
    assert Api(alice).upload(drawn_picture(), **labels).status_code == 400
    assert (Image.objects.count(), stored_files(data_dir)) == (0, [])


def test_an_upload_without_a_file_names_the_field(alice):
    for response in (Api(alice).post_form("/images/", tags="a"), Api(alice).post_form("/images/", file="text")):
        assert_error(response, 400, "invalid")
        assert list(response.json()["details"]) == ["file"]


def test_a_name_that_leads_elsewhere_is_only_a_name(alice):
    boundary = "b0undary"
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="../../a\x00b\x07.png"\r\n\r\n'
    body = head.encode() + drawn_picture() + f"\r\n--{boundary}--\r\n".encode()

    response = Api(alice).client.post(f"{API}/images/", body, content_type=f"multipart/form-data; boundary={boundary}")

    assert (response.status_code, response.json()["name"]) == (201, "ab.png")


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b'"text"', b"null", b"NaN", b"\xff\xfe", b'{"top": NaN}', b"[" * 200_000]
)
def test_malformed_json_is_a_bad_request(db, body):
    response = Api().client.post(f"{API}/search/", body, content_type="application/json")

    assert_error(response, 400, "parse_error")


def test_a_malformed_form_is_a_bad_request(alice):
    response = Api(alice).client.post(f"{API}/images/", b"abc", content_type="multipart/form-data")

    assert_error(response, 400, "parse_error")


def test_a_form_with_too_many_fields_is_refused(alice):
    response = Api(alice).post_form("/images/", **{f"field{number}": "x" for number in range(1_001)})

    assert response.status_code in (400, 413)
    assert list(response.json()) == ["code", "message", "details"]


@pytest.mark.parametrize(
    ("path", "kind"),
    [("/images/", "application/json"), ("/images/", "image/png"), ("/search/", "text/plain"), ("/search/", "x")],
)
def test_another_kind_of_body_is_unsupported(alice, path, kind):
    assert_error(Api(alice).client.post(API + path, b"{}", content_type=kind), 415, "unsupported_media_type")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("put", "/images/1/", {"GET", "HEAD", "OPTIONS", "PATCH", "DELETE"}),
        ("delete", "/images/", {"GET", "HEAD", "OPTIONS", "POST"}),
        ("post", "/tags/", {"GET", "HEAD", "OPTIONS"}),
        ("post", "/albums/", {"GET", "HEAD", "OPTIONS"}),
        ("post", "/stats/", {"GET", "HEAD", "OPTIONS"}),
        ("put", "/search/", {"GET", "HEAD", "OPTIONS", "POST"}),
    ],
)
def test_another_method_is_not_allowed_and_those_that_are_named(alice, method, path, allowed):
    response = getattr(Api(alice).client, method)(API + path)

    assert_error(response, 405, "method_not_allowed")
    assert set(response.headers["Allow"].split(", ")) == allowed


@pytest.mark.parametrize(
    ("path", "field"),
    [("/search/", "text"), ("image", "description"), ("image", "name"), ("image", "visibility")],
)
def test_a_number_in_json_is_no_text(alice, upload, path, field):
    api, image = Api(alice), upload(alice, content=drawn_picture())

    response = api.post(path, {field: 5}) if path == "/search/" else api.patch(f"/images/{image.pk}/", **{field: 5})

    assert_error(response, 400, "invalid")
    assert list(response.json()["details"]) == [field]


def test_a_form_may_leave_a_name_empty(alice, upload):
    api, image = Api(alice), upload(alice, "coffee.png", content=drawn_picture())

    response = api.client.patch(
        f"{API}/images/{image.pk}/", "name=&description=cup", content_type="application/x-www-form-urlencoded"
    )

    assert (response.json()["name"], response.json()["description"]) == ("coffee.png", "cup")


def test_words_longer_than_any_description_are_refused(db):
    assert_error(Api().get("/images/", q="x" * 2001), 400, "invalid")
    assert Api().json("/images/", q="x" * 2000)["count"] == 0


@pytest.mark.parametrize("ordering", [",", ",,", ",name", "name,,"])
def test_a_comma_with_nothing_beside_it_orders_by_nothing(db, ordering):
    assert Api().json("/images/", ordering=ordering)["count"] == 0


def test_the_docs_page_has_no_options(alice):
    response = Api(alice).client.options(f"{API}/docs/")

    assert_error(response, 405, "method_not_allowed")


def test_a_whole_number_may_be_written_with_a_point_in_json(db):
    assert Api().post("/search/", {"text": "cat", "top": 5.0}).status_code == 200


@pytest.mark.parametrize(
    "path", ["/images/", "/images/1/", "/search/", "/albums/", "/tags/", "/stats/", "/", "/schema/"]
)
@pytest.mark.parametrize("method", ["TRACE", "QUERY", "PROPFIND", "put"])
def test_a_method_that_nobody_knows_is_not_allowed(alice, path, method):
    response = Api(alice).client.generic(method.upper(), API + path)

    assert_error(response, 405, "method_not_allowed")
    assert "GET" in response.headers["Allow"]


@pytest.mark.parametrize(
    "path", ["/images/1%00/", "/images/%00", "//images/", "/images/%ff/", "/images/9999999999999999999/"]
)
def test_an_address_with_signs_that_cannot_be_is_not_there(db, path):
    assert_error(Api().client.get(API + path), 404, "not_found")


@pytest.mark.parametrize("accept", ["text/html", "image/png", "nonsense"])
def test_whatever_is_accepted_the_answer_is_json(db, accept):
    response = Api().client.get(f"{API}/images/", headers={"Accept": accept})

    assert (response.status_code, response.headers["Content-Type"]) == (200, "application/json")


@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete"])
@pytest.mark.parametrize(
    "path", ["/api/", "/api/v1/nothing/", "/api/v2/images/", "/api/v1/nothing", "/api/v1/images/x/y/"]
)
def test_an_address_that_does_not_exist_is_json_too(db, method, path):
    assert_error(getattr(Client(enforce_csrf_checks=True), method)(path), 404, "not_found")


def test_a_forgotten_slash_keeps_method_and_query(db):
    response = Client().post(f"{API}/search?x=1", {"text": "cat"}, content_type="application/json")

    assert (response.status_code, response.headers["Location"]) == (308, f"{API}/search/?x=1")
    answer = Client().post(f"{API}/search", {"text": "cat"}, content_type="application/json", follow=True)
    assert answer.json()["results"] == []


def test_a_host_that_is_not_ours_is_refused_in_json(db):
    assert_error(Client().get(f"{API}/images/", headers={"Host": "evil.example"}), 400, "bad_request")


def test_an_anonymous_write_is_told_how_to_sign_in(db):
    response = Api().upload(drawn_picture())

    assert_error(response, 401, "not_authenticated")
    assert response.headers["WWW-Authenticate"] == "Bearer"


def test_a_defect_of_ours_is_logged_and_tells_nothing(alice, monkeypatch, caplog):
    def break_down(*_args, **_kwargs):
        raise RuntimeError("secret inside")

    monkeypatch.setattr("gallery.api.search.find_images", break_down)

    response = Api(alice).get("/search/", q="cat")

    assert_error(response, 500, "error")
    assert "secret" not in response.content.decode()
    assert "secret inside" in caplog.text


def test_a_busy_database_is_said_to_be_busy(alice, monkeypatch):
    def lock(*_args, **_kwargs):
        raise OperationalError("database is locked")

    monkeypatch.setattr("gallery.api.search.find_images", lock)

    assert_error(Api(alice).get("/search/", q="cat"), 503, "database_busy")


def test_a_full_disk_stores_nothing(alice, monkeypatch):
    def fill(*_args, **_kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("gallery.durable.synced_writing.fdatasync", fill)

    assert_error(Api(alice).upload(drawn_picture()), 507, "storage_full")
    assert Image.objects.count() == 0


def test_too_many_requests_of_a_visitor_wait(db, monkeypatch):
    from rest_framework.throttling import AnonRateThrottle

    monkeypatch.setattr(AnonRateThrottle, "THROTTLE_RATES", {"anon": "2/min"})
    visitor = Client(REMOTE_ADDR="192.0.2.7")

    answers = [visitor.get(f"{API}/stats/") for _ in range(3)]

    assert [answer.status_code for answer in answers[:2]] == [200, 200]
    assert_error(answers[2], 429, "throttled")
    assert 0 < int(answers[2].headers["Retry-After"]) <= 60


def test_messages_are_translated_and_codes_are_not(alice, settings):
    response = Client(headers={"Accept-Language": "zh-hans"}).get(f"{API}/images/", {"page": "x"})

    assert response.json()["code"] == "invalid"
    assert response.headers["Content-Language"] == "zh-hans"


def test_options_describes_an_endpoint(alice):
    response = Api().client.options(f"{API}/images/")

    assert response.status_code == 200
    assert response.json()["renders"] == ["application/json"]
