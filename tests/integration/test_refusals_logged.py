"""Whatever a visitor provokes writes one line without traceback; what is our fault keeps its traceback."""

import logging
from collections.abc import Callable, Iterator
from io import StringIO
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from gallery.errors import ServerBusy
from gallery.views import home
from imagesearch_project.log_lines import OneLineFormatter
from imagesearch_project.refusal_log import RefusalHandler
from tests.pages import as_user


@pytest.fixture
def written() -> Iterator[StringIO]:
    """What a handler as the site's writes in its place from now on."""
    root, stream = logging.getLogger(), StringIO()
    [of_site] = [handler for handler in root.handlers if isinstance(handler, RefusalHandler)]
    handler = RefusalHandler(stream)
    handler.setFormatter(OneLineFormatter("%(levelname)s %(name)s: %(message)s"))
    root.removeHandler(of_site)
    root.addHandler(handler)
    yield stream
    root.removeHandler(handler)
    root.addHandler(of_site)
    handler.close()


def visitor(**options: Any) -> Client:
    return Client(raise_request_exception=False, **options)


def too_large(client: Client) -> Any:
    return client.post("/search/", b"x", content_type="multipart/form-data; boundary=x", CONTENT_LENGTH="999999999999")


def broken_form(client: Client) -> Any:
    return client.post("/search/", b"x", content_type="multipart/form-data; boundary=")


def from_elsewhere(_client: Client) -> Any:
    return visitor(enforce_csrf_checks=True).post("/accounts/login/", {"username": "a"})


REFUSALS: dict[str, tuple[int, Callable[[Client], Any]]] = {
    "not there": (404, lambda client: client.get("/nothing/here/")),
    "not there in the API": (404, lambda client: client.get("/api/v1/nothing/")),
    "wrong host": (400, lambda client: client.get("/", headers={"Host": "evil.example"})),
    "wrong host in the API": (400, lambda client: client.get("/api/v1/stats/", headers={"Host": "evil.example"})),
    "wrong host of a form": (400, lambda client: client.post("/accounts/login/", headers={"Host": "evil.example"})),
    "from elsewhere": (403, from_elsewhere),
    "too large": (413, too_large),
    "broken form": (400, broken_form),
    "wrong method": (405, lambda client: client.delete("/search/")),
    "not signed in": (401, lambda client: client.post("/api/v1/images/")),
    "wrong query": (400, lambda client: client.get("/search/?tag=%00")),
}


@pytest.mark.parametrize(("status", "refused"), REFUSALS.values(), ids=REFUSALS)
def test_refusal_writes_one_short_line(db, written, status, refused):
    answer = refused(visitor())

    assert answer.status_code == status
    assert "Traceback" not in written.getvalue()
    assert len(written.getvalue().splitlines()) == 1
    assert len(written.getvalue()) < 300


def test_forbidden_page_writes_one_line(alice, bob, written, upload):
    image = upload(alice, visibility="public")

    answer = as_user(bob).post(f"/images/{image.pk}/delete/")

    assert answer.status_code == 403
    assert len(written.getvalue().splitlines()) == 1


@pytest.mark.parametrize("error", [PermissionDenied(), ServerBusy()])
def test_refusals_raised_anywhere_are_one_line(db, written, monkeypatch, error):
    monkeypatch.setattr(home, "render", lambda *_args, **_named: (_ for _ in ()).throw(error))

    visitor().get("/")

    assert len(written.getvalue().splitlines()) == 1


def test_defect_keeps_its_traceback(db, written, monkeypatch):
    monkeypatch.setattr(home, "render", lambda *_args, **_named: 1 / 0)

    assert visitor().get("/").status_code == 500

    assert "ZeroDivisionError" in written.getvalue()
    assert "Traceback" in written.getvalue()


def test_defect_met_by_an_uploaded_file_keeps_its_traceback(alice, written, monkeypatch):
    monkeypatch.setattr("gallery.views.upload.accept_upload", lambda *_args, **_named: 1 / 0)

    answer = as_user(alice).post("/upload/file/", {"files": SimpleUploadedFile("a.png", b"x")})

    assert answer.status_code == 500
    assert "ZeroDivisionError" in written.getvalue()


def test_flood_of_refusals_writes_some_lines(db, written):
    for number in range(60):
        visitor().get(f"/nothing/{number}/")

    assert len(written.getvalue().splitlines()) <= 22  # two periods, if the minute is that long
