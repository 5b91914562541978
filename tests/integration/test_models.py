"""What the database itself refuses, and what is read from it: really asked of the database, not of forms."""

import threading
from itertools import count

import pytest
from django.db import DatabaseError, IntegrityError, close_old_connections, connection, transaction
from django.test.utils import CaptureQueriesContext

from gallery.models import (
    Album,
    AlbumImage,
    ApiToken,
    Image,
    IndexState,
    Job,
    LibraryStatistics,
    SearchStatus,
    Tag,
    User,
)
from gallery.models.tag import TagQuerySet
from tests.waiting import PATIENCE_SECONDS

numbers = count(1)


def image_row(owner: User, **values) -> Image:
    """Return a picture's row, without any file, that the database would accept."""
    number = next(numbers)
    facts = {
        "md5": f"{number:032x}",
        "sha256": f"{number:064x}",
        "size_bytes": 10,
        "format": "PNG",
        "width_px": 1,
        "height_px": 1,
        "original_name": f"{number}.png",
    }
    return Image(owner=owner, **{**facts, **values})


def stored(owner: User, **values) -> Image:
    return Image.objects.bulk_create([image_row(owner, **values)])[0]


def titles(images) -> set[str]:
    return set(images.values_list("original_name", flat=True))


# Connections


def test_a_request_leaves_its_connection_to_the_next_one(transactional_db):
    connection.ensure_connection()
    before = connection.connection

    close_old_connections()  # as Django does after each

    assert connection.connection is before


# Durability


@pytest.mark.sqlite_only(reason="PostgreSQL syncs every commit by default")
def test_sqlite_has_a_commit_on_the_disk_before_files_are_removed_for_it(db):
    with connection.cursor() as cursor:
        synchronous = cursor.execute("PRAGMA synchronous").fetchone()[0]

    assert synchronous == 2  # FULL; with NORMAL a power cut may undo a commit whose files are gone already


# Constraints


@pytest.mark.parametrize(
    ("constraint", "values"),
    [
        ("image_md5_is_hex", {"md5": "X" * 32}),
        ("image_md5_is_hex", {"md5": "a" * 31}),
        ("image_md5_is_hex", {"md5": ""}),
        ("image_sha256_is_hex", {"sha256": "A" * 64}),
        ("image_sha256_is_hex", {"sha256": "a" * 63}),
        ("image_has_pixels", {"width_px": 0}),
        ("image_has_pixels", {"height_px": 0}),
        ("image_has_bytes", {"size_bytes": 0}),
        ("image_visibility_known", {"visibility": "secret"}),
        ("image_visibility_known", {"visibility": ""}),
        ("image_embedded_or_failed", {"embedding_row": 0, "embed_error": "broken"}),
        ("embedding_row", {"embedding_row": -1}),
    ],
)
def test_image_row_that_cannot_be_is_refused(alice, constraint, values):
    with pytest.raises(IntegrityError, match=constraint):
        Image.objects.bulk_create([image_row(alice, **values)])

    good = stored(alice)
    with pytest.raises(IntegrityError, match=constraint):
        Image.objects.filter(pk=good.pk).update(**values)


def test_the_same_content_is_one_row_per_owner(alice, bob):
    first = stored(alice)

    stored(bob, md5=first.md5, sha256=first.sha256)
    with pytest.raises(IntegrityError, match="md5"):
        stored(alice, md5=first.md5)


def test_an_embedding_row_belongs_to_one_picture(alice):
    stored(alice, embedding_row=3)
    stored(alice)
    stored(alice)  # any number may wait

    with pytest.raises(IntegrityError, match="embedding_row"):
        stored(alice, embedding_row=3)


def test_user_names_that_differ_only_in_case_are_one(alice):
    with pytest.raises(IntegrityError, match="user_username_ignoring_case"):
        User.objects.bulk_create([User(username="Alice")])


def test_tag_key_is_unique_and_not_empty(transactional_db):
    Tag.objects.bulk_create([Tag(name="Cat", key="cat")])

    with pytest.raises(IntegrityError, match="key"):
        Tag.objects.bulk_create([Tag(name="CAT", key="cat")])
    with pytest.raises(IntegrityError, match="tag_key_not_empty"):
        Tag.objects.bulk_create([Tag(name="", key="")])


def test_album_needs_a_title_and_holds_a_picture_once(alice):
    with pytest.raises(IntegrityError, match="album_title_not_empty"):
        Album.objects.bulk_create([Album(owner=alice, title="")])

    album, image = Album.objects.create(owner=alice, title="A"), stored(alice)
    AlbumImage.objects.create(album=album, image=image)
    with pytest.raises(IntegrityError, match="image_id"):
        AlbumImage.objects.bulk_create([AlbumImage(album=album, image=image)])


def test_job_counts_fit_and_status_is_known(alice):
    with pytest.raises(IntegrityError, match="job_counts_fit"):
        Job.objects.bulk_create([Job(kind="import", owner=alice, total=2, done=3)])
    with pytest.raises(IntegrityError, match="job_status_known"):
        Job.objects.bulk_create([Job(kind="import", owner=alice, status="lost")])


