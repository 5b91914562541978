"""The log of what changed with each version: whatever may differ for a reader of pictures is named in it."""

import threading

import pytest
from django.db import connection, transaction

from gallery.models import (
    OPERATOR,
    AccessChange,
    AccessChanges,
    AccessState,
    Album,
    AlbumImage,
    Image,
    Tag,
    User,
    Visibility,
    access_triggers,
)
from gallery.models.access_change import CHANGES_KEPT, MOST_CHANGES, ChangeKind
from gallery.models.access_trigger_sql import FORGET_EVERY
from gallery.search_index import search_index
from gallery.services.curation import delete_forever
from gallery.services.maintenance import compact
from tests.integration.test_access_state import at_once, somebody_waits_for_this_connection, together
from tests.integration.test_models import image_row, stored
from tests.quick_encoder import QuickEncoder, unit_rows
from tests.waiting import PATIENCE_SECONDS, until

pytestmark = pytest.mark.usefixtures("quick_encoder")


def state() -> AccessState:
    return AccessState.objects.current()


@pytest.fixture
def library(alice: User, bob: User) -> Album:
    """An album of alice that bob is a member of, with one shared picture, in row 5, that has the tag "cat"."""
    image = stored(alice, visibility=Visibility.SHARED, embedding_row=5)
    image.tags.set(Tag.objects.named(["cat"]))
    album = Album.objects.create(owner=alice, title="Ours")
    album.members.add(bob)
    AlbumImage.objects.create(album=album, image=image)
    state()
    return album


def changes_by(change) -> AccessChanges | None:
    before = state().version
    change()
    return AccessChange.objects.since(before, state())


def named(*, images=(), rows=(), tags=(), albums=()) -> tuple[set[int], ...]:
    return set(images), set(rows), set(tags), set(albums)


def names_in(changes: AccessChanges | None) -> tuple[set[int], ...]:
    assert changes is not None
    return set(changes.image_ids), set(changes.image_rows), set(changes.tag_ids), set(changes.album_ids)


# What is named


def test_nothing_has_changed_since_the_same_version(library):
    now = state()

    assert AccessChange.objects.since(now.version, now) == AccessChanges(
        now.version, frozenset(), frozenset(), frozenset(), frozenset()
    )


@pytest.mark.parametrize(
    "change",
    [
        lambda image: Image.objects.filter(pk=image.pk).update(visibility=Visibility.PUBLIC),
        lambda image: image.tags.add(*Tag.objects.named(["dog", "cow"])),
        lambda image: image.tags.clear(),
        lambda image: image.tags.through.objects.update(tag=Tag.objects.named(["dog"])[0]),
        lambda image: Tag.objects.merge(image.tags.all(), into=Tag.objects.named(["dog"])[0]),
        lambda image: image.tags.all().delete(),
        lambda image: image.albums.clear(),
        lambda image: image.albumimage_set.update(position=7),
    ],
    ids=["itself", "tagged", "untagged", "other tag", "tag merged", "tag deleted", "out of the album", "moved in it"],
)
def test_a_change_of_a_picture_names_it_and_its_row(library, change):
    image = Image.objects.get()

    assert names_in(changes_by(lambda: change(image))) == named(images=[image.pk], rows=[5])


def test_a_deleted_picture_is_named_with_the_row_that_it_had(library):
    image = Image.objects.get()

    assert names_in(changes_by(lambda: Image.objects.all().delete())) == named(images=[image.pk], rows=[5])


def test_a_picture_that_takes_the_place_of_another_is_named_with_it(library):
    image, other = Image.objects.get(), stored(library.owner, embedding_row=6)

    changes = changes_by(lambda: AlbumImage.objects.update(image=other))

    assert names_in(changes) == named(images=[image.pk, other.pk], rows=[5, 6])


def test_a_renamed_tag_is_named_alone(library):
    tag = Tag.objects.get()

    assert names_in(changes_by(lambda: Tag.objects.update(name="Dog", key="dog"))) == named(tags=[tag.pk])


