"""Names that look like another's, limits, and what ends with a password."""

import threading
import time
from datetime import timedelta
from io import StringIO

import pytest
from django.core import mail
from django.core.management import CommandError, call_command
from django.db import connections
from django.test import Client
from django.utils import timezone

from gallery.models import OPERATOR, ApiToken, AuditEntry, CountedAct, User
from gallery.services.accounts import add_account
from gallery.services.soon import wait_until_done
from tests.conftest import PASSWORD
from tests.integration.api_client import Api
from tests.pages import as_user, text_of
from tests.slow_mail_server import slow_mail_server

NEW = "a very new passphrase"
LOOKS_TAKEN = "This user name is taken, or looks too much like one that is."
RESET = "/accounts/password-reset/"


def sign_up(client: Client, name: str):
    form = {"username": name, "email": "", "password1": PASSWORD, "password2": PASSWORD}
    return client.post("/accounts/sign-up/", form)


def change_password(client: Client, old: str, *, path: str = "/accounts/password-change/"):
    return client.post(path, {"old_password": old, "new_password1": NEW, "new_password2": NEW})


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("a1ice", LOOKS_TAKEN),
        ("alice.", LOOKS_TAKEN),
        ("_alice_", LOOKS_TAKEN),
        ("ａｌｉｃｅ", "A user with that username already exists."),
        ("аӏісе", LOOKS_TAKEN),
        ("ᴀʟɪᴄᴇ", LOOKS_TAKEN),
        ("аlice", "This user name mixes letters of several scripts (Cyrillic, Latin)."),
        ("ali\u3164ce", "This user name has characters that nobody sees."),
        ("...", "This user name has no letters or digits."),
    ],
)
def test_sign_up_refuses_a_name_that_is_mistaken_for_another(alice, name, sentence):
    page = sign_up(Client(), name)

    assert page.status_code == 400
    assert sentence in text_of(page)
    assert User.objects.count() == 1


@pytest.mark.parametrize("name", ["alicia", "王伟", "иван", "alice2", "José"])
def test_sign_up_takes_a_name_that_is_told_apart(alice, name):
    assert sign_up(Client(), name).status_code == 302


@pytest.mark.parametrize("second", ["a1ice", "аӏісе", "Alice"])
def test_one_of_two_names_that_look_alike_is_taken_at_the_same_moment(transactional_db, monkeypatch, second):
    is_saving, saves = threading.Event(), User.save

    def save_slowly(user, **fields):
        if user._state.adding and user.username == "alice":
            is_saving.set()
            time.sleep(0.5)  # the other one is judged meanwhile
        saves(user, **fields)

    def sign_up_later():
        assert is_saving.wait(timeout=30)
        answers.append(sign_up(Client(), second).status_code)
        connections.close_all()

    answers: list[int] = []
    monkeypatch.setattr(User, "save", save_slowly)
    other = threading.Thread(target=sign_up_later)
    other.start()
    first = sign_up(Client(), "alice").status_code
    other.join()

    assert (first, answers) == (302, [400])
    assert User.objects.get().username == "alice"


@pytest.mark.parametrize("name", ["a1ice", "аlice", "Alice", "ALICE."])
def test_administrators_take_no_name_that_looks_taken(alice, name):
    with pytest.raises(CommandError, match=r"is taken|mixes letters|already exists"):
        call_command("createsuperuser", interactive=False, username=name, email="a@example.org", stderr=StringIO())

    assert User.objects.count() == 1


def test_administrators_take_any_other_name(alice):
    call_command("createsuperuser", interactive=False, username="root", email="a@example.org", stdout=StringIO())

    assert User.objects.get(username="root").is_superuser


def test_names_that_look_alike_already_keep_working_and_one_of_them_blocks_new_ones(alice):
    old = add_account("a1ice", by=OPERATOR, password=PASSWORD)
    client = Client()

    signed_in = client.post("/accounts/login/", {"username": "a1ice", "password": PASSWORD})
    old.first_name = "A"
    old.full_clean(exclude=["password"])
    old.save()

    assert signed_in.status_code == 302
    assert sign_up(Client(), "al1ce").status_code == 400


