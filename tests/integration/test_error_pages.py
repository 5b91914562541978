"""Every error is a page with its status and a way on; no page needs an inline style or script."""

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import OperationalError
from django.test import Client, RequestFactory
from django.urls import reverse

from gallery.errors import StorageNotWritable, StoreDamaged
from gallery.models import Visibility
from gallery.views import context, errors, home
from gallery.views import upload as upload_view
from tests.conftest import PASSWORD, sample_bytes
from tests.pages import as_user, text_of

TEMPLATES = sorted(Path(django_settings.BASE_DIR, "templates").rglob("*.html"))


class InlineFinder(HTMLParser):
    """Collects what a strict Content-Security-Policy would refuse."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = dict(attrs)
        self.found += [f"{tag} {name}" for name in names if name == "style" or name.startswith(("on", "hx-on"))]
        if tag == "style" or (tag == "script" and "src" not in names):
            self.found.append(tag)
        self.found += [str(value) for value in names.values() if value and value.lower().startswith("javascript:")]


def inline_in(html: str) -> list[str]:
    finder = InlineFinder()
    finder.feed(html)
    return finder.found


def assert_page(page: Any, status: int, words: str) -> None:
    text = text_of(page)
    assert page.status_code == status
    assert words in text
    assert "<h1>" in text
    assert 'href="/"' in text
    assert inline_in(text) == []


def failing(error: Exception) -> Any:
    def fail(*_: Any, **__: Any) -> Any:
        raise error

    return fail


def test_an_unknown_address_is_a_page(db):
    page = Client().get("/nope/")

    assert_page(page, 404, "There is nothing here")
    assert "/accounts/login/?next=/nope/" in text_of(page)


def test_a_forbidden_change_is_a_page(alice, charlie, upload):
    picture = upload(alice, visibility=Visibility.PUBLIC)

    assert_page(as_user(charlie).get(f"/images/{picture.pk}/edit/"), 403, "You may see this but not change it")


def test_an_address_that_only_takes_forms_is_a_page(alice):
    page = as_user(alice).get("/accounts/logout/")

    assert_page(page, 405, "This address only takes what a form sends.")
    assert "POST" in page.headers["Allow"]


def test_a_form_without_its_token_is_a_page(alice):
    client = Client(enforce_csrf_checks=True)

    page = client.post("/accounts/login/", {"username": "alice", "password": PASSWORD})

    assert_page(page, 403, "nothing was done")


def test_a_wrong_host_is_a_page_that_needs_no_session(db):
    assert_page(Client().get("/", headers={"host": "elsewhere.example"}), 400, "This request cannot be understood")


@pytest.mark.parametrize(("error", "status"), [(SuspiciousOperation("odd"), 400), (RequestDataTooBig("much"), 413)])
def test_an_odd_request_is_a_page(db, monkeypatch, error, status):
    monkeypatch.setattr(home, "page_of", failing(error))

    assert_page(Client().get("/"), status, 'class="error-status numbers"')


def test_a_request_that_is_too_large_is_refused_unread(db):
    page = Client().get("/", CONTENT_LENGTH=str(10**12))

    assert_page(page, 413, "This is too large")


def test_both_doors_name_the_same_limit_of_a_request_that_is_too_large(db, limits_of):
    limits_of(max_upload_bytes=1_000_000)

    page = Client().get("/", CONTENT_LENGTH="5000000")
    answer = Client().get("/api/v1/", CONTENT_LENGTH="5000000")

    assert answer.json()["message"] in page.content.decode()
    assert answer.json()["details"] == {"size_bytes": 5_000_000, "limit_bytes": 1_000_000}


@pytest.mark.parametrize("path", ["/", "/api/v1/"])
@pytest.mark.parametrize("length", ["", "²", "-1", "many"])
def test_a_length_that_is_no_number_is_left_to_the_server(db, path, length):
    assert Client().get(path, CONTENT_LENGTH=length).status_code == 200


@pytest.mark.parametrize(
    ("who", "path", "is_read"),
    [
        ("alice", "/upload/", True),
        ("anonymous", "/upload/", False),
        ("alice", "/search/", False),
        ("alice", "/upload/file/", False),
        ("anonymous", "/search/", False),
    ],
)
def test_only_the_upload_form_takes_more_than_one_picture_can_have(visitors, limits_of, who, path, is_read):
    limits_of(max_upload_bytes=1_000_000, max_upload_files=10)

    page = visitors[who].get(path, CONTENT_LENGTH="5000000")

    assert (page.status_code == 413) is not is_read


def test_a_busy_database_is_a_page_that_asks_it_nothing(alice, monkeypatch):
    monkeypatch.setattr(home, "page_of", failing(OperationalError("database is locked")))

    assert_page(as_user(alice).get("/"), 503, "The database is busy with another change.")


def test_no_page_says_where_the_site_keeps_its_files(alice, monkeypatch):
    error = StorageNotWritable(path="/srv/secret/data", reason="read-only")
    monkeypatch.setattr(home, "page_of", failing(error))
    monkeypatch.setattr(upload_view, "accept_upload", failing(error))
    monkeypatch.setattr(context, "current_encoder_name", failing(StoreDamaged(path="/srv/secret/x.npy", reason="cut")))
    client = as_user(alice)

    def sent():
        return {"files": SimpleUploadedFile("x.png", sample_bytes("coffee.png"))}

    pages = [
        client.get("/"),
        client.post("/upload/", sent()),
        client.post("/upload/file/", sent()),
        client.get("/search/"),
    ]

    assert [page.status_code for page in pages] == [503, 503, 503, 200]
    assert all("/srv" not in text_of(page) for page in pages)
    assert "“x.npy” is damaged" in text_of(pages[-1])


def test_a_defect_of_ours_is_a_page_that_needs_no_database(monkeypatch):
    page = errors.server_error(RequestFactory().get("/"))  # without the `db` fixture a query would fail

    assert_page(page, 500, "Something went wrong on our side")


def test_a_defect_reaches_the_page(alice, monkeypatch):
    monkeypatch.setattr(home, "page_of", failing(RuntimeError("secret detail")))
    client = as_user(alice)
    client.raise_request_exception = False

    page = client.get("/")

    assert_page(page, 500, "Something went wrong on our side")
    assert "secret detail" not in text_of(page)


def test_a_defect_of_the_error_page_still_answers(monkeypatch):
    monkeypatch.setattr(errors, "render_to_string", failing(RuntimeError("no template")))

    page = errors.status_page(RequestFactory().get("/"), 500, "<b>")

    assert page.status_code == 500
    assert "&lt;b&gt;" in page.content.decode()


# Content-Security-Policy


@pytest.fixture
def every_page(alice: Any, bob: Any, upload: Any) -> dict[str, Any]:
    """Return every page of the site, by address: signed out, with pictures, empty, and with errors on it."""
    picture = upload(alice, tags="cat", visibility=Visibility.PUBLIC)
    upload(alice, "coffee.png")
    client = as_user(alice)
    sent = client.post("/search/", {"picture": SimpleUploadedFile("x.png", sample_bytes("coffee.png"))})
    paths = [
        *("/", "/search/", "/search/?q=cat", "/search/?q=cat&view=table", "/search/?q=", "/search/?tag=cat", "/nope/"),
        *(f"/images/{picture.pk}/", f"/images/{picture.pk}/edit/", f"/search/?like={picture.pk}"),
        *(reverse(name) for name in ("upload", "library", "library-clear", "trash")),
        *(reverse(name) for name in ("password_change", "password_change_done")),
        sent.headers["Location"],
    ]
    outside = ["/", "/accounts/login/", "/accounts/sign-up/", "/accounts/password-reset/", "/accounts/reset/a/b/"]
    outside += ["/accounts/password-reset/done/", "/accounts/reset/done/", "/search/?q=cat"]
    pages = {path: client.get(path) for path in paths}
    pages |= {f"bob {path}": as_user(bob).get(path) for path in ("/", "/search/?q=cat")}
    pages |= {f"anonymous {path}": Client().get(path) for path in outside}
    client.post(f"/images/{picture.pk}/delete/")
    return pages | {"with a message": client.get("/")}


def test_no_page_needs_an_inline_style_or_script(every_page):
    found = {path: inline_in(page.content.decode()) for path, page in every_page.items() if page.content}

    assert {path: inline for path, inline in found.items() if inline} == {}


def test_every_page_carries_a_strict_policy(every_page):
    policies = {page.headers.get("Content-Security-Policy", "") for page in every_page.values()}

    assert len(policies) == 1
    policy = policies.pop()
    assert "default-src 'self'" in policy
    assert "object-src 'none'" in policy
    assert "unsafe" not in policy
    assert "*" not in policy


def test_every_htmx_request_has_a_plain_link_or_form_beside_it(every_page):
    for path, page in every_page.items():
        for tag in re.findall(r"<(?:a|form)\b[^>]*\bhx-(?:get|post)=[^>]*>", page.content.decode()):
            assert re.search(r"\b(?:href|action)=", tag), (path, tag)


def test_every_page_has_a_title_one_heading_and_labelled_fields(every_page):
    for path, page in every_page.items():
        html = page.content.decode()
        if not html:
            continue
        assert re.search(r"<title>\s*\S", html), path
        assert len(re.findall(r"<h1\b", html)) == 1, path
        for image in re.findall(r"<img\b[^>]*\bsrc=[^>]*>", html):  # one without is a script's template
            assert " alt=" in image, (path, image)
            assert re.search(r' width="\d+" height="\d+"', image), (path, image)
        for field in re.findall(r'<(?:input|select|textarea)\b(?![^>]*type="hidden")[^>]*\bid="([^"]+)"', html):
            assert f'for="{field}"' in html, (path, field)


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_no_template_holds_an_inline_style_or_script(template):
    assert inline_in(template.read_text()) == []


def test_htmx_is_told_to_keep_the_policy(db):
    text = text_of(Client().get("/"))

    assert '"allowEval": false' in text
    assert '"includeIndicatorStyles": false' in text