def test_a_tag_saved_as_it_was_moves_nothing(library):
    before = state().version

    Tag.objects.get().save()

    assert state().version == before


@pytest.mark.parametrize(
    "change",
    [
        lambda album: Album.objects.update(owner=album.members.get()),
        lambda album: Album.objects.filter(pk=album.pk).update(title="Yours"),
        lambda album: album.members.clear(),
        lambda album: album.members.add(album.owner),
        lambda album: Album.members.through.objects.update(user=album.owner),
    ],
    ids=["owner", "title", "no members", "member", "other member"],
)
def test_a_change_of_an_album_or_its_members_names_it_alone(library, change):
    assert names_in(changes_by(lambda: change(library))) == named(albums=[library.pk])


def test_a_deleted_album_is_named_with_what_was_in_it(library):
    image, album_id = Image.objects.get(), library.pk

    assert names_in(changes_by(library.delete)) == named(images=[image.pk], rows=[5], albums=[album_id])


def test_changes_of_several_versions_are_named_together(library):
    image, tag = Image.objects.get(), Tag.objects.get()

    def change() -> None:
        Image.objects.update(visibility=Visibility.PUBLIC)
        Tag.objects.update(name="Dog")
        library.members.clear()

    assert names_in(changes_by(change)) == named(images=[image.pk], rows=[5], tags=[tag.pk], albums=[library.pk])


def test_what_changes_after_a_state_was_read_is_not_in_it(library):
    before = state()
    Image.objects.update(visibility=Visibility.PUBLIC)
    between = state()
    Tag.objects.update(name="Dog")

    changes = AccessChange.objects.since(before.version, between)

    assert changes is not None
    assert changes.version == between.version
    assert (len(changes.image_ids), changes.tag_ids) == (1, frozenset())


def test_what_is_rolled_back_is_not_named(library):
    before, entries = state(), AccessChange.objects.count()

    with transaction.atomic():
        with transaction.atomic():
            Image.objects.update(visibility=Visibility.PUBLIC)
            transaction.set_rollback(True)
        Tag.objects.update(name="Dog")

    assert names_in(AccessChange.objects.since(before.version, state())) == named(tags=[Tag.objects.get().pk])
    assert AccessChange.objects.count() == entries + 1


# What waits


def test_a_tag_or_an_album_of_a_picture_that_waits_moves_nothing(library):
    waiting, before = stored(library.owner), state().version

    waiting.tags.add(*Tag.objects.named(["new", "cat"]))
    place = AlbumImage.objects.create(album=library, image=waiting)
    place.position = 3
    place.save()
    place.delete()
    waiting.tags.clear()
    waiting.delete()

    assert state().version == before


def test_a_link_that_leaves_a_picture_that_waits_for_an_embedded_one_names_that(library):
    image, waiting = Image.objects.get(), stored(library.owner)
    waiting.tags.add(*Tag.objects.named(["new"]))

    changes = changes_by(lambda: Image.tags.through.objects.filter(image=waiting).update(image=image))

    assert names_in(changes) == named(images=[image.pk], rows=[5])


# Rows that are left


def embed(*images: Image) -> None:
    ids = [image.pk for image in images]
    search_index().add(ids, unit_rows(len(ids)), encoder=QuickEncoder())


def test_a_picture_that_leaves_its_row_is_named_with_it(alice):
    first, second = stored(alice), stored(alice)
    embed(first, second)

    def leave() -> None:
        with search_index().removing([second.pk]):
            pass

    before = state().departures
    assert names_in(changes_by(leave)) == named(images=[second.pk], rows=[1])
    assert state().departures == before + 1


def test_pictures_of_forgotten_rows_are_named_with_them(alice):
    first, second = stored(alice), stored(alice)
    embed(first, second)

    changes = changes_by(lambda: search_index().forget_rows([0]))

    assert names_in(changes) == named(images=[first.pk], rows=[0])