def test_admin_refuses_to_rename_to_a_name_that_looks_taken(alice, bob, staff):
    staff.is_superuser = True
    staff.save()
    client = as_user(staff)
    values = {
        "username": "AL1CE",
        "email": "",
        "date_joined_0": "2026-01-01",
        "date_joined_1": "00:00",
        "is_active": "on",
    }

    page = client.post(f"/admin/gallery/user/{bob.pk}/change/", values)
    kept = client.post(f"/admin/gallery/user/{bob.pk}/change/", values | {"username": "Bob"})

    assert page.status_code == 200
    assert LOOKS_TAKEN in text_of(page)
    assert kept.status_code == 302
    assert User.objects.get(pk=bob.pk).username == "Bob"


def test_sign_ups_from_one_address_are_limited_with_or_without_success(alice):
    statuses = [sign_up(Client(), name).status_code for name in [*(f"person{n}x" for n in range(10)), *["alice"] * 10]]
    last = sign_up(Client(), "someone.else")
    elsewhere = Client(REMOTE_ADDR="203.0.113.9")

    assert statuses == [302] * 10 + [400] * 10
    assert (last.status_code, last.headers["Retry-After"]) == (429, "3600")
    assert "Too many accounts were asked for from your address." in text_of(last)
    assert Client().get("/accounts/sign-up/").status_code == 200
    assert sign_up(elsewhere, "someone.else").status_code == 302


def test_sign_ups_of_one_ipv6_network_count_together(db, limits_of):
    limits_of(sign_ups_per_hour=2)

    statuses = [sign_up(Client(REMOTE_ADDR=f"2001:db8::{n}"), f"person{n}x").status_code for n in range(1, 4)]

    assert statuses == [302, 302, 429]
    assert sign_up(Client(REMOTE_ADDR="2001:db8:0:1::1"), "another").status_code == 302


def test_an_hour_later_the_limit_begins_anew(db, limits_of):
    limits_of(sign_ups_per_hour=1)
    sign_up(Client(), "first.one")
    refused = sign_up(Client(), "second.one")

    CountedAct.objects.update(began_at=timezone.now() - timedelta(hours=1))

    assert refused.status_code == 429
    assert sign_up(Client(), "second.one").status_code == 302
    assert CountedAct.objects.count() == 1


def test_no_limit_counts_nobody(db, limits_of):
    limits_of(sign_ups_per_hour=0)

    assert {sign_up(Client(), f"person{n}x").status_code for n in range(25)} == {302}
    assert not CountedAct.objects.exists()


def test_addresses_are_not_kept_for_counting(db):
    sign_up(Client(REMOTE_ADDR="203.0.113.9"), "someone")

    assert "203.0.113" not in str(CountedAct.objects.values().get())


def test_a_reset_is_answered_before_its_mail_is_sent(alice, settings):
    with slow_mail_server(settings) as server:
        answer = Client().post(RESET, {"email": alice.email})
        sent_by_then = list(server.recipients)
        server.released.set()
        wait_until_done()

        assert answer.status_code == 302
        assert sent_by_then == []
        assert server.recipients == [alice.email]


def test_one_address_is_sent_few_mails_and_told_the_same(alice):
    add_account("alia", by=OPERATOR, password=PASSWORD)
    User.objects.filter(username="alia").update(email=alice.email)

    answers = [Client().post(RESET, {"email": "ALICE@example.org"}) for _ in range(5)]
    unknown = Client().post(RESET, {"email": "nobody@example.org"})
    wait_until_done()

    assert {(answer.status_code, answer.headers["Location"]) for answer in [*answers, unknown]} == {
        (302, "/accounts/password-reset/done/")
    }
    assert [message.to for message in mail.outbox] == [[alice.email]] * 3


def test_one_visitor_asks_for_few_mails_and_is_told_the_same(alice, bob, charlie, limits_of):
    limits_of(resets_per_client_per_hour=2)

    answers = [Client().post(RESET, {"email": user.email}) for user in (alice, bob, charlie)]
    wait_until_done()

    assert {answer.headers["Location"] for answer in answers} == {"/accounts/password-reset/done/"}
    assert sorted(message.to[0] for message in mail.outbox) == [alice.email, bob.email]


