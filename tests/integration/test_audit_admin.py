"""The audit log as the admin shows it: histories, recent actions, the list, and what Django's own log held before."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import Permission
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from gallery.admin.audited import AuditedAdmin
from gallery.models import OPERATOR, Album, AuditEntry, AuditVerb, Image, Tag, User
from gallery.services.accounts import issue_token
from gallery.services.audit import Action, record
from gallery.services.curation import delete_forever, set_visibility
from tests.conftest import PASSWORD, drawn_picture

LIST = "admin:gallery_auditentry_changelist"


@pytest.fixture
def image(alice: User, upload: Callable[..., Image], quick_encoder: Any) -> Image:
    return upload(alice, "red.png", content=drawn_picture("red"))


@pytest.fixture
def clerk(transactional_db: None) -> User:
    """Staff without any right."""
    return User.objects.create_user("clerk", password=PASSWORD, is_staff=True)


def browser_of(user: User, language: str = "en") -> Client:
    client = Client(headers={"Accept-Language": language})
    client.force_login(user)
    return client


def history(client: Client, thing: Any) -> Any:
    return client.get(reverse(f"admin:{thing._meta.app_label}_{thing._meta.model_name}_history", args=[thing.pk]))


def write(count: int, *, about: Any) -> None:
    with transaction.atomic():
        for number in range(count):
            record(Action(OPERATOR), AuditVerb.CHANGED, about, after={"description": f"change {number}"})


# History


def test_history_says_who_did_what_through_which_door(image, staff):
    set_visibility(Image.objects.all(), "public", by=OPERATOR)

    page = history(browser_of(staff), image).content.decode()

    for words in ("alice", "added", "operator", "command", "visibility changed", "private", "public"):
        assert words in page


def test_history_speaks_chinese(image, staff):
    page = history(browser_of(staff, "zh-CN"), image).content.decode()

    assert "已添加" in page
    assert "操作者" in page


def test_history_and_recent_actions_know_what_the_admin_changed(image, staff):
    client = browser_of(staff)
    client.post(reverse("admin:gallery_image_change", args=[image.pk]), {"description": "A", "visibility": "private"})

    assert "description" in history(client, image).content.decode()
    assert f"/admin/gallery/image/{image.pk}/change/" in client.get(reverse("admin:index")).content.decode()
    assert not LogEntry.objects.exists()


def test_recent_actions_are_ones_own(image, staff):
    page = browser_of(staff).get(reverse("admin:index")).content.decode()

    assert "red.png" not in page
    assert "None available" in page


def test_history_tells_staff_without_rights_nothing(image, alice, staff, clerk):
    issue_token(alice, by=OPERATOR, name="script")
    tag, album = Tag.objects.create(name="sea"), Album.objects.create(owner=alice, title="Holiday")
    things = [image, tag, album, alice, alice.api_tokens.get()]

    for thing in things:
        there = history(browser_of(clerk), thing)
        thing.pk = 10**6
        nowhere = history(browser_of(clerk), thing)
        assert (there.status_code, nowhere.status_code) == (403, 403)


def test_history_of_what_one_may_not_see_is_not_found(image, alice, clerk):
    clerk.user_permissions.set(Permission.objects.filter(codename="view_image"))
    Image.objects.update(trashed_at="2026-01-01T00:00:00Z")  # the trash is for those who may change pictures

    assert history(browser_of(clerk), image).status_code == 404


@pytest.mark.parametrize("count", [1, 3])
def test_history_asks_as_often_for_many_as_for_one(image, staff, count):
    client = browser_of(staff)
    tag = Tag.objects.create(name="sea")
    write(count, about=tag)

    with CaptureQueriesContext(connection) as captured:
        page = history(client, tag)

    assert page.content.decode().count("<td>changed</td>") == count
    assert len(captured) == 7


# The list


@pytest.mark.parametrize("count", [1, 3])
def test_list_asks_as_often_for_many_as_for_one(alice, staff, count):
    write(count, about=alice)
    client = browser_of(staff)

    with CaptureQueriesContext(connection) as captured:
        page = client.get(reverse(LIST))

    assert len(page.context["cl"].result_list) == count
    assert len(captured) == 9


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("q=red.png", ["deleted", "shown_to", "added"]),
        ("q=nothing", []),
        ("verb=deleted", ["deleted"]),
        ("verb__exact=deleted", ["deleted"]),
        ("door__exact=command", ["deleted", "shown_to"]),
        ("who=operator", ["deleted", "shown_to"]),
        ("who=99999", []),
        ("who=x", []),
        ("kind=gallery.tag", []),
        ("kind=gallery.image", ["deleted", "shown_to", "added"]),
    ],
)
def test_list_is_narrowed(image, staff, query, expected):
    set_visibility(Image.objects.all(), "public", by=OPERATOR)
    delete_forever(Image.objects.all(), by=OPERATOR)

    listed = browser_of(staff).get(f"{reverse(LIST)}?{query}")

    assert [entry.verb for entry in listed.context["cl"].result_list] == expected


def test_list_is_narrowed_to_one_account_and_to_one_action(image, alice, staff):
    set_visibility(Image.objects.all(), "public", by=OPERATOR)
    added = AuditEntry.objects.get(verb="added")
    client = browser_of(staff)

    by_alice = client.get(f"{reverse(LIST)}?who={alice.pk}").context["cl"].result_list
    together = client.get(f"{reverse(LIST)}?action={added.action}").context["cl"].result_list
    mistyped = client.get(f"{reverse(LIST)}?action=no-uuid")

    assert list(by_alice) == [added]
    assert list(together) == [added]
    assert mistyped.status_code == 302


def test_entry_shows_all_of_its_values_and_changes_none(image, staff):
    entry = AuditEntry.objects.get()
    client, address = browser_of(staff), reverse("admin:gallery_auditentry_change", args=[entry.pk])

    page = client.get(address).content.decode()

    assert image.md5 in page
    assert "All entries of this action" in page
    assert client.post(address, {"verb": "deleted"}).status_code == 403
    assert client.get(reverse("admin:gallery_auditentry_delete", args=[entry.pk])).status_code == 403
    assert client.get(reverse("admin:gallery_auditentry_add")).status_code == 403


def test_log_is_closed_to_all_but_those_with_the_right(image, alice, bob, clerk):
    entry = AuditEntry.objects.get()
    addresses = [reverse(LIST), reverse("admin:gallery_auditentry_change", args=[entry.pk])]

    for user, expected in ((clerk, 403), (alice, 302), (bob, 302)):
        assert {browser_of(user).get(address).status_code for address in addresses} == {expected}
    assert {Client().get(address).status_code for address in addresses} == {302}


def test_what_people_typed_is_text_on_every_page(alice, staff):
    tag = Tag.objects.create(name="<b>sea</b>")
    with transaction.atomic():
        record(Action(OPERATOR), AuditVerb.CHANGED, tag, after={"description": "<script>"})
    client = browser_of(staff)

    pages = [
        client.get(reverse(LIST)),
        history(client, tag),
        client.get(reverse("admin:gallery_auditentry_change", args=[AuditEntry.objects.get().pk])),
    ]

    for page in pages:
        assert page.status_code == 200
        assert "<b>sea</b>" not in page.content.decode()
        assert '<script>"' not in page.content.decode()


def test_every_registered_admin_writes_into_the_audit_log():
    others = [model for model, its_admin in admin.site._registry.items() if not isinstance(its_admin, AuditedAdmin)]

    assert others == []


# What Django's own log held


def test_old_lines_of_the_admin_are_entries(alice, image, staff):
    before = AuditEntry.objects.newest().first().pk
    LogEntry.objects.log_actions(
        staff.pk, [image], CHANGE, [{"changed": {"fields": ["Description"]}}], single_object=False
    )

    migration = import_module("gallery.migrations.0005_admin_log")
    with connection.schema_editor() as editor:
        migration.copy_admin_log(apps, editor)

    entry = AuditEntry.objects.get(pk__gt=before)
    assert (entry.who, entry.user, entry.door, entry.verb) == ("staff", staff, "admin", "changed")
    assert (entry.object_kind, entry.object_id, entry.object_label) == ("gallery.image", image.pk, "red.png")
    assert entry.at == LogEntry.objects.get().action_time
    assert "Changed Description." in history(browser_of(staff), image).content.decode()