def test_pictures_deleted_forever_are_named_with_their_rows(alice):
    first, second = stored(alice), stored(alice)
    embed(first, second)
    ids = [first.pk, second.pk]

    changes = changes_by(lambda: delete_forever(Image.objects.filter(pk__in=ids), by=OPERATOR))

    assert names_in(changes) == named(images=ids, rows=[0, 1])


def test_another_epoch_leaves_the_version(alice):
    embed(stored(alice), stored(alice))
    before = state().version

    compact(by=OPERATOR)

    assert state().version == before


# At the same moment


def tag(image: Image) -> None:
    Image.tags.through.objects.create(image=image, tag=Tag.objects.get())


@pytest.mark.postgresql_only(reason="SQLite has one writer at a time")
def test_a_link_that_commits_while_its_picture_is_embedded_waits_and_names_it(library):
    """Whoever read the picture right after it was embedded did not see the link."""
    waiting, before, embedded = stored(library.owner), state().version, threading.Event()

    def embed() -> None:
        with transaction.atomic():
            Image.objects.filter(pk=waiting.pk).update(embedding_row=9)
            embedded.set()
            until(somebody_waits_for_this_connection, "the link waits for the row")

    def link() -> None:
        embedded.wait(PATIENCE_SECONDS)
        tag(waiting)

    assert together(embed, link) == [None, None]
    assert names_in(AccessChange.objects.since(before, state())) == named(images=[waiting.pk], rows=[9])


@pytest.mark.postgresql_only(reason="SQLite has one writer at a time")
def test_a_link_that_is_taken_while_its_picture_is_embedded_waits_and_names_it(library):
    """No foreign key is checked where a link goes: the row is locked for this alone."""
    waiting = stored(library.owner)
    tag(waiting)
    before, embedded = state().version, threading.Event()

    def embed() -> None:
        with transaction.atomic():
            Image.objects.filter(pk=waiting.pk).update(embedding_row=9)
            embedded.set()
            until(somebody_waits_for_this_connection, "the link waits for the row")

    def unlink() -> None:
        embedded.wait(PATIENCE_SECONDS)
        waiting.tags.clear()

    assert together(embed, unlink) == [None, None]
    assert names_in(AccessChange.objects.since(before, state())) == named(images=[waiting.pk], rows=[9])


@pytest.mark.postgresql_only(reason="SQLite has one writer at a time")
def test_a_link_made_before_its_picture_was_embedded_by_another_is_named(library):
    waiting, before = stored(library.owner), state().version
    linked, embedded = threading.Event(), threading.Event()

    def link() -> None:
        with transaction.atomic():
            waiting.tags.through.objects.bulk_create([Image.tags.through(image=waiting, tag=Tag.objects.get())])
            linked.set()
            embedded.wait(PATIENCE_SECONDS)

    def embed() -> None:
        linked.wait(PATIENCE_SECONDS)
        Image.objects.filter(pk=waiting.pk).update(embedding_row=9)
        embedded.set()

    assert together(link, embed) == [None, None]
    assert names_in(AccessChange.objects.since(before, state())) == named(images=[waiting.pk], rows=[9])


@pytest.mark.postgresql_only(reason="SQLite has one writer at a time")
def test_pictures_that_leave_their_rows_let_others_commit_meanwhile(library):
    """The version's row is locked at the commit only, when nothing is waited for any more."""
    image, before, left = Image.objects.get(), state(), threading.Event()

    def leave() -> None:
        with transaction.atomic():
            AccessChange.objects.note_departure([(5, image.pk)])
            left.set()
            renamed.wait(PATIENCE_SECONDS)

    def rename() -> None:
        left.wait(PATIENCE_SECONDS)
        Tag.objects.update(name="Dog")
        renamed.set()

    renamed = threading.Event()
    assert together(leave, rename) == [None, None]
    assert (state().version, state().departures) == (before.version + 2, before.departures + 1)