def test_a_mail_server_that_refuses_is_logged_and_not_told(alice, settings, caplog):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1

    answer = Client().post(RESET, {"email": alice.email})
    wait_until_done()

    assert answer.status_code == 302
    assert "Failed to send password reset email" in caplog.text


@pytest.mark.parametrize("path", ["/accounts/password-change/", "/admin/password_change/"])
def test_wrong_old_passwords_lock_as_wrong_sign_ins_do(staff, path):
    client = as_user(staff)

    statuses = [change_password(client, f"wrong {n}", path=path).status_code for n in range(10)]
    right = change_password(client, PASSWORD, path=path)
    signed_in = Client().post("/accounts/login/", {"username": "staff", "password": PASSWORD})

    assert statuses[0] == 200
    assert statuses[-1] == right.status_code == signed_in.status_code == 429
    assert "Too many attempts" in text_of(right)
    assert User.objects.get().check_password(PASSWORD)


def test_wrong_passwords_lock_at_the_admin_too(staff):
    client = Client()
    statuses = [client.post("/admin/login/", {"username": "staff", "password": "wrong"}).status_code for _ in range(10)]

    assert statuses[-1] == 429
    assert client.post("/admin/login/", {"username": "staff", "password": PASSWORD}).status_code == 429


@pytest.mark.parametrize("path", ["/accounts/password-change/", "/admin/password_change/"])
def test_tokens_and_other_sessions_end_with_the_password(staff, bob, path):
    api, others = Api(staff), Api(bob)
    client, elsewhere = as_user(staff), as_user(staff)

    answer = change_password(client, PASSWORD, path=path)

    assert answer.status_code == 302
    assert "API tokens" in text_of(client.get("/accounts/password-change/"))
    assert api.get("/stats/").status_code == 401
    assert others.get("/stats/").status_code == 200
    assert client.get("/trash/").status_code == 200
    assert elsewhere.get("/trash/").status_code == 302
    assert list(AuditEntry.objects.order_by("pk").values_list("object_kind", "verb")) == [
        ("gallery.user", "password_changed"),
        ("gallery.apitoken", "deleted"),
    ]


def test_tokens_end_with_a_password_that_is_reset(alice):
    api = Api(alice)
    Client().post(RESET, {"email": alice.email})
    wait_until_done()
    client = Client()
    link = mail.outbox[0].body.split("http://testserver")[1].split()[0]
    form = client.get(link, follow=True)

    client.post(form.request["PATH_INFO"], {"new_password1": NEW, "new_password2": NEW})

    assert User.objects.get().check_password(NEW)
    assert api.get("/stats/").status_code == 401
    assert AuditEntry.objects.filter(object_kind="gallery.apitoken", verb="deleted").count() == 1


@pytest.mark.parametrize(
    "form", [{"password1": NEW, "password2": NEW}, {"usable_password": "false", "unset-password": "1"}]
)
def test_tokens_end_with_a_password_that_the_admin_sets_or_takes_away(alice, staff, form):
    api = Api(alice)
    staff.is_superuser = True
    staff.save()

    done = as_user(staff).post(f"/admin/gallery/user/{alice.pk}/password/", form)

    assert done.status_code == 302
    assert api.get("/stats/").status_code == 401
    assert AuditEntry.objects.filter(object_kind="gallery.apitoken", verb="deleted").count() == 1


def test_tokens_end_with_an_account_that_is_closed_and_do_not_come_back(alice):
    api = Api(alice)

    for is_active in (False, True):
        alice.is_active = is_active
        alice.save()

    assert api.get("/stats/").status_code == 401
    assert not ApiToken.objects.exists()


def test_tokens_outlive_what_does_not_concern_them(alice, settings):
    api = Api(alice)
    alice.first_name = "Alice"
    alice.save()
    alice.save(update_fields=["last_name"])
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.PBKDF2PasswordHasher", *settings.PASSWORD_HASHERS]

    Client().post("/accounts/login/", {"username": "alice", "password": PASSWORD})  # the password is hashed anew

    assert User.objects.get().password.startswith("pbkdf2")
    assert api.get("/stats/").status_code == 200
