"""The version that moves whenever something changes what a queryset of searchable pictures can give."""

import threading
from collections.abc import Callable

import pytest
from django.core.checks import run_checks
from django.core.management import call_command
from django.core.management.sql import emit_post_migrate_signal, emit_pre_migrate_signal
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.migrations import Migration
from django.db.models import Field
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from gallery.models import OPERATOR, AccessState, Album, AlbumImage, Image, Tag, User, Visibility, access_triggers
from gallery.services.accounts import delete_accounts
from gallery.services.curation import move_to_trash
from tests.conftest import PASSWORD, drawn_picture
from tests.integration.test_models import stored
from tests.waiting import PATIENCE_SECONDS, until

pytestmark = pytest.mark.usefixtures("quick_encoder")


def version() -> int:
    return AccessState.objects.current().version


@pytest.fixture
def library(alice: User, bob: User) -> Album:
    """An album of alice that bob is a member of, with one shared picture that has the tag "cat"."""
    image = stored(alice, visibility=Visibility.SHARED, embedding_row=1)
    image.tags.set(Tag.objects.named(["cat"]))
    album = Album.objects.create(owner=alice, title="Ours")
    album.members.add(bob)
    AlbumImage.objects.create(album=album, image=image)
    version()  # made by whoever asks first
    return album


# The number


def test_version_is_one_query_and_stays_while_nothing_changes(library):
    with CaptureQueriesContext(connection) as queries:
        first = version()

    assert len(queries) == 1
    assert version() == first


def test_an_emptied_database_has_another_version(transactional_db):
    before = version()

    call_command("flush", interactive=False, verbosity=0)

    assert version() != before
    assert AccessState.objects.count() == 1


def test_access_state_is_one_row(transactional_db):
    with pytest.raises(IntegrityError, match="access_state_is_one_row"):
        AccessState.objects.bulk_create([AccessState(pk=2, version=0)])


def test_first_version_asked_for_by_many_threads_is_one(transactional_db):
    barrier = threading.Barrier(4)

    versions = together(*[lambda: (barrier.wait(PATIENCE_SECONDS), version())[1]] * 4)

    assert versions == [version()] * 4


# What moves it


def _replace_picture(album: Album) -> None:
    AlbumImage.objects.update(image=stored(album.owner))


def _publish_in_sql(album: Album) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE gallery_image SET visibility = 'public'")


def _bulk_update(album: Album) -> None:
    images = list(Image.objects.all())
    for image in images:
        image.trashed_at = timezone.now()
    Image.objects.bulk_update(images, ["trashed_at"])


def _save(album: Album) -> None:
    image = Image.objects.get()
    image.description = "A cat"
    image.save()


