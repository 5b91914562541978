"""What a user may find is remembered, and forgotten at once when it may be another answer."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from django.conf import settings as django_settings
from django.contrib.auth.models import AnonymousUser
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from gallery.durable import crash_points
from gallery.models import OPERATOR, Album, AlbumImage, Image, ImageQuerySet, IndexState, Tag, User, Visibility
from gallery.search_index import SearchIndex, search_index
from gallery.search_index.allowed_rows import MASKS_KEPT, AllowedRows
from gallery.search_index.columns_keeper import ColumnsKeeper
from gallery.search_index.files import IndexFiles
from gallery.services.curation import add_tags, delete_forever, move_to_trash, remove_tags, restore, set_visibility
from gallery.services.maintenance import compact
from gallery.services.search import find_images
from gallery.vectors.codes import Codes
from gallery.vectors.npy_header import HEADER_BYTES
from tests.conftest import acting
from tests.integration.test_models import stored
from tests.quick_encoder import QuickEncoder, unit_rows
from tests.searches import request_for
from tests.waiting import PATIENCE_SECONDS

ENCODER = QuickEncoder()
Cast = dict[str, User | AnonymousUser]


class Crash(BaseException):
    """Stands for the death of the process: nothing catches it."""


def embed(images: list[Image], index: SearchIndex | None = None) -> None:
    ids = [image.pk for image in images]
    vectors = np.concatenate([unit_rows(1, seed=image_id) for image_id in ids])
    assert (index or search_index()).add(ids, vectors, encoder=ENCODER) == len(ids)


def hits(images: ImageQuerySet, index: SearchIndex | None = None) -> list[int]:
    """Return all ids that a search among these pictures gives, ascending; one that comes twice is there twice."""
    found = (index or search_index()).search(unit_rows(1, seed=1), k=1_000, allowed=images)
    return sorted(found.of(0).ids.tolist())


def codes(row_count: int) -> Codes:
    """Return codes of so many rows; what they say does not matter, except to who may see all."""
    return Codes.of(unit_rows(row_count), np.arange(row_count))


def visible(user: User | AnonymousUser) -> ImageQuerySet:
    return Image.objects.visible_to(acting(user))


@pytest.fixture
def cast(alice, bob, charlie, staff) -> Cast:
    return {"alice": alice, "bob": bob, "charlie": charlie, "staff": staff, "anonymous": AnonymousUser()}


@pytest.fixture
def library(alice, bob) -> dict[str, Image]:
    """Of alice a public picture, one shared with bob, and a private one with the tag "cat"; and one of bob."""
    pictures = {
        "public": stored(alice, visibility=Visibility.PUBLIC),
        "shared": stored(alice, visibility=Visibility.SHARED),
        "private": stored(alice),
        "bob's": stored(bob),
    }
    pictures["private"].tags.set(Tag.objects.named(["cat"]))
    album = Album.objects.create(owner=alice, title="Ours")
    album.members.add(bob)
    AlbumImage.objects.create(album=album, image=pictures["shared"])
    embed(list(pictures.values()))
    return pictures


def found_by(cast: Cast, library: dict[str, Image], index: SearchIndex | None = None) -> dict[str, set[str]]:
    """Return the names of what each of the cast finds; what has no name here is “other”."""
    names = {image.pk: name for name, image in library.items()}
    return {who: {names.get(pk, "other") for pk in hits(visible(user), index)} for who, user in cast.items()}


BEFORE = {
    "alice": {"public", "shared", "private"},
    "bob": {"public", "shared", "bob's"},
    "charlie": {"public"},
    "staff": {"public", "shared", "private", "bob's"},
    "anonymous": {"public"},
}


# Remembered


def tables_asked(queries: CaptureQueriesContext) -> list[str]:
    return [query["sql"].split(' FROM "')[1].split('"')[0] for query in queries if ' FROM "' in query["sql"]]


@pytest.mark.parametrize("count", [1, 3])
def test_a_second_search_asks_for_versions_only(alice, count):
    embed([stored(alice) for _ in range(count)])
    hits(visible(alice))

    with CaptureQueriesContext(connection) as queries:
        assert len(hits(visible(alice))) == count

    assert tables_asked(queries) == ["gallery_accessstate", "gallery_indexstate", "gallery_accessstate"]


@pytest.mark.parametrize("count", [1, 3])
def test_a_second_search_of_a_user_asks_for_versions_and_results_only(alice, quick_encoder, count):
    embed([stored(alice) for _ in range(count)])
    find_images(request_for("red"), by=acting(alice))

    with CaptureQueriesContext(connection) as queries:
        assert len(find_images(request_for("red"), by=acting(alice)).results) == count

    pictures = [sql["sql"] for sql in queries if ' FROM "gallery_image"' in sql["sql"]]
    assert len(pictures) == 1
    assert '"gallery_image"."id" IN (' in pictures[0]


def test_each_of_the_cast_finds_what_they_may_see_also_when_it_is_remembered(cast, library):
    assert found_by(cast, library) == BEFORE
    assert found_by(cast, library) == BEFORE


def test_what_need_not_be_asked_is_not_asked(alice, library):
    with CaptureQueriesContext(connection) as queries:
        assert hits(Image.objects.none()) == []

    assert "gallery_image" not in tables_asked(queries)


def test_no_more_masks_are_kept_than_said(alice, library):
    allowed = AllowedRows()
    for number in range(MASKS_KEPT + 9):
        allowed.mask_of(Image.objects.filter(pk__gt=number), access_version=1, epoch=1, codes=codes(4))

    assert len(allowed._known) == MASKS_KEPT


def test_one_mask_is_forgotten_and_the_others_are_kept(cast, library):
    allowed, versions = AllowedRows(), {"access_version": 1, "epoch": 1, "codes": codes(4)}
    masks = {who: allowed.mask_of(visible(user), **versions) for who, user in cast.items()}

    allowed.forget(visible(cast["bob"]))
    allowed.forget(Image.objects.none())

    for who, user in cast.items():
        with CaptureQueriesContext(connection) as queries:
            again = allowed.mask_of(visible(user), **versions)
        assert again.rows.tolist() == masks[who].rows.tolist()
        assert ("gallery_image" in tables_asked(queries)) == (who == "bob")


# Seen at once


def _photo(library: dict[str, Image], name: str) -> ImageQuerySet:
    return Image.objects.filter(pk=library[name].pk)


CHANGES: dict[str, tuple[Callable[[dict[str, Image], Cast], object], dict[str, set[str]]]] = {
    "published": (
        lambda library, _: set_visibility(_photo(library, "private"), "public", by=OPERATOR),
        {who: seen | {"private"} for who, seen in BEFORE.items()},
    ),
    "made private": (
        lambda library, _: set_visibility(_photo(library, "public"), "private", by=OPERATOR),
        {who: seen if who in ("alice", "staff") else seen - {"public"} for who, seen in BEFORE.items()},
    ),
    "member added": (
        lambda _, cast: Album.objects.get().members.add(cast["charlie"]),
        {**BEFORE, "charlie": {"public", "shared"}},
    ),
    "member removed": (lambda *_: Album.objects.get().members.clear(), {**BEFORE, "bob": {"public", "bob's"}}),
    "taken out of the album": (lambda *_: Album.objects.get().images.clear(), {**BEFORE, "bob": {"public", "bob's"}}),
    "album deleted": (lambda *_: Album.objects.all().delete(), {**BEFORE, "bob": {"public", "bob's"}}),
    "trashed": (
        lambda library, _: move_to_trash(_photo(library, "public"), by=OPERATOR),
        {who: seen - {"public"} for who, seen in BEFORE.items()},
    ),
    "deleted": (
        lambda library, _: delete_forever(_photo(library, "shared"), by=OPERATOR),
        {who: seen - {"shared"} for who, seen in BEFORE.items()},
    ),
    "given to another": (
        lambda library, cast: _photo(library, "private").update(owner=cast["charlie"]),
        {**BEFORE, "alice": {"public", "shared"}, "charlie": {"public", "private"}},
    ),
    "appended": (
        lambda _, cast: embed([stored(cast["charlie"])]),
        {**BEFORE, "charlie": {"public", "other"}, "staff": BEFORE["staff"] | {"other"}},
    ),
    "appended for all": (
        lambda _, cast: embed([stored(cast["charlie"], visibility=Visibility.PUBLIC)]),
        {who: seen | {"other"} for who, seen in BEFORE.items()},
    ),
    "compacted": (lambda *_: compact(by=OPERATOR), BEFORE),
    "deleted and compacted": (
        lambda library, _: (delete_forever(_photo(library, "public"), by=OPERATOR), compact(by=OPERATOR)),
        {who: seen - {"public"} for who, seen in BEFORE.items()},
    ),
    "forgotten": (
        lambda *_: search_index().forget_rows([0]),
        {who: seen - {"public"} for who, seen in BEFORE.items()},
    ),
    "embedded again": (
        lambda library, _: (search_index().forget_rows([0]), embed([library["public"]])),
        BEFORE,
    ),
}


@pytest.mark.parametrize(("change", "after"), CHANGES.values(), ids=CHANGES.keys())
def test_a_change_is_seen_at_once_by_all_and_in_every_process(cast, library, change, after):
    other = SearchIndex()  # what another process has
    assert found_by(cast, library) == found_by(cast, library, other) == BEFORE

    change(library, cast)

    assert found_by(cast, library) == after
    assert found_by(cast, library, other) == after


def test_what_is_brought_back_from_the_trash_is_found_again(cast, library):
    found_by(cast, library)
    move_to_trash(Image.objects.all(), by=OPERATOR)
    assert found_by(cast, library) == {who: set() for who in cast}

    restore(Image.objects.all(), by=OPERATOR)

    assert found_by(cast, library) == BEFORE


def test_tags_that_are_given_and_taken_are_seen_at_once(cast, library):
    def cats() -> list[int]:
        return hits(visible(cast["alice"]).tagged(["cat"]))

    assert cats() == [library["private"].pk]
    add_tags(_photo(library, "public"), "cat", by=OPERATOR)
    assert cats() == sorted([library["private"].pk, library["public"].pk])
    remove_tags(_photo(library, "private"), "cat", by=OPERATOR)
    assert cats() == [library["public"].pk]
    assert hits(visible(cast["bob"]).tagged(["cat"])) == [library["public"].pk]


def test_rows_that_a_damaged_file_lost_are_given_to_others_and_not_shown_to_who_saw_the_old_ones(
    cast, library, data_dir
):
    """Row 3 was bob's; after the repair it is charlie's."""
    other = SearchIndex()
    found_by(cast, library)
    found_by(cast, library, other)
    os.truncate(data_dir / "vectors" / "embeddings-1.npy", HEADER_BYTES + 3 * QuickEncoder.dimension * 4)

    assert search_index().restore_file() == 1
    secret = stored(cast["charlie"])
    embed([secret])

    secret.refresh_from_db()
    assert secret.embedding_row == 3
    expected = {who: seen - {"bob's"} for who, seen in BEFORE.items()}
    expected = {**expected, "charlie": {"public", "other"}, "staff": expected["staff"] | {"other"}}
    assert found_by(cast, library) == expected
    assert found_by(cast, library, other) == expected


def test_a_process_that_died_between_forgetting_and_clearing_shows_nothing_twice(cast, library, monkeypatch):
    """The old row still has its vector and its code; another process remembers that it may be shown."""
    other = SearchIndex()
    found_by(cast, library, other)

    def die(*_arguments: object) -> None:
        raise Crash

    monkeypatch.setattr(IndexFiles, "clear", die)
    with pytest.raises(Crash):
        search_index().forget_rows([0])
    monkeypatch.undo()
    assert found_by(cast, library, other) == {who: seen - {"public"} for who, seen in BEFORE.items()}
    embed([library["public"]])

    for index in (search_index(), other):
        assert hits(visible(cast["alice"]), index) == sorted(library[name].pk for name in BEFORE["alice"])


def test_a_process_that_died_while_a_picture_was_embedded_again_shows_nothing_twice(cast, library, monkeypatch):
    other = SearchIndex()
    found_by(cast, library, other)
    monkeypatch.setattr(crash_points, "callback", _die_between_rows)
    with pytest.raises(Crash), search_index().removing([library["public"].pk, library["shared"].pk]):
        pass
    monkeypatch.undo()
    embed([library["public"], library["shared"]])

    assert found_by(cast, library, other) == BEFORE
    assert hits(visible(cast["staff"]), other) == sorted(image.pk for image in library.values())


def _die_between_rows(name: str) -> None:
    if name == "between_cleared_rows":
        raise Crash


# Inside a transaction


def test_nothing_is_remembered_from_a_transaction_that_is_rolled_back(cast, library):
    with transaction.atomic():
        set_visibility(_photo(library, "private"), "public", by=OPERATOR)
        inside = found_by(cast, library)
        transaction.set_rollback(True)

    assert inside == {who: seen | {"private"} for who, seen in BEFORE.items()}
    assert found_by(cast, library) == BEFORE


def test_a_transaction_that_is_rolled_back_leaves_what_was_remembered(cast, library):
    found_by(cast, library)
    known = dict(search_index()._allowed._known)

    with transaction.atomic():
        move_to_trash(Image.objects.all(), by=OPERATOR)
        assert found_by(cast, library) == {who: set() for who in cast}
        transaction.set_rollback(True)

    assert dict(search_index()._allowed._known) == known
    assert found_by(cast, library) == BEFORE


def test_a_transaction_that_commits_is_seen(cast, library):
    found_by(cast, library)

    with transaction.atomic():
        move_to_trash(_photo(library, "public"), by=OPERATOR)
        found_by(cast, library)

    assert found_by(cast, library) == {who: seen - {"public"} for who, seen in BEFORE.items()}


# Who may see everything


def test_who_may_see_everything_is_not_told_every_picture(staff, library, monkeypatch):
    """As long as there are no columns."""
    monkeypatch.setattr(ColumnsKeeper, "current", lambda *_arguments, **_versions: None)
    move_to_trash(_photo(library, "public"), by=OPERATOR)

    with CaptureQueriesContext(connection) as queries:
        found = hits(visible(staff).searchable())

    assert found == sorted(image.pk for name, image in library.items() if name != "public")
    listed = [query["sql"] for query in queries if 'SELECT "gallery_image"."embedding_row"' in query["sql"]]
    assert len(listed) == 1
    assert '"trashed_at" IS NOT NULL' in listed[0]


def test_the_first_search_after_a_change_lists_no_pictures(cast, library):
    found_by(cast, library)
    add_tags(_photo(library, "public"), "cat", by=OPERATOR)

    with CaptureQueriesContext(connection) as queries:
        assert found_by(cast, library) == BEFORE

    read = [query["sql"] for query in queries if 'FROM "gallery_image"' in query["sql"]]
    assert len(read) == 1
    assert "IN (" in read[0]


def test_a_vector_of_no_picture_does_not_stand_in_for_one_that_all_may_see(staff, library):
    """What a crash leaves has codes but no row in the database: then the database is asked for all."""
    files, state = IndexFiles(), IndexState.objects.current()
    store = files.store(state.dimension)
    files.append(store, state.epoch, unit_rows(1, seed=9), [77_777])
    state.row_count += 1
    state.version += 1
    state.save()

    assert hits(visible(staff).searchable()) == sorted(image.pk for image in library.values())


# Views of other lengths


def test_an_older_view_gets_the_beginning_of_a_longer_mask(alice, library):
    allowed, images = AllowedRows(), visible(alice)
    longer = allowed.mask_of(images, access_version=1, epoch=1, codes=codes(4))

    older = allowed.mask_of(images, access_version=1, epoch=1, codes=codes(2))

    assert (longer.rows.tolist(), longer.row_count) == ([0, 1, 2], 4)
    assert (older.rows.tolist(), older.row_count) == ([0, 1], 2)
    assert allowed.mask_of(images, access_version=1, epoch=1, codes=codes(4)) is longer  # still remembered


def test_a_newer_view_gets_a_longer_mask_for_the_new_rows_only(alice, bob, library):
    allowed, images = AllowedRows(), visible(alice)
    allowed.mask_of(images, access_version=1, epoch=1, codes=codes(4))
    embed([stored(alice), stored(bob), stored(alice)])

    with CaptureQueriesContext(connection) as queries:
        newer = allowed.mask_of(images, access_version=1, epoch=1, codes=codes(6))

    assert (newer.rows.tolist(), newer.row_count) == ([0, 1, 2, 4], 6)
    assert any('"embedding_row" >= 4' in query["sql"] for query in queries)
    assert allowed.mask_of(images, access_version=1, epoch=1, codes=codes(7)).rows.tolist() == [0, 1, 2, 4, 6]


def test_another_epoch_is_asked_about_anew(alice, library):
    allowed, images = AllowedRows(), visible(alice)
    delete_forever(_photo(library, "public"), by=OPERATOR)
    old = allowed.mask_of(images, access_version=1, epoch=1, codes=codes(4))
    compact(by=OPERATOR)

    assert old.rows.tolist() == [1, 2]
    assert allowed.mask_of(images, access_version=1, epoch=2, codes=codes(3)).rows.tolist() == [0, 1]


# Two processes


CHILD = """
import sys
from pathlib import Path
import django
django.setup()
from django.conf import settings
from django.db import connections
folder, database, code = sys.argv[1:]
connections.settings["default"]["NAME"] = database
settings.GALLERY = {**settings.GALLERY, "data_dir": Path(folder)}
exec(code)
"""


def in_another_process(data_dir: Path, code: str) -> None:
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"}
    name = str(connection.settings_dict["NAME"])
    subprocess.run(
        [sys.executable, "-c", CHILD, str(data_dir), name, code],
        cwd=django_settings.BASE_DIR,
        env={**environment, "PYTHONPATH": str(django_settings.BASE_DIR)},
        check=True,
        timeout=PATIENCE_SECONDS,
    )


@pytest.mark.parametrize(
    ("code", "after"),
    [
        (
            "from gallery.models import Image; Image.objects.filter(tags__key='cat').update(visibility='public')",
            {who: seen | {"private"} for who, seen in BEFORE.items()},
        ),
        (
            "from gallery.models import OPERATOR, Image; from gallery.services.curation import delete_forever\n"
            "from gallery.services.maintenance import compact\n"
            "delete_forever(Image.objects.filter(visibility='public'), by=OPERATOR); compact(by=OPERATOR)",
            {who: seen - {"public"} for who, seen in BEFORE.items()},
        ),
        (
            "from gallery.models import Image, User; from gallery.search_index import search_index\n"
            "from tests.integration.test_models import image_row\n"
            "from tests.quick_encoder import QuickEncoder, unit_rows\n"
            "owner = User.objects.get(username='charlie')\n"
            "[new] = Image.objects.bulk_create([image_row(owner, visibility='public')])\n"
            "search_index().add([new.pk], unit_rows(1), encoder=QuickEncoder())",
            {who: seen | {"other"} for who, seen in BEFORE.items()},
        ),
    ],
    ids=["published", "deleted and compacted", "appended"],
)
def test_what_another_process_changes_is_seen_at_once(cast, library, data_dir, code, after):
    assert found_by(cast, library) == BEFORE

    in_another_process(data_dir, code)

    assert found_by(cast, library) == after