@pytest.mark.postgresql_only(reason="SQLite has one writer at a time")
def test_changes_at_once_are_named_under_the_version_of_each(library):
    image, tag_id, before = Image.objects.get(), Tag.objects.get().pk, state().version

    results = at_once(
        lambda: Image.objects.update(visibility=Visibility.PUBLIC), lambda: Tag.objects.update(name="Dog")
    )

    assert results == [None, None]
    entries = AccessChange.objects.filter(version__gt=before).order_by("pk")
    assert [entry.version for entry in entries] == [before + 1, before + 2]
    assert {(entry.kind, entry.object_id) for entry in entries} == {
        (ChangeKind.IMAGE, image.pk),
        (ChangeKind.TAG, tag_id),
    }


@pytest.mark.postgresql_only(reason="SQLite logs each row at once")
def test_changes_are_named_after_postgresql_was_asked_to_check_between_them(library):
    image, before = Image.objects.get(), state().version

    with transaction.atomic():
        Tag.objects.update(name="Dog")
        connection.check_constraints()  # all deferred triggers now
        Image.objects.update(visibility=Visibility.PUBLIC)

    changes = AccessChange.objects.since(before, state())
    assert names_in(changes) == named(images=[image.pk], rows=[5], tags=[Tag.objects.get().pk])


@pytest.mark.postgresql_only(reason="SQLite logs each row at once")
def test_a_transaction_of_more_changes_than_are_worth_it_counts_as_everything_at_the_commit(library):
    Image.objects.bulk_create(
        image_row(library.owner, embedding_row=100 + number) for number in range(MOST_CHANGES + 5)
    )
    before = state()

    with transaction.atomic():
        Image.objects.update(visibility=Visibility.PUBLIC)
        AccessChange.objects.note_departure([(5, Image.objects.last().pk)])

    entry = AccessChange.objects.get(version__gt=before.version)
    assert (entry.version, entry.kind) == (before.version + 1, ChangeKind.EVERYTHING)
    assert state().departures == before.departures + 1


# What cannot be told


def test_an_unknown_version_cannot_be_told(library):
    now = state()

    assert AccessChange.objects.since(now.version - 1_000_000, now) is None
    assert AccessChange.objects.since(now.version + 1, now) is None


def test_an_emptied_log_cannot_be_told(library):
    before = state().version
    Image.objects.update(visibility=Visibility.PUBLIC)
    AccessChange.objects.all().delete()

    assert AccessChange.objects.since(before, state()) is None


def test_new_triggers_count_as_everything(library):
    before = state().version

    access_triggers.remove(connection)
    access_triggers.install(connection)

    assert AccessChange.objects.since(before, state()) is None
    assert AccessChange.objects.get(version=state().version).kind == ChangeKind.EVERYTHING


def test_more_changes_than_are_worth_it_count_as_everything(library, monkeypatch):
    tag = Tag.objects.named(["dog"])[0]
    embedded = [stored(library.owner, embedding_row=100 + number) for number in range(3)]
    monkeypatch.setattr("gallery.models.access_change.MOST_CHANGES", 2)

    changes = changes_by(lambda: tag.images.add(*embedded))

    assert changes is None


def rows_of_log() -> list[int]:
    return list(AccessChange.objects.order_by("pk").values_list("pk", flat=True))


def test_the_log_forgets_what_is_oldest_by_itself(library):
    entries = [
        AccessChange(version=number, kind=ChangeKind.TAG, object_id=1) for number in range(CHANGES_KEPT + FORGET_EVERY)
    ]
    AccessChange.objects.bulk_create(entries, batch_size=10_000)

    kept = rows_of_log()

    assert CHANGES_KEPT <= len(kept) < CHANGES_KEPT + FORGET_EVERY
    assert kept == list(range(kept[0], kept[0] + len(kept)))