CHANGES: dict[str, Callable[[Album], object]] = {
    "visibility, for many": lambda _: Image.objects.update(visibility=Visibility.PUBLIC),
    "visibility, in SQL": _publish_in_sql,
    "trash, for many": _bulk_update,
    "trash, by the service": lambda _: move_to_trash(Image.objects.all(), by=OPERATOR),
    "a picture saved": _save,
    "a picture deleted": lambda _: Image.objects.all().delete(),
    "a picture's owner": lambda album: Image.objects.update(owner=album.members.get()),
    "tag given": lambda _: Image.objects.get().tags.add(*Tag.objects.named(["dog"])),
    "tag taken": lambda _: Image.objects.get().tags.clear(),
    "tag link changed": lambda _: Image.tags.through.objects.update(tag=Tag.objects.named(["dog"])[0]),
    "tag renamed": lambda _: Tag.objects.update(name="dog", key="dog"),
    "tag merged": lambda _: Tag.objects.merge(Tag.objects.all(), into=Tag.objects.named(["dog"])[0]),
    "tag deleted": lambda _: Tag.objects.all().delete(),
    "put into an album": lambda album: AlbumImage.objects.create(
        album=album, image=stored(album.owner, embedding_row=2)
    ),
    "taken out of an album": lambda album: album.images.clear(),
    "another picture in its place": _replace_picture,
    "order in an album": lambda _: AlbumImage.objects.update(position=7),
    "member added": lambda album: album.members.add(album.owner),
    "member removed": lambda album: album.members.clear(),
    "member replaced": lambda album: Album.members.through.objects.update(user=album.owner),
    "album changed": lambda album: Album.objects.update(owner=album.members.get()),
    "album deleted": lambda album: album.delete(),
    "member's account deleted": lambda album: album.members.get().delete(),
    "owner's account deleted": lambda album: album.owner.delete(),
    "owner's account deleted, by the service": lambda album: delete_accounts([album.owner_id], by=OPERATOR),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_version_moves_with(library, change):
    before = version()

    change(library)

    assert version() > before


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_version_stays_when_the_change_is_rolled_back(library, change):
    if change in (CHANGES["trash, by the service"], CHANGES["owner's account deleted, by the service"]):
        pytest.skip("its transactions are its own")
    before = version()

    with transaction.atomic():
        change(library)
        transaction.set_rollback(True)

    assert version() == before


def test_version_moves_with_a_change_after_one_that_was_rolled_back(library):
    before = version()

    with transaction.atomic():
        with transaction.atomic():
            Tag.objects.update(name="dog")
            transaction.set_rollback(True)
        between = version()
        Image.objects.update(visibility=Visibility.PUBLIC)

    assert between == before
    assert version() == before + 1


def test_each_change_moves_the_version_once_more(library):
    before = version()

    Image.objects.update(visibility=Visibility.PUBLIC)
    Image.objects.update(visibility=Visibility.PRIVATE)

    assert version() == before + 2


@pytest.mark.postgresql_only(reason="SQLite moves it at once")
def test_version_moves_as_soon_as_postgresql_is_asked_to_check(library):
    before = version()

    with transaction.atomic():
        Image.objects.update(visibility=Visibility.PUBLIC)
        assert version() == before
        connection.check_constraints()  # all deferred triggers now
        assert version() == before + 1

    assert version() == before + 1


@pytest.mark.postgresql_only(reason="SQLite has one writer at a time: the reader would wait for the commit")
def test_a_change_makes_the_version_where_there_is_none_yet(library):
    """Else a reader could make it before the commit, and it would stand for what was before the change as well."""
    AccessState.objects.all().delete()

    Image.objects.update(visibility=Visibility.PUBLIC)

    assert AccessState.objects.count() == 1


# What does not


def test_uploading_and_embedding_leave_the_version(library, bob, upload):
    before = version()

    image = upload(bob, content=drawn_picture("red"), visibility=Visibility.PUBLIC, description="Red")
    Image.objects.filter(pk=image.pk).update(embedding_row=None)
    Image.objects.pending().update(embed_error="broken")
    Image.objects.failed().update(visibility=Visibility.PRIVATE)  # nobody can find it
    Image.objects.failed().delete()

    assert image.is_searchable
    assert version() == before


def test_visiting_leaves_the_version(library, alice):
    before = version()
    browser = Client()

    browser.post("/login/", {"username": "alice", "password": PASSWORD})
    browser.get("/")
    User.objects.create_user("dora")
    Tag.objects.named(["unused"])
    Album.objects.create(owner=alice, title="Empty")

    assert version() == before


# At the same moment


def together(*actions: Callable[[], object]) -> list[object]:
    """Run each in a thread and a connection of its own; return what they returned or the database error."""
    results: list[object] = [None] * len(actions)

    def run(place: int) -> None:
        try:
            results[place] = actions[place]()
        except (DatabaseError, threading.BrokenBarrierError) as error:
            results[place] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[place]) for place in range(len(actions))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_SECONDS)
    return results


def at_once(*changes: Callable[[], object]) -> list[object]:
    """Make each change in a transaction, and commit all of them only when all are made."""
    barrier = threading.Barrier(len(changes))

    def committed(change: Callable[[], object]) -> None:
        with transaction.atomic():
            change()
            barrier.wait(PATIENCE_SECONDS)

    return together(*[lambda change=change: committed(change) for change in changes])


def somebody_waits_for_this_connection() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid))")
        return cursor.fetchone() is not None


@pytest.mark.postgresql_only(reason="SQLite has one writer at a time")
def test_a_change_that_waited_for_the_embedding_moves_the_version(library):
    waiting = Image.objects.filter(pk=stored(library.owner).pk)
    before, embedded = version(), threading.Event()

    def embed() -> None:
        with transaction.atomic():
            waiting.update(embedding_row=2)
            embedded.set()
            until(somebody_waits_for_this_connection, "the other one waits for the row")

    def publish() -> int:
        embedded.wait(PATIENCE_SECONDS)
        return waiting.update(visibility=Visibility.PUBLIC)

    assert together(embed, publish) == [None, 1]
    assert version() == before + 1


@pytest.mark.postgresql_only(reason="SQLite has one writer at a time")
def test_two_changes_at_once_both_move_the_version(library):
    other = stored(library.owner, embedding_row=2)
    before = version()

    results = at_once(
        lambda: Image.objects.filter(pk=other.pk).update(visibility=Visibility.PUBLIC),
        lambda: Tag.objects.update(name="CAT"),
    )

    assert results == [None, None]
    assert version() == before + 2


