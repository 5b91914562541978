"""What the server of `make run` lets through to the site, whose answers are better than its own."""

from urllib.parse import quote

import pytest
from django.conf import settings
from gunicorn.app.wsgiapp import WSGIApplication
from gunicorn.http import RequestParser


@pytest.fixture
def server_settings(monkeypatch):
    monkeypatch.setattr("sys.argv", ["gunicorn", "--config", str(settings.BASE_DIR / "gunicorn.conf.py"), "wsgi"])
    return WSGIApplication().cfg


@pytest.mark.parametrize("text", ["猫" * 500, "😀" * 500, "a" * 10_000], ids=["Chinese", "emoji", "too long"])
def test_server_hands_on_a_search_however_long_its_address_is(server_settings, text):
    query = f"q={quote(text)}"
    sent = f"GET /api/v1/search/?{query} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()

    request = next(RequestParser(server_settings, iter([sent]), ("127.0.0.1", 1)))

    assert request.query == query
