"""Staff without rights learn nothing in the admin, not even what exists."""

import re
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group
from django.db.models import Model
from django.test import Client

from gallery.models import ApiToken, Image, User
from tests.addresses import every_address
from tests.pages import as_user

MISSING = 999_999
pytestmark = pytest.mark.usefixtures("quick_encoder")


@pytest.fixture
def clerk(transactional_db) -> Client:
    """Staff, but without a single right."""
    return as_user(User.objects.create_user("clerk", password="x", is_staff=True))


@pytest.fixture
def things(alice, upload, share, bob) -> dict[type[Model], Model]:
    """One object of each model of the admin that can be made here."""
    image = upload(alice, tags="red")
    ApiToken.objects.issue(alice)
    Client().post("/accounts/login/", {"username": "alice", "password": "wrong"})
    Client().post("/accounts/login/", {"username": "bob", "password": "correct horse battery staple"})
    share(image, bob)
    Group.objects.create(name="some")
    found = ((model, model._default_manager.order_by("pk").first()) for model in admin.site._registry)
    return {model: thing for model, thing in found if thing is not None}


def admin_addresses(object_id: object) -> list[str]:
    values = {"object_id": object_id, "id": object_id, "content_type_id": 0, "app_label": "gallery", "url": "nowhere/"}
    return [path for path in every_address(_Any(values)) if path.startswith("/admin/")]


class _Any(dict[str, Any]):
    """Any other parameter, of pages outside of the admin, is a 1."""

    def __missing__(self, name: str) -> Any:
        return 1


def answer(client: Client, method: str, path: str) -> tuple[int, str, str]:
    """Return what is told at a path, without the ids in it."""
    got = getattr(client, method)(path)
    body = b"".join(got.streaming_content) if got.streaming else got.content
    told = re.sub(r'value="[\w-]{60,}"|nonce="[^"]*"|\d+', "", body.decode())
    return got.status_code, re.sub(r"\d+", "", got.headers.get("Location", "")), told


@pytest.mark.parametrize("method", ["get", "post"])
def test_staff_without_rights_are_told_the_same_of_what_exists_and_what_does_not(clerk, things, method):
    told = {}
    for model, thing in things.items():
        name = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
        for there, missing in zip(admin_addresses(thing.pk), admin_addresses(MISSING), strict=True):
            if there.startswith(name) and there != missing:
                told[there] = answer(clerk, method, there), answer(clerk, method, missing)

    assert len(told) >= 4 * len(things)
    assert {path: [there[:2], missing[:2]] for path, (there, missing) in told.items() if there != missing} == {}
    assert {path for path, (there, _) in told.items() if there[0] == 200} == set()


def test_view_on_site_tells_staff_without_rights_nothing(clerk, things):
    from django.contrib.contenttypes.models import ContentType

    told = {
        (model, object_id): answer(clerk, "get", f"/admin/r/{ContentType.objects.get_for_model(model).pk}/{object_id}/")
        for model, thing in things.items()
        for object_id in (thing.pk, MISSING)
    }

    assert {told[model, thing.pk][0] for model, thing in things.items()} == {404}
    assert {model for model, thing in things.items() if told[model, thing.pk] != told[model, MISSING]} == set()


def test_autocomplete_tells_staff_without_rights_nothing(clerk, things):
    query = "app_label=gallery&model_name=image&field_name={}&term="
    fields = [field.name for field in Image._meta.get_fields() if field.is_relation]

    statuses = {clerk.get(f"/admin/autocomplete/?{query.format(name)}").status_code for name in [*fields, "nothing"]}

    assert statuses == {403}
