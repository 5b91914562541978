"""What the server of `make run` lets through to the site, whose answers are better than its own."""

from queue import Queue
from types import SimpleNamespace
from urllib.parse import quote

import pytest
from django.conf import settings
from gunicorn.app.wsgiapp import WSGIApplication
from gunicorn.http import RequestParser

from tests.waiting import PATIENCE_SECONDS


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


def test_worker_loads_the_encoder_beside_the_first_requests(server_settings, monkeypatch):
    encoded: Queue[list[str]] = Queue()
    encoder = SimpleNamespace(encode_texts=encoded.put)
    monkeypatch.setattr("gallery.services.embedding.encoder_in_use.current_encoder", lambda: encoder)

    server_settings.post_worker_init(worker=None)

    assert encoded.get(timeout=PATIENCE_SECONDS) == ["warm up"]
