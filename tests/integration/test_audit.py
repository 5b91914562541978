"""What people change is written down beside the change: who, when, what, on what, before, after, through which door."""

import pytest
from django.contrib.auth.models import Group
from django.db import connection, transaction
from django.db.transaction import TransactionManagementError
from django.test.utils import CaptureQueriesContext

from gallery.models import OPERATOR, WORKER, Actor, ApiToken, AuditEntry, AuditVerb, Door, Tag, User
from gallery.services.audit import (
    AUDITED,
    MAX_VALUE_CHARACTERS,
    Action,
    record,
    record_added,
    recording,
)
from gallery.services.tags import merge_tags
from tests.integration.test_models import stored


def on_page(user: User) -> Actor:
    return Actor.of(user, door=Door.PAGE)


# Writing entries


def test_entry_says_who_what_and_through_which_door(alice):
    tag = Tag.objects.create(name="sea")

    with transaction.atomic():
        record(Action(on_page(alice)), AuditVerb.MERGED, tag, before={"a": 1}, after={"a": 2})

    entry = AuditEntry.objects.get()
    assert (entry.actor_kind, entry.user, entry.actor_name, entry.door) == ("member", alice, "alice", "page")
    assert (entry.verb, entry.object_kind, entry.object_id, entry.object_label) == (
        "merged",
        "gallery.tag",
        tag.pk,
        "sea",
    )
    assert (entry.before, entry.after) == ({"a": 1}, {"a": 2})


@pytest.mark.parametrize(("actor", "expected"), [(OPERATOR, "operator"), (WORKER, "background work")])
def test_entry_of_nobody_with_an_account_names_the_kind(actor, expected, transactional_db):
    with transaction.atomic():
        record(Action(actor), AuditVerb.ADDED, Tag.objects.create(name="sea"))

    assert (AuditEntry.objects.get().who, AuditEntry.objects.get().user) == (expected, None)


def test_entry_needs_a_transaction(alice):
    tag = Tag.objects.create(name="sea")

    with pytest.raises(TransactionManagementError):
        record(Action(on_page(alice)), AuditVerb.ADDED, tag)

    assert not AuditEntry.objects.exists()


def test_recording_keeps_only_what_differs(alice):
    sea, hill = Tag.objects.create(name="sea"), Tag.objects.create(name="hill")

    with transaction.atomic(), recording(Action(on_page(alice)), AuditVerb.CHANGED, Tag, [sea.pk, hill.pk]):
        Tag.objects.filter(pk=sea.pk).update(name="Sea")

    entry = AuditEntry.objects.get()
    assert (entry.object_id, entry.before, entry.after) == (sea.pk, {"name": "sea"}, {"name": "Sea"})


def test_recording_of_what_goes_away_keeps_all_of_it(alice):
    sea = Tag.objects.create(name="sea")

    with transaction.atomic(), recording(Action(on_page(alice)), AuditVerb.DELETED, Tag, [sea.pk]):
        Tag.objects.all().delete()

    entry = AuditEntry.objects.get()
    assert (entry.object_label, entry.before, entry.after) == ("sea", {"name": "sea"}, {})


def test_a_rolled_back_change_leaves_no_entry(alice):
    sea = Tag.objects.create(name="sea")

    def delete_and_fail() -> None:
        with transaction.atomic():
            with recording(Action(on_page(alice)), AuditVerb.DELETED, Tag, [sea.pk]):
                Tag.objects.all().delete()
            assert AuditEntry.objects.exists()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        delete_and_fail()

    assert Tag.objects.exists()
    assert not AuditEntry.objects.exists()


@pytest.mark.parametrize("count", [1, 3])
def test_recording_asks_as_often_for_many_as_for_one(alice, count):
    tags = [Tag.objects.create(name=f"tag {number}") for number in range(count)]
    ids = [tag.pk for tag in tags]

    with (
        CaptureQueriesContext(connection) as captured,
        transaction.atomic(),
        recording(Action(on_page(alice)), AuditVerb.CHANGED, Tag, ids),
    ):
        Tag.objects.update(name="same")

    assert AuditEntry.objects.count() == count
    assert len(captured) == 8  # begin, before (tags, their pictures), the change, after (the same), entries, commit


def test_entry_bounds_long_values_and_labels(alice):
    group = Group.objects.create(name="g" * 150)

    with transaction.atomic():
        record(
            Action(on_page(alice)),
            AuditVerb.CHANGED,
            group,
            label="x" * 300,
            after={"name": "n" * 5_000, "ids": list(range(3_000))},
        )

    entry = AuditEntry.objects.get()
    assert len(entry.object_label) == 255
    assert len(entry.after["name"]) == MAX_VALUE_CHARACTERS + 1
    assert entry.after["ids"][-2:] == [999, "… 2000"]


def test_entries_hold_no_secret(alice):
    token = ApiToken.objects.issue(alice, name="script")

    with transaction.atomic():
        for thing in (alice, ApiToken.objects.get()):
            record_added(Action(on_page(alice)), thing)

    written = str(list(AuditEntry.objects.values_list("before", "after")))
    assert "example.org" in written
    assert token not in written
    assert ApiToken.objects.get().token_hash not in written
    assert alice.password not in written
    assert not {"password", "token_hash", "session"} & {name for names in AUDITED.values() for name in names}


# Entries stay


def test_entries_stay_when_their_object_and_their_author_are_gone(alice):
    tag = Tag.objects.create(name="sea")
    with transaction.atomic():
        record(Action(on_page(alice)), AuditVerb.ADDED, tag)

    tag.delete()
    alice.delete()

    entry = AuditEntry.objects.get()
    assert (entry.user, entry.who, entry.object_label) == (None, "alice", "sea")


@pytest.mark.parametrize(
    "change",
    [
        lambda entry: entry.save(),
        lambda entry: entry.delete(),
        lambda _entry: AuditEntry.objects.update(verb="deleted"),
        lambda _entry: AuditEntry.objects.all().delete(),
    ],
)
def test_entries_are_neither_changed_nor_deleted(alice, change):
    with transaction.atomic():
        record(Action(on_page(alice)), AuditVerb.ADDED, alice)

    with pytest.raises(TypeError):
        change(AuditEntry.objects.get())

    assert AuditEntry.objects.get().verb == "added"


def test_labels_are_said_in_both_languages():
    from django.utils.translation import override

    with override("zh-hans"):
        chinese = [str(verb.label) for verb in AuditVerb]
    with override("en"):
        english = [str(verb.label) for verb in AuditVerb]

    assert all(label.isascii() for label in english)
    assert not any(label.isascii() for label in chinese)


def test_merging_a_tag_that_another_has_deleted_merges_the_rest(alice):
    image, [cat, dog, pet] = stored(alice), Tag.objects.named(["cat", "dog", "pet"])
    image.tags.set([cat, dog])
    Tag.objects.filter(pk=dog.pk).delete()

    merge_tags([cat, dog], into=pet, by=OPERATOR)

    assert [tag.name for tag in image.tags.all()] == ["pet"]
    merged = AuditEntry.objects.filter(verb=AuditVerb.MERGED)
    assert sorted(merged.values_list("object_label", flat=True)) == ["cat", "pet"]
