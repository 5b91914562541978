"""The admin, asked by everyone, and each of its actions."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from gallery.errors import StoreBusy
from gallery.imaging import inspect, thumbnails
from gallery.media_responses import thumbnail_address
from gallery.models import (
    OPERATOR,
    Album,
    AlbumImage,
    ApiToken,
    AuditEntry,
    Image,
    IndexState,
    Job,
    JobItem,
    QueryPicture,
    Tag,
    User,
)
from gallery.services import accounts, curation
from gallery.services.decode_limits import decode_limits
from gallery.services.ingest import store_picture
from gallery.services.labels import check_labels
from gallery.services.maintenance import verify
from tests.conftest import PASSWORD, acting, drawn_picture

OURS = [Image, Tag, Album, User, ApiToken, IndexState, Job]
COLOURS = ("red", "green", "blue", "yellow")


@pytest.fixture
def administrator(transactional_db: None) -> User:
    return User.objects.create_superuser("root", password=PASSWORD)


@pytest.fixture
def viewer(transactional_db: None) -> User:
    """Staff who may look at everything of the gallery and change nothing."""
    user = User.objects.create_user("viewer", password=PASSWORD, is_staff=True)
    rights = Permission.objects.filter(content_type__app_label="gallery", codename__startswith="view_")
    user.user_permissions.set(rights)
    return user


@pytest.fixture
def clerk(transactional_db: None) -> User:
    """Staff without any right."""
    return User.objects.create_user("clerk", password=PASSWORD, is_staff=True)


@pytest.fixture
def draw(upload: Callable[..., Image]) -> Callable[..., Image]:
    """Keep a one-coloured picture: draw(alice, "red", tags="a"); it waits in the queue unless embedded=True."""

    def bring_in(owner: User, colour: str = "red", *, embedded: bool = False, **labels: Any) -> Image:
        name, content = f"{colour}.png", drawn_picture(colour)
        if embedded:
            return upload(owner, name, content=content, **labels)
        picture = inspect(BytesIO(content), limits=decode_limits())
        small = thumbnails(picture.pixels)
        checked = check_labels(**labels)
        return store_picture(
            BytesIO(content), picture.facts, small, owner=owner, name=name, labels=checked, by=OPERATOR
        ).image

    return bring_in


@pytest.fixture
def one_of_each(alice: User, draw: Callable[..., Image]) -> dict[type, Any]:
    image = draw(alice, "red", tags="sunset")
    album = Album.objects.create(owner=alice, title="Holiday")
    AlbumImage.objects.create(album=album, image=image)
    ApiToken.objects.issue(alice, name="script")
    job = Job.objects.create(kind="import", owner=alice, subject="photos", status="finished", total=1)
    JobItem.objects.create(job=job, kind="failed", item="photos/broken.png", error="This file is empty (0 bytes).")
    return {
        Image: image,
        Tag: Tag.objects.get(),
        Album: album,
        User: alice,
        ApiToken: ApiToken.objects.get(),
        IndexState: IndexState.objects.current(),
        Job: job,
    }


def page(model: type, kind: str, *args: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{kind}", args=args)


def signed_in(user: User | None) -> Client:
    client = Client()
    if user is not None:
        client.force_login(user)
    return client


def statuses(user: User | None, model: type, pk: Any) -> dict[str, int]:
    client = signed_in(user)
    places = [("changelist", ()), ("add", ()), ("change", (pk,)), ("delete", (pk,)), ("history", (pk,))]
    return {kind: client.get(page(model, kind, *args)).status_code for kind, args in places}


def act(client: Client, model: type, action: str, chosen: list[Any], query: str = "", **values: Any) -> Any:
    data = {"action": action, "_selected_action": [row.pk for row in chosen], **values}
    return client.post(page(model, "changelist") + query, data, follow=True)


def messages_of(response: Any) -> list[str]:
    return [str(message) for message in response.context["messages"]]


def stored_files(data_dir: Path) -> list[Path]:
    return [path for path in (data_dir / "media").rglob("*") if path.is_file()]


# Who sees which page

NO_ADD = {Image, ApiToken, IndexState, Job}
NO_DELETE = {IndexState, Job}


def test_first_page_says_what_keeps_count_of_sign_ins(administrator):
    client = Client(headers={"Accept-Language": "zh-CN"})
    client.force_login(administrator)

    page = client.get(reverse("admin:index"))

    names = [str(app["name"]) for app in page.context["app_list"]]
    assert sorted(names) == ["图库", "登录保护", "认证和授权"]


@pytest.mark.parametrize("model", OURS)
def test_pages_open_for_administrator_and_curator(model, one_of_each, administrator, staff):
    expected = {
        "changelist": 200,
        "add": 403 if model in NO_ADD else 200,
        "change": 200,
        "delete": 403 if model in NO_DELETE else 200,
        "history": 200,
    }

    assert statuses(administrator, model, one_of_each[model].pk) == expected
    assert statuses(staff, model, one_of_each[model].pk) == expected


@pytest.mark.parametrize("model", OURS)
def test_pages_let_a_viewer_look_and_no_more(model, one_of_each, viewer):
    expected = {"changelist": 200, "add": 403, "change": 200, "delete": 403, "history": 200}

    assert statuses(viewer, model, one_of_each[model].pk) == expected
    answer = signed_in(viewer).post(page(model, "change", one_of_each[model].pk), {"description": "mine"})
    assert answer.status_code == 403


@pytest.mark.parametrize("model", OURS)
def test_pages_are_closed_to_staff_without_rights(model, one_of_each, clerk):
    answers = statuses(clerk, model, one_of_each[model].pk)

    history = answers.pop("history")
    assert set(answers.values()) == {403}
    assert history in {403, 302}  # 302: for this reader there is no such picture or album


@pytest.mark.parametrize("model", OURS)
def test_pages_send_everyone_else_to_sign_in(model, one_of_each, bob):
    assert set(statuses(bob, model, one_of_each[model].pk).values()) == {302}
    assert set(statuses(one_of_each[User], model, one_of_each[model].pk).values()) == {302}
    assert set(statuses(None, model, one_of_each[model].pk).values()) == {302}


def test_every_registered_list_opens(administrator):
    client = signed_in(administrator)

    answers = {model.__name__: client.get(page(model, "changelist")).status_code for model in admin.site._registry}

    assert set(answers.values()) == {200}
    assert QueryPicture not in admin.site._registry


def test_index_and_sign_in_carry_our_name(administrator):
    assert "Image Search" in Client().get(reverse("admin:login")).content.decode()
    assert "Image Search" in signed_in(administrator).get(reverse("admin:index")).content.decode()


def test_sign_in_takes_the_name_in_any_case_and_refuses_visitors(administrator, alice):
    client = Client()

    refused = client.post(reverse("admin:login"), {"username": "alice", "password": PASSWORD})
    accepted = client.post(reverse("admin:login"), {"username": "ROOT", "password": PASSWORD})

    assert refused.status_code == 200
    assert accepted.status_code == 302


def test_viewer_sees_no_trash_but_curator_does(alice, draw, staff, viewer):
    image = draw(alice)
    curation.move_to_trash(Image.objects.all(), by=OPERATOR)

    assert statuses(viewer, Image, image.pk)["change"] == 302  # "does not exist", as Django says it
    assert statuses(staff, Image, image.pk)["change"] == 200
    assert "red.png" not in signed_in(viewer).get(page(Image, "changelist")).content.decode()
    assert "red.png" in signed_in(staff).get(page(Image, "changelist")).content.decode()


def test_staff_who_may_view_albums_only_sees_strangers_albums_without_their_pictures(alice, one_of_each, clerk):
    clerk.user_permissions.add(Permission.objects.get(codename="view_album"))
    album, image = one_of_each[Album], one_of_each[Image]
    curator = signed_in(clerk)

    [listed] = curator.get(page(Album, "changelist")).context["cl"].result_list
    shown = curator.get(page(Album, "change", album.pk)).content.decode()

    assert (listed, listed.image_count) == (album, 0)
    assert "Holiday" in shown
    assert image.original_name not in shown


def test_staff_who_may_view_pictures_only_sees_no_album_of_strangers(alice, one_of_each, clerk):
    clerk.user_permissions.add(Permission.objects.get(codename="view_image"))

    assert not Album.objects.visible_to(acting(clerk)).exists()
    assert signed_in(clerk).get(page(Album, "changelist")).status_code == 403


# Queries


@pytest.mark.parametrize("model", OURS)
@pytest.mark.usefixtures("never_at_rest")
def test_list_costs_the_same_queries_for_one_and_three(model, one_of_each, administrator, draw):
    client = signed_in(administrator)

    def count() -> int:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert client.get(page(model, "changelist")).status_code == 200
        return len(queries)

    count()
    at_one = count()
    for colour in ("green", "blue"):
        owner = User.objects.create_user(f"fan-of-{colour}")
        image = draw(owner, colour, tags=f"{colour}, x, y")
        album = Album.objects.create(owner=owner, title=colour)
        AlbumImage.objects.create(album=album, image=image)
        ApiToken.objects.issue(owner, name=colour)
        Job.objects.create(kind="import", owner=owner, subject=colour, status="finished")

    assert count() == at_one


@pytest.mark.usefixtures("never_at_rest")
def test_album_costs_the_same_queries_for_one_and_three_pictures(one_of_each, alice, administrator, draw):
    client, album = signed_in(administrator), one_of_each[Album]

    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert client.get(page(Album, "change", album.pk)).status_code == 200
        return len(queries)

    count()
    at_one = count()
    for colour in ("green", "blue"):
        AlbumImage.objects.create(album=album, image=draw(alice, colour))

    assert count() == at_one


# Finding pictures


def listed_names(client: Client, query: str) -> set[str]:
    response = client.get(page(Image, "changelist") + query)
    assert response.status_code == 200, query
    return {image.original_name for image in response.context["cl"].result_list}


def test_image_filters_and_search_narrow_the_list(alice, bob, draw, staff):
    red = draw(alice, "red", tags="Sunset", description="an evening")
    draw(bob, "green", visibility="public", embedded=True)
    blue = draw(bob, "blue")
    Image.objects.filter(pk=red.pk).update(embed_error="broken")
    curation.move_to_trash(Image.objects.filter(pk=blue.pk), by=OPERATOR)
    client = signed_in(staff)

    found = {
        query: listed_names(client, query)
        for query in (
            "", "?search_status=failed", "?search_status=searchable", "?search_status=pending", "?trash=yes",
            "?trash=no", "?visibility__exact=public", f"?owner={alice.pk}", "?owner=x", "?tag=sunset", "?q=sunset",
            "?q=evening", f"?q={red.md5}", "?format__exact=PNG",
        )
    }  # fmt: skip

    everything = {"red.png", "green.png", "blue.png"}
    assert found == {
        "": everything,
        "?search_status=failed": {"red.png"},
        "?search_status=searchable": {"green.png"},
        "?search_status=pending": {"blue.png"},
        "?trash=yes": {"blue.png"},
        "?trash=no": {"red.png", "green.png"},
        "?visibility__exact=public": {"green.png"},
        f"?owner={alice.pk}": {"red.png"},
        "?owner=x": set(),
        "?tag=sunset": {"red.png"},
        "?q=sunset": {"red.png"},
        "?q=evening": {"red.png"},
        f"?q={red.md5}": {"red.png"},
        "?format__exact=PNG": everything,
    }


def test_image_list_shows_thumbnails_through_the_site(alice, draw, staff):
    image = draw(alice)

    html = signed_in(staff).get(page(Image, "changelist")).content.decode()

    assert thumbnail_address(image) in html
    assert reverse("upload") in html


# Changing one picture


def test_image_change_saves_labels_and_nothing_else(alice, bob, draw, staff):
    image = draw(alice, tags="a")
    tag = Tag.objects.create(name="b")
    data = {"description": "new", "visibility": "public", "tags": [tag.pk], "owner": bob.pk, "md5": "0" * 32}

    response = signed_in(staff).post(page(Image, "change", image.pk), data)

    after = Image.objects.get()
    assert response.status_code == 302
    assert (after.description, after.visibility, list(after.tags.all())) == ("new", "public", [tag])
    assert (after.owner, after.md5, after.embedding_row) == (alice, image.md5, image.embedding_row)


def test_image_change_keeps_a_vector_that_was_committed_meanwhile(alice, draw, staff, monkeypatch):
    image = draw(alice)
    original = admin.site._registry[Image].save_model

    def commit_first(*args: Any) -> None:
        Image.objects.update(embedding_row=7)
        original(*args)

    monkeypatch.setattr(admin.site._registry[Image], "save_model", commit_first)
    signed_in(staff).post(page(Image, "change", image.pk), {"description": "new", "visibility": "private"})

    assert Image.objects.get().embedding_row == 7


def test_image_change_refuses_too_many_tags(alice, draw, staff):
    image = draw(alice)
    tags = Tag.objects.named(str(number) for number in range(51))

    response = signed_in(staff).post(
        page(Image, "change", image.pk), {"visibility": "private", "tags": [tag.pk for tag in tags]}
    )

    assert "There are 51 tags; the limit is 50." in response.content.decode()
    assert Image.objects.get().tags.count() == 0


# Actions on pictures


def test_add_and_remove_tags_ask_and_then_change(alice, draw, staff):
    red, green = draw(alice, "red", tags="old"), draw(alice, "green")
    client = signed_in(staff)

    asked = act(client, Image, "add_tags", [red])
    assert "red.png" in asked.content.decode()
    act(client, Image, "add_tags", [red], confirmed="yes", tags="new, 新")
    act(client, Image, "remove_tags", [red], confirmed="yes", tags="OLD")

    assert {tag.name for tag in red.tags.all()} == {"new", "新"}
    assert green.tags.count() == 0
    assert AuditEntry.objects.about(red).filter(door="admin").count() == 2


def test_add_tags_says_what_is_wrong(alice, draw, staff):
    red = draw(alice, "red")

    too_long = act(signed_in(staff), Image, "add_tags", [red], confirmed="yes", tags="x" * 65)
    empty = act(signed_in(staff), Image, "add_tags", [red], confirmed="yes", tags=", ,")

    assert "has 65 characters; the limit is 64" in too_long.content.decode()
    assert "No tag was given" in empty.content.decode()
    assert red.tags.count() == 0


def test_change_visibility_asks_and_then_changes(alice, draw, staff):
    red, green = draw(alice, "red"), draw(alice, "green")
    client = signed_in(staff)

    asked = act(client, Image, "change_visibility", [red])
    wrong = act(client, Image, "change_visibility", [red], confirmed="yes", visibility="secret")
    act(client, Image, "change_visibility", [red], confirmed="yes", visibility="public")

    assert 'type="radio"' in asked.content.decode()
    assert "secret" in wrong.content.decode()
    assert set(Image.objects.values_list("pk", "visibility")) == {(red.pk, "public"), (green.pk, "private")}


def test_an_action_on_all_means_the_filtered_list(alice, bob, draw, staff):
    for colour in ("red", "green"):
        draw(alice, colour, tags="mine")
    other = draw(bob, "blue")
    client, query = signed_in(staff), "?tag=mine&trash=no"
    first = [Image.objects.filter(owner=alice).first()]

    asked = act(client, Image, "change_visibility", first, query, select_across="1")
    act(client, Image, "change_visibility", first, query, select_across="1", confirmed="yes", visibility="public")
    act(client, Image, "move_to_trash", first, query, select_across="1")

    html = asked.content.decode()
    assert "2 are selected" in html
    assert 'name="select_across" value="1"' in html
    assert set(Image.objects.filter(visibility="public", trashed_at__isnull=False)) == set(
        Image.objects.filter(owner=alice)
    )
    other.refresh_from_db()
    assert (other.visibility, other.trashed_at) == ("private", None)


@pytest.mark.parametrize("query", ["?search_status=faild", "?trash=maybe"])
def test_an_action_on_all_of_a_filter_that_does_not_exist_changes_nothing(alice, draw, staff, query):
    red, _green = draw(alice, "red"), draw(alice, "green")

    act(signed_in(staff), Image, "move_to_trash", [red], query, select_across="1")

    assert Image.objects.live().count() == 2


def test_trash_and_restore_move_pictures(alice, draw, staff):
    red, green = draw(alice, "red"), draw(alice, "green")
    client = signed_in(staff)

    moved = act(client, Image, "move_to_trash", [red, green])
    assert not Image.objects.live().exists()
    back = act(client, Image, "restore", [red])

    assert messages_of(moved) == ["2 pictures were moved to the trash."]
    assert messages_of(back) == ["1 picture was brought back."]
    assert list(Image.objects.live()) == [red]


def test_embed_again_makes_a_new_vector(alice, draw, staff, data_dir):
    red = draw(alice, "red", embedded=True)

    act(signed_in(staff), Image, "embed_again", [red])

    red.refresh_from_db()
    matrix = np.load(data_dir / "vectors" / "embeddings-1.npy")
    assert red.embedding_row == 1
    assert not matrix[0].any()
    assert matrix[1].any()
    assert verify().problems == ()


def test_retry_failed_makes_failed_ones_searchable(alice, draw, staff):
    red, green = draw(alice, "red"), draw(alice, "green")
    Image.objects.filter(pk=red.pk).update(embed_error="out of luck")

    shown = signed_in(staff).get(page(Image, "change", red.pk)).content.decode()
    response = act(signed_in(staff), Image, "retry_failed", [red, green])

    assert "out of luck" in shown
    assert messages_of(response) == ["1 failed picture will be tried again in a moment."]
    red.refresh_from_db()
    assert red.search_status == "searchable"


def test_an_error_of_a_service_is_a_message(alice, draw, staff, monkeypatch):
    red = draw(alice, "red")

    def busy(*args: Any, **given: Any) -> int:
        raise StoreBusy(seconds=60)

    monkeypatch.setattr(curation, "embed_again", busy)
    response = act(signed_in(staff), Image, "embed_again", [red])

    assert response.status_code == 200
    assert messages_of(response) == ["The vector file has been locked by another process for 60 seconds. Try again."]


def test_viewer_is_offered_no_action(alice, draw, viewer):
    red = draw(alice, "red")

    act(signed_in(viewer), Image, "move_to_trash", [red])
    act(signed_in(viewer), Image, "delete_selected", [red], confirmed="yes")

    assert list(Image.objects.live()) == [red]


# Deleting pictures


def test_deleting_one_picture_takes_vector_and_files(alice, draw, staff, data_dir):
    red, green = draw(alice, "red", embedded=True), draw(alice, "green", embedded=True)
    address = page(Image, "delete", red.pk)

    asked = signed_in(staff).get(address)
    response = signed_in(staff).post(address, {"post": "yes"})

    matrix = np.load(data_dir / "vectors" / "embeddings-1.npy")
    assert asked.status_code == 200
    assert response.status_code == 302
    assert list(Image.objects.all()) == [green]
    assert not matrix[0].any()
    assert matrix[1].any()
    assert len(stored_files(data_dir)) == 3
    assert verify().problems == ()
    assert AuditEntry.objects.get(verb="deleted").object_label == "red.png"


def test_deleting_selected_pictures_takes_vectors_and_files(alice, draw, staff, data_dir):
    images = [draw(alice, colour, embedded=True) for colour in COLOURS]
    client = signed_in(staff)

    asked = act(client, Image, "delete_selected", images[:3])
    assert Image.objects.count() == 4
    done = act(client, Image, "delete_selected", images[:3], confirmed="yes")

    assert "This cannot be undone." in asked.content.decode()
    assert messages_of(done) == ["3 pictures were deleted forever."]
    assert list(Image.objects.all()) == [images[3]]
    assert len(stored_files(data_dir)) == 3
    assert verify().problems == ()
    assert AuditEntry.objects.filter(verb="deleted").count() == 3


def test_a_failed_deletion_is_told_and_not_logged(alice, draw, staff, monkeypatch):
    red = draw(alice, "red")

    def busy(*args: Any, **given: Any) -> int:
        raise StoreBusy(seconds=60)

    monkeypatch.setattr("gallery.admin.image.delete_forever", busy)
    response = signed_in(staff).post(page(Image, "delete", red.pk), {"post": "yes"}, follow=True)

    assert response.status_code == 200
    assert "locked by another process" in messages_of(response)[0]
    assert Image.objects.count() == 1
    assert not AuditEntry.objects.filter(verb="deleted").exists()


# Users


def test_user_list_counts_pictures_and_storage(alice, draw, staff):
    images = [draw(alice, colour) for colour in COLOURS[:2]]

    rows = signed_in(staff).get(page(User, "changelist")).context["cl"].result_list

    [listed] = [user for user in rows if user.username == "alice"]
    assert (listed.image_count, listed.size_bytes) == (2, sum(image.size_bytes for image in images))


def test_deleting_a_user_takes_pictures_vectors_and_files(one_of_each, bob, draw, administrator, data_dir):
    alice = one_of_each[User]
    draw(bob, "red")  # the same bytes as alice's: the file stays
    draw(alice, "green", embedded=True)
    address = page(User, "delete", alice.pk)

    asked = signed_in(administrator).get(address).content.decode()
    signed_in(administrator).post(address, {"post": "yes"})

    assert "2" in asked
    assert set(User.objects.values_list("username", flat=True)) == {"bob", "root"}
    assert [image.owner for image in Image.objects.all()] == [bob]
    assert not Album.objects.exists()
    assert len(stored_files(data_dir)) == 3
    assert verify().problems == ()


def test_deleting_selected_users_takes_their_pictures(alice, bob, draw, administrator, data_dir):
    draw(alice, "red")
    draw(bob, "green", embedded=True)

    act(signed_in(administrator), User, "delete_selected", [alice, bob], post="yes")

    assert list(User.objects.all()) == [administrator]
    assert stored_files(data_dir) == []
    assert verify().problems == ()


def test_a_user_deletion_that_failed_leaves_a_closed_account(alice, draw, administrator, monkeypatch):
    draw(alice, "red")

    def busy(*args: Any, **given: Any) -> int:
        raise StoreBusy(seconds=60)

    monkeypatch.setattr(accounts, "delete_with_owners", busy)
    response = act(signed_in(administrator), User, "delete_selected", [alice], post="yes")

    alice.refresh_from_db()
    assert "locked by another process" in messages_of(response)[0]
    assert (alice.is_active, alice.images.count()) == (False, 1)


def test_deleting_a_user_needs_the_right_to_delete_pictures(alice, draw, clerk):
    draw(alice, "red")
    rights = Permission.objects.filter(codename__in=["view_user", "delete_user"])
    clerk.user_permissions.set(rights)

    response = signed_in(clerk).post(page(User, "delete", alice.pk), {"post": "yes"})

    assert response.status_code == 403
    assert Image.objects.count() == 1


def test_curator_cannot_lift_himself_or_touch_staff(staff, administrator, alice):
    client = signed_in(staff)
    group = Group.objects.create(name="all")
    data = {"username": "alice", "is_active": "on", "is_staff": "on", "is_superuser": "on", "groups": [group.pk]}

    assert client.post(page(User, "change", administrator.pk), data).status_code == 403
    assert client.post(page(User, "change", staff.pk), data).status_code == 403
    assert client.post(page(User, "delete", administrator.pk), {"post": "yes"}).status_code == 403
    password = reverse("admin:auth_user_password_change", args=[administrator.pk])
    assert client.post(password, {"password1": "x", "password2": "x"}).status_code == 403
    act(client, User, "delete_selected", [administrator], post="yes")
    assert client.post(page(User, "change", alice.pk), data).status_code == 302

    alice.refresh_from_db()
    assert (alice.is_staff, alice.is_superuser, alice.groups.count()) == (False, False, 0)
    assert User.objects.filter(pk=administrator.pk, is_superuser=True).exists()


def test_nobody_deletes_the_account_he_uses(administrator):
    assert signed_in(administrator).post(page(User, "delete", administrator.pk), {"post": "yes"}).status_code == 403


def test_administrator_adds_and_changes_a_user(administrator, alice):
    client = signed_in(administrator)
    password = {"password1": PASSWORD, "password2": PASSWORD, "usable_password": "true"}

    added = client.post(page(User, "add"), {"username": "dora", **password})
    taken = client.post(page(User, "add"), {"username": "ALICE", **password})
    dora = User.objects.get(username="dora")
    client.post(page(User, "change", dora.pk), {"username": "dora", "is_active": "on", "is_staff": "on"})

    assert added.status_code == 302
    assert "A user with that username already exists." in taken.content.decode()
    dora.refresh_from_db()
    assert dora.is_staff
    assert dora.check_password(PASSWORD)


# Tags


def test_tag_list_counts_pictures(alice, draw, staff):
    draw(alice, "red", tags="a, b")
    draw(alice, "green", tags="a")

    rows = signed_in(staff).get(page(Tag, "changelist")).context["cl"].result_list

    assert {tag.name: tag.image_count for tag in rows} == {"a": 2, "b": 1}


def test_merge_makes_one_tag_of_several(alice, draw, staff):
    red = draw(alice, "red", tags="sea, ocean")
    green = draw(alice, "green", tags="Ocean, other")
    sea, ocean = Tag.objects.get(key="sea"), Tag.objects.get(key="ocean")
    client = signed_in(staff)

    alone = act(client, Tag, "merge", [sea])
    asked = act(client, Tag, "merge", [sea, ocean])
    wrong = act(client, Tag, "merge", [sea, ocean], confirmed="yes", into=Tag.objects.get(key="other").pk)
    act(client, Tag, "merge", [sea, ocean], confirmed="yes", into=sea.pk)

    assert messages_of(alone) == ["Choose at least two tags to merge."]
    assert "Keep this name" in asked.content.decode()
    assert "Select a valid choice" in wrong.content.decode()
    assert [tag.name for tag in red.tags.all()] == ["sea"]
    assert {tag.name for tag in green.tags.all()} == {"sea", "other"}
    assert set(Tag.objects.values_list("name", flat=True)) == {"sea", "other"}


def test_merge_needs_the_right_to_delete(alice, draw, clerk):
    draw(alice, "red", tags="sea, ocean")
    clerk.user_permissions.set(Permission.objects.filter(codename__in=["view_tag", "change_tag"]))
    tags = list(Tag.objects.all())

    act(signed_in(clerk), Tag, "merge", tags, confirmed="yes", into=tags[0].pk)

    assert Tag.objects.count() == 2


def test_remove_unused_leaves_tags_with_pictures(alice, draw, staff):
    draw(alice, "red", tags="used")
    Tag.objects.create(name="unused")

    act(signed_in(staff), Tag, "remove_unused", list(Tag.objects.all()))

    assert [tag.name for tag in Tag.objects.all()] == ["used"]


def test_tag_name_is_one_new_name(staff):
    tag = Tag.objects.create(name="sea")
    Tag.objects.create(name="Ocean")
    client, address = signed_in(staff), page(Tag, "change", tag.pk)

    taken = client.post(address, {"name": "OCEAN"}).content.decode()
    two = client.post(address, {"name": "a，b"}).content.decode()
    client.post(address, {"name": "  The   Sea "})

    assert "There is a tag of this name" in taken
    assert "without commas" in two
    tag.refresh_from_db()
    assert (tag.name, tag.key) == ("The Sea", "the sea")


# Albums


def album_data(album: Album, places: list[dict[str, Any]], initial: int) -> dict[str, Any]:
    data: dict[str, Any] = {"title": album.title, "albumimage_set-TOTAL_FORMS": len(places)}
    data["albumimage_set-INITIAL_FORMS"] = initial
    for number, place in enumerate(places):
        data |= {f"albumimage_set-{number}-{name}": value for name, value in place.items()}
    return data


def test_album_takes_its_owners_pictures_and_members(alice, bob, draw, one_of_each, staff):
    album, green = one_of_each[Album], draw(alice, "green")
    place = AlbumImage.objects.get()
    rows = [
        {"id": place.pk, "album": album.pk, "position": 2},
        {"id": "", "album": album.pk, "image": green.pk, "position": 1},
    ]

    response = signed_in(staff).post(
        page(Album, "change", album.pk), {**album_data(album, rows, 1), "members": [bob.pk]}
    )

    assert response.status_code == 302
    assert [row.image for row in AlbumImage.objects.all()] == [green, one_of_each[Image]]
    assert list(album.members.all()) == [bob]


def test_texts_lose_what_turns_a_line_and_keep_joiners(alice, one_of_each, staff):
    album, image, client = one_of_each[Album], one_of_each[Image], signed_in(staff)
    typed = "می\u200cخواهم \u202egpj.exe\u2066 👨\u200d👩\u200d👧\x1b"
    kept = "می\u200cخواهم gpj.exe 👨\u200d👩\u200d👧"

    for address, changes in [
        (page(Album, "change", album.pk), album_data(album, [], 0) | {"title": typed, "description": f"{typed}\r\nb"}),
        (page(Image, "change", image.pk), {"description": f"{typed}\r\nb", "visibility": "private", "tags": []}),
        (page(Tag, "add"), {"name": typed}),
    ]:
        assert client.post(address, changes).status_code == 302, address
    album.refresh_from_db()
    image.refresh_from_db()

    assert (album.title, album.description) == (kept, f"{kept}\nb")
    assert image.description == f"{kept}\nb"
    assert Tag.objects.filter(name=kept).count() == 1


def test_album_needs_a_title_that_is_seen(one_of_each, staff):
    album = one_of_each[Album]

    answer = signed_in(staff).post(
        page(Album, "change", album.pk), album_data(album, [], 0) | {"title": "\u202e\u2066\x00"}
    )

    assert answer.status_code == 200
    assert "This field is required." in answer.content.decode()


def test_album_refuses_pictures_of_others(bob, draw, one_of_each, staff):
    album, bobs = one_of_each[Album], draw(bob, "green")
    rows = [{"id": "", "album": album.pk, "image": bobs.pk, "position": 1}]

    response = signed_in(staff).post(page(Album, "change", album.pk), album_data(album, rows, 0))

    assert "This picture belongs to another user." in response.content.decode()
    assert AlbumImage.objects.count() == 1


def test_deleting_an_album_keeps_its_pictures(one_of_each, staff):
    signed_in(staff).post(page(Album, "delete", one_of_each[Album].pk), {"post": "yes"})

    assert not Album.objects.exists()
    assert Image.objects.count() == 1


# Tokens, and the notes about imports


def test_tokens_are_listed_and_revoked_but_never_shown(alice, staff):
    token = ApiToken.objects.issue(alice, name="script")
    row, client = ApiToken.objects.get(), signed_in(staff)

    pages = client.get(page(ApiToken, "changelist")), client.get(page(ApiToken, "change", row.pk))
    probed = client.get(page(ApiToken, "changelist") + f"?token_hash__startswith={row.token_hash[:2]}")
    act(client, ApiToken, "delete_selected", [row], post="yes")

    for response in pages:
        assert token not in response.content.decode()
        assert row.token_hash not in response.content.decode()
    assert probed.status_code == 400
    assert not ApiToken.objects.exists()


def test_import_shows_its_failures(one_of_each, staff):
    html = signed_in(staff).get(page(Job, "change", one_of_each[Job].pk)).content.decode()

    assert "<td>photos/broken.png</td><td>This file is empty (0 bytes).</td>" in html


@pytest.mark.parametrize("owner", ["9" * 30, "9" * 5000, "²", "x"])
def test_owner_filter_finds_nothing_for_what_cannot_be_an_id(visitors, alice, draw, owner):
    draw(alice, "red")

    page = visitors["staff"].get("/admin/gallery/image/", {"owner": owner})

    assert page.status_code == 200
    assert page.context["cl"].result_count == 0
