"""Each verb through each door leaves exactly the entries that say what was done."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from gallery.errors import TooManyTags
from gallery.models import (
    OPERATOR,
    WORKER,
    Album,
    AlbumImage,
    ApiToken,
    AuditEntry,
    Door,
    Image,
    ImportedImage,
    Job,
    Tag,
    User,
)
from gallery.models.actor import Actor
from gallery.services import curation
from gallery.services.accounts import delete_accounts, issue_token
from gallery.services.curation import add_tags, delete_forever, embed_again, move_to_trash, set_visibility
from gallery.services.embedding.claimed_images import embed_pending
from gallery.services.embedding.model_change import ask_for_change, cancel_change
from gallery.services.import_jobs import ImportCounts, noted_import
from gallery.services.importing import find_files, import_files
from gallery.services.labels import Labels
from gallery.services.samples import bring_in_samples
from tests.conftest import PASSWORD, drawn_picture

COLOURS = ("red", "green", "blue", "yellow")


@pytest.fixture
def pictures(alice: User, upload: Callable[..., Image], quick_encoder: Any) -> list[Image]:
    """Four pictures of alice, whose own entries are not looked at."""
    return [upload(alice, f"{colour}.png", content=drawn_picture(colour), tags="old") for colour in COLOURS]


@pytest.fixture
def administrator(transactional_db: None) -> User:
    return User.objects.create_superuser("root", password=PASSWORD)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for colour in COLOURS:
        (tmp_path / f"{colour}.png").write_bytes(drawn_picture(colour))
    return tmp_path


def browser_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def written(**those: Any) -> list[tuple[Any, ...]]:
    """Return what the entries say, oldest first: who, door, verb, label, before, after."""
    entries = AuditEntry.objects.filter(**those).order_by("pk")
    return [(each.who, each.door, each.verb, each.object_label, each.before, each.after) for each in entries]


def since(pk: int) -> list[tuple[Any, ...]]:
    return written(pk__gt=pk)


def last_entry() -> int:
    return AuditEntry.objects.newest().values_list("pk", flat=True).first() or 0


# Pages


def test_upload_through_a_page_is_one_entry(alice, quick_encoder):
    data = {"files": BytesIO(drawn_picture("red")), "tags": "sea", "visibility": "public"}
    data["files"].name = "red.png"

    answer = browser_of(alice).post(reverse("upload"), data)

    image = Image.objects.get()
    assert answer.status_code == 200
    assert written() == [
        (
            "alice",
            "page",
            "added",
            "red.png",
            {},
            {
                "original_name": "red.png",
                "owner": "alice",
                "md5": image.md5,
                "tags": ["sea"],
                "visibility": "public",
                "search_status": "pending",
            },
        )
    ]


def test_the_same_bytes_again_are_no_entry(alice, upload, quick_encoder):
    upload(alice, "red.png", content=drawn_picture("red"))
    before = last_entry()

    upload(alice, "red.png", content=drawn_picture("red"))

    assert since(before) == []


def test_upload_of_what_is_in_the_trash_brings_it_back(alice, upload, quick_encoder):
    image = upload(alice, "red.png", content=drawn_picture("red"))
    move_to_trash(Image.objects.all(), by=OPERATOR)
    trashed_at = Image.objects.get().trashed_at
    before = last_entry()

    upload(alice, "red.png", content=drawn_picture("red"), description="again")

    [entry] = AuditEntry.objects.filter(pk__gt=before)
    assert (entry.verb, entry.object_id) == ("restored", image.pk)
    assert entry.before["trashed_at"][:19] == trashed_at.isoformat()[:19]
    assert entry.after == {"trashed_at": None}


def test_bulk_change_on_a_page_is_one_entry_a_picture_under_one_action(alice, pictures):
    before = last_entry()
    ids = [image.pk for image in pictures[:2]]

    browser_of(alice).post(reverse("library-bulk"), {"ids": ids, "action": "add_tags", "tags": "new"})

    tags = ({"tags": ["old"]}, {"tags": ["new", "old"]})
    assert since(before) == [("alice", "page", "tagged", f"{colour}.png", *tags) for colour in COLOURS[:2]]
    assert AuditEntry.objects.filter(pk__gt=before).values("action").distinct().count() == 1


@pytest.mark.parametrize(
    ("values", "verb", "difference"),
    [
        ({"action": "remove_tags", "tags": "OLD"}, "untagged", ({"tags": ["old"]}, {"tags": []})),
        (
            {"action": "visibility", "visibility": "public"},
            "shown_to",
            ({"visibility": "private"}, {"visibility": "public"}),
        ),
    ],
)
def test_each_bulk_change_says_what_was_and_what_is(alice, pictures, values, verb, difference):
    before = last_entry()

    browser_of(alice).post(reverse("library-bulk"), {"ids": [pictures[0].pk], **values})

    assert since(before) == [("alice", "page", verb, "red.png", *difference)]


def test_edit_trash_and_undo_on_pages_are_entries(alice, pictures):
    client, before = browser_of(alice), last_entry()
    pk = pictures[0].pk

    client.post(reverse("image-edit", args=[pk]), {"description": "A", "tags": "old", "visibility": "private"})
    client.post(reverse("image-delete", args=[pk]))
    client.post(reverse("image-restore", args=[pk]))

    entries = since(before)
    assert [entry[:4] for entry in entries] == [
        ("alice", "page", verb, "red.png") for verb in ("changed", "trashed", "restored")
    ]
    assert entries[0][4:] == ({"description": ""}, {"description": "A"})
    assert entries[1][4] == {"trashed_at": None}
    assert entries[2][5] == {"trashed_at": None}


def test_change_that_changes_nothing_is_no_entry(alice, pictures):
    before = last_entry()

    add_tags(Image.objects.all(), "old", by=OPERATOR)
    set_visibility(Image.objects.all(), "private", by=OPERATOR)

    assert since(before) == []


def test_clearing_a_library_is_one_entry_a_picture_under_one_action(alice, pictures):
    before = last_entry()

    browser_of(alice).post(reverse("library-clear"), {"username": "alice", "typed": "alice", "name": "alice"})

    assert not Image.objects.exists()
    assert [entry[:4] for entry in since(before)] == [
        ("alice", "page", "deleted", f"{colour}.png") for colour in COLOURS
    ]
    assert AuditEntry.objects.filter(pk__gt=before).values("action").distinct().count() == 1


def test_deletion_keeps_what_there_was(alice, pictures):
    before = last_entry()

    delete_forever(Image.objects.filter(pk=pictures[0].pk), by=Actor.of(alice, door=Door.PAGE))

    [(who, door, verb, label, was, becomes)] = since(before)
    assert (who, door, verb, label, becomes) == ("alice", "page", "deleted", "red.png", {})
    assert was == {
        "original_name": "red.png",
        "owner": "alice",
        "md5": pictures[0].md5,
        "tags": ["old"],
        "visibility": "private",
        "search_status": "searchable",
    }


def test_sign_up_and_change_of_password_are_entries_without_the_password(transactional_db):
    client = Client()
    secret = "tr0ub4dor and three"

    client.post(reverse("sign-up"), {"username": "dora", "password1": PASSWORD, "password2": PASSWORD})
    client.post(
        reverse("password_change"), {"old_password": PASSWORD, "new_password1": secret, "new_password2": secret}
    )

    assert [entry[:4] for entry in written()] == [
        ("visitor", "page", "signed_up", "dora"),
        ("dora", "page", "password_changed", "dora"),
    ]
    assert PASSWORD not in str(written())
    assert secret not in str(written())


@pytest.mark.parametrize("address", ["home", "library", "search"])
def test_reading_writes_none(alice, pictures, address):
    before = last_entry()

    for client in (Client(), browser_of(alice)):
        client.get(reverse(address), {"q": "red"})
        client.get(reverse("image", args=[pictures[0].pk]))

    assert since(before) == []


# API


def test_api_writes_each_of_its_changes(alice, quick_encoder):
    token = issue_token(alice, by=OPERATOR, name="script")
    client = Client(headers={"Authorization": f"Bearer {token}"})
    before = last_entry()
    file = BytesIO(drawn_picture("red"))
    file.name = "red.png"

    made = client.post("/api/v1/images/", {"file": file})
    client.patch(made.json()["urls"]["self"], {"description": "A"}, content_type="application/json")
    client.delete(made.json()["urls"]["self"])

    assert [entry[:4] for entry in since(before)] == [
        ("alice", "api", verb, "red.png") for verb in ("added", "changed", "deleted")
    ]
    assert since(before)[1][4:] == ({"description": ""}, {"description": "A"})


# Commands


def test_token_is_an_entry_without_the_token(alice, capsys):
    call_command("create_api_token", "alice", "--name", "script", "--json")

    token = capsys.readouterr().out
    assert written() == [
        ("operator", "command", "token_issued", "script", {}, {"name": "script", "user": "alice", "read_only": False})
    ]
    assert token.split('"')[3] not in str(written())


def test_import_is_one_entry_with_its_list(alice, folder, quick_encoder):
    (folder / "broken.png").write_bytes(b"not a picture")

    with pytest.raises(SystemExit):  # one file failed
        call_command("import_images", str(folder), "--owner", "alice", "--json")

    [entry] = AuditEntry.objects.all()
    ids = sorted(Image.objects.values_list("pk", flat=True))
    assert (entry.who, entry.door, entry.verb, entry.object_kind) == (
        "operator",
        "command",
        "imported",
        "gallery.job",
    )
    assert entry.after["ids"] == [[ids[0], ids[-1]]]
    assert (entry.after["added"], entry.after["duplicates"], entry.after["failed"]) == (4, 0, 1)
    assert entry.after["failures"][0]["path"].endswith("broken.png")
    assert (entry.after["owner"], entry.after["source"]) == ("alice", str(folder))
    assert not ImportedImage.objects.exists()


def test_import_that_is_killed_is_in_the_list_of_the_next_one_of_the_same_folder(alice, folder, quick_encoder):
    import_files(find_files([folder / "red.png"], recursive=False), owner=alice, labels=Labels(), by=OPERATOR)
    killed = Job.objects.create(kind="import", owner=alice, subject="photos", status="running", total=4)
    image = Image.objects.get()
    ImportedImage.objects.create(job=killed, image_id=image.pk)  # as its own transaction left it
    before = last_entry()

    with noted_import(ImportCounts, owner=alice, source="photos", total=4, by=OPERATOR):
        pass

    first, second = AuditEntry.objects.filter(pk__gt=before).order_by("pk")
    assert (first.object_id, first.after["ids"], first.after["status"]) == (
        killed.pk,
        [[image.pk, image.pk]],
        "interrupted",
    )
    assert (second.after["added"], second.after["status"]) == (0, "finished")
    assert not ImportedImage.objects.exists()


def test_each_imported_picture_is_noted_in_its_own_transaction(alice, folder, quick_encoder, monkeypatch):
    def fail(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(ImportedImage.objects, "create", fail)
    with pytest.raises(ZeroDivisionError):
        import_files(find_files([folder], recursive=False), owner=alice, labels=Labels(), by=OPERATOR)

    assert not Image.objects.exists()


def test_samples_are_one_entry(alice, quick_encoder):
    count = bring_in_samples(owner=alice, by=OPERATOR)

    [entry] = AuditEntry.objects.all()
    assert (entry.verb, entry.object_label, entry.after["added"]) == ("imported", "skimage.data", count)


def test_welcome_writes_down_the_account_it_makes(transactional_db, quick_encoder):
    call_command("welcome", "--json")

    first = written()[0]
    assert first[:4] == ("operator", "command", "added", "admin")
    assert (first[5]["is_superuser"], "password" in first[5]) == (True, False)


def test_emptying_old_trash_by_the_worker_is_a_deletion_like_any(alice, pictures):
    move_to_trash(Image.objects.filter(pk=pictures[0].pk), by=OPERATOR)
    Image.objects.filter(pk=pictures[0].pk).update(trashed_at="2020-01-01T00:00:00Z")
    before = last_entry()

    curation.empty_some_old_trash(by=WORKER)

    assert [entry[:4] for entry in since(before)] == [("background work", "worker", "deleted", "red.png")]


def test_embedding_writes_none(alice, pictures):
    Image.objects.update(embedding_row=None)
    before = last_entry()

    assert embed_pending().embedded == len(pictures)

    assert since(before) == []


def test_model_change_that_is_asked_for_and_given_up_are_two_entries(administrator, pictures):
    before = last_entry()

    ask_for_change("offline", by=Actor.of(administrator, door=Door.ADMIN))
    ask_for_change("offline", by=OPERATOR)  # goes on with it
    cancel_change(by=OPERATOR)

    encoder = {"encoder_id": "offline"}
    assert since(before) == [
        ("root", "admin", "model_asked_for", "offline", encoder, encoder),
        ("operator", "command", "model_cancelled", "offline", encoder, encoder),
    ]


# Whole batches


def test_failure_after_the_entries_leaves_neither(alice, pictures, monkeypatch):
    before = last_entry()
    monkeypatch.setattr(curation, "BATCH", 2)
    write, calls = curation.recording, []

    def fails_at_the_second(*args: Any, **values: Any) -> Any:
        calls.append(args)
        if len(calls) == 2:
            return FailingAfter(write(*args, **values))
        return write(*args, **values)

    monkeypatch.setattr(curation, "recording", fails_at_the_second)
    with pytest.raises(ZeroDivisionError):
        set_visibility(Image.objects.all(), "public", by=OPERATOR)

    assert list(Image.objects.order_by("pk").values_list("visibility", flat=True)) == [
        "public",
        "public",
        "private",
        "private",
    ]
    assert [entry[3] for entry in since(before)] == ["red.png", "green.png"]


class FailingAfter:
    def __init__(self, recording: Any) -> None:
        self.recording = recording

    def __enter__(self) -> Any:
        return self.recording.__enter__()

    def __exit__(self, *error: Any) -> None:
        self.recording.__exit__(*error)
        raise ZeroDivisionError


def test_deletion_that_dies_before_the_commit_leaves_no_entry(alice, pictures, monkeypatch):
    before = last_entry()

    def fail(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("gallery.search_index.index.SearchIndex._leave_rows", fail)
    with pytest.raises(ZeroDivisionError):
        delete_forever(Image.objects.all(), by=OPERATOR)

    assert Image.objects.count() == 4
    assert since(before) == []


def test_embedding_again_is_an_entry_of_each_that_had_a_vector(alice, pictures):
    before = last_entry()

    embed_again(Image.objects.filter(pk=pictures[0].pk), by=OPERATOR)

    assert since(before) == [
        (
            "operator",
            "command",
            "embedded_again",
            "red.png",
            {"search_status": "searchable"},
            {"search_status": "pending"},
        )
    ]


def test_too_many_tags_change_none_and_write_none(alice, pictures, monkeypatch):
    monkeypatch.setattr(curation, "BATCH", 2)
    pictures[3].tags.set(Tag.objects.named(f"tag {number}" for number in range(50)))
    before = last_entry()

    with pytest.raises(TooManyTags):
        add_tags(Image.objects.all(), "one more", by=OPERATOR)

    assert since(before) == []
    assert not Tag.objects.filter(key="one more").exists()


@pytest.mark.parametrize("count", [1, 3])
def test_bulk_asks_as_often_for_many_as_for_one(alice, pictures, count):
    chosen = Image.objects.filter(pk__in=[image.pk for image in pictures[:count]])

    with CaptureQueriesContext(connection) as captured:
        set_visibility(chosen, "public", by=OPERATOR)

    assert len(captured) == 7  # ids; begin, before, the change, after, the entries, commit


# Accounts and admin


def test_deleting_an_account_says_all_that_went_with_it(alice, pictures, share, bob):
    share(pictures[0], bob, title="Holiday")
    issue_token(alice, by=OPERATOR, name="script")
    before = last_entry()

    delete_accounts([alice.pk], by=OPERATOR)

    entries = AuditEntry.objects.filter(pk__gt=before).order_by("pk")
    assert [(each.verb, each.object_kind, each.object_label) for each in entries] == [
        ("changed", "gallery.user", "alice"),
        *(("deleted", "gallery.image", f"{colour}.png") for colour in COLOURS),
        ("deleted", "gallery.user", "alice"),
        ("deleted", "gallery.apitoken", "script"),
        ("deleted", "gallery.album", "Holiday"),
    ]
    assert len({each.action for each in entries}) == 1
    assert entries[7].before["members"] == ["bob"]


def test_admin_form_says_what_was_and_what_is(alice, pictures, staff):
    tags = Tag.objects.named(["sea"])
    before = last_entry()
    address = reverse("admin:gallery_image_change", args=[pictures[0].pk])

    browser_of(staff).post(address, {"description": "A", "visibility": "public", "tags": [tags[0].pk]})

    assert since(before) == [
        (
            "staff",
            "admin",
            "changed",
            "red.png",
            {"description": "", "tags": ["old"], "visibility": "private"},
            {"description": "A", "tags": ["sea"], "visibility": "public"},
        )
    ]


def test_admin_action_is_written_once(alice, pictures, staff):
    before = last_entry()
    chosen = {"_selected_action": [pictures[0].pk]}

    browser_of(staff).post(reverse("admin:gallery_image_changelist"), {"action": "move_to_trash", **chosen})

    assert [entry[:4] for entry in since(before)] == [("staff", "admin", "trashed", "red.png")]


def test_merged_tags_name_each_other_and_their_pictures(alice, upload, staff, quick_encoder):
    image = upload(alice, "red.png", content=drawn_picture("red"), tags="ocean")
    sea, ocean = Tag.objects.create(name="sea"), Tag.objects.get(key="ocean")
    before = last_entry()
    data = {"action": "merge", "_selected_action": [sea.pk, ocean.pk], "confirmed": "yes", "into": sea.pk}

    browser_of(staff).post(reverse("admin:gallery_tag_changelist"), data)

    assert since(before) == [
        ("staff", "admin", "merged", "ocean", {"name": "ocean", "ids": [[image.pk, image.pk]]}, {"into": "sea"}),
        ("staff", "admin", "merged", "sea", {}, {"merged": ["ocean"]}),
    ]


def test_admin_writes_down_groups_tokens_tags_and_albums(alice, pictures, administrator):
    client, before = browser_of(administrator), last_entry()
    token = ApiToken.objects.create(user=alice, name="script", token_hash="0" * 64)
    tag = Tag.objects.create(name="unused")
    album = Album.objects.create(owner=alice, title="Holiday")
    AlbumImage.objects.create(album=album, image=pictures[0])

    client.post(reverse("admin:auth_group_add"), {"name": "curators"})
    client.post(reverse("admin:gallery_apitoken_delete", args=[token.pk]), {"post": "yes"})
    client.post(reverse("admin:gallery_tag_change", args=[tag.pk]), {"name": "renamed"})
    chosen = {"action": "remove_unused", "_selected_action": [tag.pk]}
    client.post(reverse("admin:gallery_tag_changelist"), chosen)
    client.post(reverse("admin:gallery_album_delete", args=[album.pk]), {"post": "yes"})

    assert since(before) == [
        ("root", "admin", "added", "curators", {}, {"name": "curators"}),
        ("root", "admin", "deleted", "script", {"name": "script", "user": "alice", "read_only": False}, {}),
        ("root", "admin", "changed", "unused", {"name": "unused"}, {"name": "renamed"}),
        ("root", "admin", "deleted", "renamed", {"name": "renamed"}, {}),
        (
            "root",
            "admin",
            "deleted",
            "Holiday",
            {"title": "Holiday", "owner": "alice", "places": [pictures[0].pk]},
            {},
        ),
    ]


def test_admin_writes_down_users_and_their_rights(administrator, alice):
    client = browser_of(administrator)
    group = Group.objects.create(name="curators")
    before = last_entry()
    password = {"password1": PASSWORD, "password2": PASSWORD, "usable_password": "true"}

    client.post(reverse("admin:gallery_user_add"), {"username": "dora", **password})
    rights = {"username": "alice", "email": alice.email, "is_active": "on", "is_staff": "on", "groups": [group.pk]}
    client.post(reverse("admin:gallery_user_change", args=[alice.pk]), rights)
    client.post(reverse("admin:auth_user_password_change", args=[alice.pk]), password)

    entries = since(before)
    assert [entry[:4] for entry in entries] == [
        ("root", "admin", "added", "dora"),
        ("root", "admin", "changed", "alice"),
        ("root", "admin", "password_changed", "alice"),
    ]
    assert entries[1][4:] == ({"is_staff": False, "groups": []}, {"is_staff": True, "groups": ["curators"]})
    assert PASSWORD not in str(entries)
    assert User.objects.get(username="dora").password not in str(entries)