def test_index_state_is_one_row(transactional_db):
    assert IndexState.objects.current() == IndexState.objects.current()

    with pytest.raises(IntegrityError, match="index_state_is_one_row"):
        IndexState.objects.bulk_create([IndexState(pk=2)])


def test_api_token_is_stored_as_a_hash_only(alice):
    token = ApiToken.objects.issue(alice, name="script", read_only=True)

    stored_token = ApiToken.objects.get()
    assert token not in str(vars(stored_token))
    assert list(ApiToken.objects.matching(token)) == [stored_token]
    assert list(ApiToken.objects.matching(token + "x")) == []

    User.objects.filter(pk=alice.pk).update(is_active=False)
    assert list(ApiToken.objects.matching(token)) == []


# Reads


def queries_of(images) -> int:
    with CaptureQueriesContext(connection) as captured:
        for image in images:
            assert str(image.owner)
            assert len(image.tags.all()) == 2
    return len(captured)


def test_listing_asks_the_same_number_of_queries_for_one_and_three(alice):
    tags = Tag.objects.named(["cat", "pet"])
    stored(alice).tags.set(tags)
    one = queries_of(Image.objects.for_listing())
    for _ in range(2):
        stored(alice).tags.set(tags)

    assert queries_of(Image.objects.for_listing()) == one == 2


def test_queue_states_are_three_and_every_picture_is_in_one(alice):
    waiting, done, failed = stored(alice), stored(alice, embedding_row=5), stored(alice, embed_error="broken")

    assert [image.search_status for image in (waiting, done, failed)] == ["pending", "searchable", "failed"]
    assert list(Image.objects.pending()) == [waiting]
    assert list(Image.objects.searchable()) == [done]
    assert list(Image.objects.failed()) == [failed]
    assert Image.objects.rows().tolist() == [[5, done.pk]]
    totals = Image.objects.statistics()
    assert (totals.images, totals.searchable, totals.pending, totals.failed) == (3, 1, 1, 1)
    assert (totals.size_bytes, totals.formats) == (30, {"PNG": 3})


def test_nothing_at_all_is_counted_as_zero(transactional_db):
    assert Image.objects.statistics() == LibraryStatistics(
        images=0, size_bytes=0, searchable=0, failed=0, pending=0, formats={}
    )
    assert Image.objects.rows().shape == (0, 2)
    assert Image.objects.ids().shape == (0,)


def test_tagged_means_all_of_the_tags(alice):
    both, one = stored(alice, original_name="both"), stored(alice, original_name="one")
    both.tags.set(Tag.objects.named(["Cat", "pet"]))
    one.tags.set(Tag.objects.named(["cat"]))

    assert titles(Image.objects.tagged(["cat"])) == {"both", "one"}
    assert titles(Image.objects.tagged(["cat", "pet"])) == {"both"}
    assert titles(Image.objects.tagged(["cat", "dog"])) == set()


# Tags at the same moment


def test_tags_of_the_same_names_made_by_many_threads_are_the_same(transactional_db):
    names = [f"tag {number}" for number in range(20)]
    barrier = threading.Barrier(4)
    found, errors = [], []

    def name_them() -> None:
        try:
            barrier.wait(PATIENCE_SECONDS)
            with transaction.atomic():
                found.append([tag.pk for tag in Tag.objects.named(names)])
        except (DatabaseError, threading.BrokenBarrierError) as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=name_them) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_SECONDS)

    assert errors == []
    assert len(found) == 4
    assert found[0] == found[1] == found[2] == found[3]
    assert Tag.objects.count() == 20


def test_tags_keep_the_first_spelling_and_the_order_asked_for(transactional_db):
    Tag.objects.named(["Cat"])

    assert [tag.name for tag in Tag.objects.named(["zebra", "CAT", "apple"])] == ["zebra", "Cat", "apple"]
    assert Tag.objects.named([]) == []
    assert Tag.objects.unused().count() == 3


def test_a_tag_that_another_deletes_while_it_is_asked_for_is_made_again(db, monkeypatch):
    make = TagQuerySet.bulk_create

    def make_and_lose_one(tags: TagQuerySet, *arguments, **options):
        monkeypatch.setattr(TagQuerySet, "bulk_create", make)
        make(tags, *arguments, **options)
        Tag.objects.filter(key="cat").delete()

    monkeypatch.setattr(TagQuerySet, "bulk_create", make_and_lose_one)

    assert [tag.name for tag in Tag.objects.named(["cat", "dog"])] == ["cat", "dog"]
    assert Tag.objects.count() == 2


# Search status


def test_every_picture_has_one_search_status_and_is_found_by_it(alice):
    stored(alice, original_name="searchable", embedding_row=0)
    stored(alice, original_name="pending")
    stored(alice, original_name="failed", embed_error="broken_picture")

    assert {image.original_name: image.search_status for image in Image.objects.all()} == {
        status.value: status for status in SearchStatus
    }
    assert {status: titles(Image.objects.with_status(status)) for status in SearchStatus} == {
        status: {status.value} for status in SearchStatus
    }
