"""The admin's page of encoders: what it shows, in both languages, and to whom."""

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse

from gallery.encoders.model_cards import CARDS, DEFAULT_CLIP_MODEL, card_of
from gallery.models import User
from tests.conftest import PASSWORD
from tests.unit.encoders.tiny_models import save_tiny_clip

PAGE = "admin:gallery_indexstate_encoders"


@pytest.fixture(autouse=True)
def hub_cache(tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


@pytest.fixture
def viewer(db):
    user = User.objects.create_user("viewer", password=PASSWORD, is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_indexstate"))
    return user


def test_page_lists_the_registry_and_names_the_commands(client, viewer, hub_cache):
    folder = f"models--{DEFAULT_CLIP_MODEL.replace('/', '--')}"
    save_tiny_clip(hub_cache / folder / "snapshots" / card_of(DEFAULT_CLIP_MODEL).revision)
    client.force_login(viewer)

    response = client.get(reverse(PAGE))
    text = response.content.decode()

    assert response.status_code == 200
    assert [card.name in text for card in CARDS] == [True] * len(CARDS)
    assert (text.count("In use"), text.count("Its weights are on this machine.")) == (1, 2)
    assert "manage.py encoders download NAME" in text


def test_page_is_there_in_chinese(client, viewer):
    client.force_login(viewer)

    text = client.get(reverse(PAGE), headers={"accept-language": "zh-hans"}).content.decode()

    assert ("使用中" in text, "权重不在本机。" in text, "Its weights" in text) == (True, True, False)


def test_page_is_linked_from_the_index_state(client, viewer):
    client.force_login(viewer)

    assert reverse(PAGE) in client.get(reverse("admin:gallery_indexstate_changelist")).content.decode()


def test_page_is_for_those_who_may_see_the_index_state(client, alice):
    clerk = User.objects.create_user("clerk", password=PASSWORD, is_staff=True)
    assert client.get(reverse(PAGE)).status_code == 302
    client.force_login(alice)
    assert client.get(reverse(PAGE)).status_code == 302
    client.force_login(clerk)
    assert client.get(reverse(PAGE)).status_code == 403