@pytest.mark.postgresql_only(reason="SQLite has one writer at a time")
def test_a_link_to_a_tag_that_goes_at_once_fails_alone(library):
    """Its foreign key is checked at the commit and waits for the other transaction, which must not wait for it."""
    image, tag = Image.objects.get(), Tag.objects.named(["dog"])[0]
    before = version()

    def give_tag() -> None:
        Image.objects.update(visibility=Visibility.PUBLIC)
        Image.tags.through.objects.create(image=image, tag=tag)

    def take_tag() -> None:
        library.members.clear()
        Tag.objects.filter(pk=tag.pk).delete()

    for _ in range(3):
        given, taken = at_once(give_tag, take_tag)
        assert (type(given), taken) == (IntegrityError, None)
        library.members.add(library.owner)
        Tag.objects.bulk_create([tag])

    assert version() == before + 6


# The triggers


def trigger_names() -> list[str]:
    with connection.cursor() as cursor:
        return sorted(access_triggers._installed(cursor))


def updated_columns(table: str) -> set[str]:
    """Return the columns of a table whose update fires a trigger, as the database itself knows them."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT event_object_column FROM information_schema.triggered_update_columns"
                " WHERE event_object_table = %s",
                [table],
            )
            return {column for (column,) in cursor.fetchall()}
        cursor.execute("SELECT sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = %s", [table])
        [sql] = [sql for (sql,) in cursor.fetchall() if " UPDATE OF " in sql]
        return set(sql.split(" UPDATE OF ")[1].split(" ON ")[0].replace('"', "").split(", "))


def test_every_column_of_a_picture_but_those_of_embedding_is_watched(transactional_db):
    columns = {field.column for field in Image._meta.concrete_fields}

    assert updated_columns("gallery_image") == columns - {
        "embedding_row", "embed_error", "embed_deaths", "gives_whole_original", "taken_offset_minutes",
    }  # fmt: skip
    assert "embedding_row" in columns
    assert "embed_error" in columns


def test_every_table_that_a_picture_is_found_by_is_watched(transactional_db):
    names = [name.removeprefix("access_gallery_").rsplit("_", 1)[0] for name in trigger_names()]

    assert names == [
        "accesschange_insert",
        "album_delete", "album_members_delete", "album_members_insert", "album_members_update", "album_update",
        "albumimage_delete", "albumimage_insert", "albumimage_update",
        "foldedtext_delete", "foldedtext_insert", "foldedtext_update",
        "image_delete", "image_tags_delete", "image_tags_insert", "image_tags_update", "image_update",
        "picturecolours_delete", "picturecolours_insert", "picturecolours_update",
        "tag_update",
    ]  # fmt: skip


def test_triggers_that_a_migration_lost_come_back_and_the_version_moves(library):
    before, names = version(), trigger_names()
    access_triggers.remove(connection)
    Image.objects.update(visibility=Visibility.PUBLIC)
    assert trigger_names() == []
    assert [message.id for message in run_checks(databases=["default"]) if message.id == "gallery.W002"]

    call_command("migrate", verbosity=0)

    assert trigger_names() == names
    assert version() == before + 1
    assert not [message.id for message in run_checks(databases=["default"]) if message.id == "gallery.W002"]


def altered(field: Field, **values: object) -> Field:
    other = field.clone()
    vars(other).update(values)
    other.set_attributes_from_name(field.name)
    other.model = field.model
    return other


def test_later_migrations_may_alter_what_the_triggers_name(library):
    names = trigger_names()
    later = Migration("0003_later", "gallery")
    name, number = Image._meta.get_field("original_name"), AccessState._meta.get_field("version")
    longer, empty = altered(name, max_length=300), altered(number, null=True)

    emit_pre_migrate_signal(0, False, "default", plan=[(later, False)])
    for old, new in [(name, longer), (longer, name), (number, empty), (empty, number)]:
        with connection.schema_editor() as editor:
            editor.alter_field(old.model, old, new, strict=True)
    emit_post_migrate_signal(0, False, "default")

    before = version()
    assert trigger_names() == names
    Image.objects.update(visibility=Visibility.PUBLIC)
    assert version() == before + 1


def test_migration_goes_back_and_forth(library):
    names = trigger_names()

    call_command("migrate", "gallery", "0001", verbosity=0)
    gone = trigger_names()
    Image.objects.update(visibility=Visibility.PUBLIC)
    call_command("migrate", verbosity=0)

    assert gone == []
    assert trigger_names() == names
    before = version()
    Image.objects.update(visibility=Visibility.PRIVATE)
    assert version() == before + 1
