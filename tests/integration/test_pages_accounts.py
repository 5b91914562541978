"""Signing up, in and out, passwords, and the end of too many attempts."""

import re

import pytest
from django.core import mail
from django.test import Client

from gallery.models import User
from gallery.services.soon import wait_until_done
from tests.conftest import PASSWORD
from tests.pages import as_user, text_of


def sign_up_form(**values: str) -> dict[str, str]:
    return {"username": "dora", "email": "", "password1": PASSWORD, "password2": PASSWORD} | values


def is_signed_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


def test_sign_up_makes_an_account_and_signs_in(db):
    client = Client()

    answer = client.post("/accounts/sign-up/", sign_up_form(email="dora@example.org"))

    assert answer.headers["Location"] == "/"
    assert is_signed_in(client)
    assert "Welcome, dora." in text_of(client.get("/"))
    account = User.objects.get()
    assert (account.username, account.email, account.is_staff) == ("dora", "dora@example.org", False)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"username": "ALICE"}, "A user with that username already exists."),
        ({"username": ""}, "This field is required."),
        ({"username": "two words"}, "Enter a valid username."),
        ({"password1": "12345678", "password2": "12345678"}, "This password is too common."),
        ({"password2": "another password"}, "The two password fields"),
        ({"email": "nowhere"}, "Enter a valid email address."),
    ],
)
def test_sign_up_refuses_and_says_why(alice, values, sentence):
    client = Client()

    page = client.post("/accounts/sign-up/", sign_up_form(**values))

    assert page.status_code == 400
    assert sentence in text_of(page)
    assert not is_signed_in(client)
    assert User.objects.count() == 1


def test_sign_up_that_loses_a_race_for_a_name_says_so(alice, monkeypatch):
    monkeypatch.setattr("gallery.forms.accounts.SignUpForm.clean_username", lambda form: form.cleaned_data["username"])
    monkeypatch.setattr(User, "validate_constraints", lambda *_, **__: None)

    page = Client().post("/accounts/sign-up/", sign_up_form(username="Alice"))

    assert page.status_code == 400
    assert "A user with that username already exists." in text_of(page)


def test_closed_sign_up_says_so(db, limits_of):
    limits_of(sign_up_open=False)

    pages = Client().get("/accounts/sign-up/"), Client().post("/accounts/sign-up/", sign_up_form())

    assert [page.status_code for page in pages] == [403, 403]
    assert "Sign-up is closed on this site." in text_of(pages[0])
    assert not User.objects.exists()


def test_the_signed_in_do_not_sign_up(alice):
    assert as_user(alice).get("/accounts/sign-up/").headers["Location"] == "/"


@pytest.mark.parametrize("name", ["alice", "ALICE", " Alice "])
def test_sign_in_takes_the_name_in_any_case(alice, name):
    client = Client()

    answer = client.post("/accounts/login/", {"username": name, "password": PASSWORD, "next": "/library/"})

    assert answer.headers["Location"] == "/library/"
    assert is_signed_in(client)


def test_sign_in_goes_nowhere_else(alice):
    answer = Client().post(
        "/accounts/login/", {"username": "alice", "password": PASSWORD, "next": "https://example.org/"}
    )

    assert answer.headers["Location"] == "/"


def test_a_wrong_password_is_told_without_saying_whether_the_name_exists(alice):
    known, unknown = (
        Client().post("/accounts/login/", {"username": name, "password": "wrong"}) for name in ("alice", "nobody")
    )

    sentences = [re.findall(r'role="alert">(.*?)</div>', text_of(page)) for page in (known, unknown)]
    assert sentences[0] == sentences[1] != []


def test_too_many_attempts_end_in_a_page_and_the_right_password_waits_too(alice):
    client = Client()
    for name in ("alice", "ALICE") * 4 + ("Alice",):
        client.post("/accounts/login/", {"username": name, "password": "wrong"})

    last = client.post("/accounts/login/", {"username": "alice", "password": "wrong"})
    right = client.post("/accounts/login/", {"username": "Alice", "password": PASSWORD})

    assert last.status_code == right.status_code == 429
    assert "Too many attempts" in text_of(last)
    assert 'href="/accounts/password-reset/"' in text_of(last)
    assert not is_signed_in(client)


def test_sign_out_needs_a_form(alice):
    client = as_user(alice)

    assert client.get("/accounts/logout/").status_code == 405
    assert is_signed_in(client)
    assert client.post("/accounts/logout/").headers["Location"] == "/"
    assert not is_signed_in(client)


def test_the_password_can_be_changed(alice):
    client, other = as_user(alice), as_user(alice)
    new = "a very new passphrase"

    answer = client.post(
        "/accounts/password-change/", {"old_password": PASSWORD, "new_password1": new, "new_password2": new}
    )

    assert client.get(answer.headers["Location"]).status_code == 200
    assert User.objects.get().check_password(new)
    assert ("alice" in text_of(client.get("/")), "alice" in text_of(other.get("/"))) == (True, False)


def test_changing_the_password_needs_an_account(db):
    assert Client().get("/accounts/password-change/").headers["Location"].startswith("/accounts/login/")


def test_a_forgotten_password_is_reset_by_mail(alice):
    client = Client()
    new = "a very new passphrase"

    sent = client.post("/accounts/password-reset/", {"email": "alice@example.org"})
    wait_until_done()
    link = re.search(r"https?://[^/]+(/accounts/reset/\S+)", mail.outbox[0].body)
    form = client.get(link[1], follow=True)
    done = client.post(form.request["PATH_INFO"], {"new_password1": new, "new_password2": new}, follow=True)

    assert client.get(sent.headers["Location"]).status_code == 200
    assert mail.outbox[0].subject == "A new password for Image Search"
    assert "account alice at" in mail.outbox[0].body
    assert done.status_code == 200
    assert User.objects.get().check_password(new)
    assert "This link no longer works" in text_of(Client().get(link[1], follow=True))


def test_a_reset_for_an_unknown_address_looks_the_same(alice):
    known, unknown = (
        Client().post("/accounts/password-reset/", {"email": address})
        for address in ("alice@example.org", "nobody@example.org")
    )

    wait_until_done()
    assert known.headers["Location"] == unknown.headers["Location"]
    assert len(mail.outbox) == 1
