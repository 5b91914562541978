"""Failed sign-ins are counted against the visitor, not against the proxy that all visitors share."""

import pytest
from django.test import Client, RequestFactory
from django.urls import reverse
from rest_framework.throttling import api_settings

from gallery.client_address import client_address


@pytest.mark.parametrize(
    ("proxies", "forwarded", "expected"),
    [
        (0, "203.0.113.7", "127.0.0.1"),
        (1, "203.0.113.7", "203.0.113.7"),
        (1, "198.51.100.1, 203.0.113.7", "203.0.113.7"),
        (2, "198.51.100.1, 203.0.113.7", "198.51.100.1"),
        (1, "nonsense", "127.0.0.1"),
    ],
)
def test_client_address_trusts_as_many_proxies_as_there_are(monkeypatch, proxies, forwarded, expected):
    monkeypatch.setattr(api_settings, "NUM_PROXIES", proxies)

    assert client_address(RequestFactory().get("/", headers={"X-Forwarded-For": forwarded})) == expected


def test_client_address_of_a_socket_is_unknown():
    assert client_address(RequestFactory().get("/", REMOTE_ADDR="")) is None


def test_guessing_behind_a_proxy_locks_out_the_guesser_only(alice, monkeypatch):
    monkeypatch.setattr(api_settings, "NUM_PROXIES", 1)
    client, login = Client(), reverse("login")

    def sign_in(password: str, address: str) -> int:
        data = {"username": "alice", "password": password}
        return client.post(login, data, headers={"X-Forwarded-For": address}).status_code

    guesses = [sign_in("wrong", "203.0.113.7") for _ in range(10)]

    assert guesses[-1] == 429
    assert sign_in("wrong", "203.0.113.7") == 429
    assert sign_in("correct horse battery staple", "203.0.113.8") == 302
