"""The library that benchmarks make: as the site itself would have written it."""

from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection

from gallery.models import Album, AlbumImage, AuditEntry, Image, Tag, User, access_triggers
from gallery.search_index import search_index
from tests.benchmarks.large_library import LargeLibrary, existing_library, make_large_library
from tests.conftest import acting

ROWS = 2_000


def index_names() -> set[str]:
    with connection.cursor() as cursor:
        found = connection.introspection.get_constraints(cursor, Image._meta.db_table)
    return {name for name, facts in found.items() if facts["index"]}


@pytest.fixture
def large_library(transactional_db: None) -> LargeLibrary:
    return make_large_library(ROWS, dimension=64, queries=3)


def test_large_library_has_pictures_of_every_kind(large_library: LargeLibrary):
    seen_by_member = Image.objects.visible_to(acting(large_library.member)).count()

    assert Image.objects.count() == ROWS
    assert Image.objects.owned_by(acting(large_library.large_owner)).count() == pytest.approx(ROWS * 0.3, rel=0.2)
    assert seen_by_member == pytest.approx(ROWS * (0.5 + 0.5 * 0.25), rel=0.2)
    assert 0 < Image.objects.trashed().count() < ROWS * 0.02
    assert Image.objects.pending().exists()
    assert Image.objects.failed().exists()
    assert not Image.objects.not_folded().exists()
    assert Image.objects.mentioning("日落").exists()
    assert Image.objects.tagged(["tag 3"]).count() == pytest.approx(ROWS * 0.1 / 3**0.8, rel=0.2)
    assert AuditEntry.objects.count() == ROWS
    assert Album.objects.count() == 500
    assert AlbumImage.objects.shown().count() == AlbumImage.objects.count() > 0


def test_large_library_is_whole(large_library: LargeLibrary):
    assert search_index().problems() == []
    assert not access_triggers.are_missing(connection)


def test_large_library_keeps_indexes_and_lets_rows_follow(large_library: LargeLibrary):
    user = User.objects.create_user("later")

    Tag.objects.named(["later"])[0].images.add(Image.objects.searchable()[0])
    Album.objects.create(owner=user, title="later")

    assert {"image_owner_added", "image_without_row"} <= index_names()


def test_large_library_is_found_again(large_library: LargeLibrary):
    again = existing_library(ROWS, dimension=64, queries=3)

    assert (again.member, again.large_owner, again.curator) == (
        large_library.member,
        large_library.large_owner,
        large_library.curator,
    )
    assert (again.queries == large_library.queries).all()


def test_large_library_shares_the_vectors_of_another(transactional_db: None, data_dir: Path, tmp_path: Path):
    make_large_library(ROWS, dimension=64, queries=3)
    folder = tmp_path / "vectors"
    (data_dir / "vectors").rename(folder)
    call_command("flush", interactive=False, verbosity=0)

    make_large_library(ROWS, dimension=64, queries=3, vectors=folder)

    assert search_index().problems() == []
    assert (data_dir / "vectors" / "embeddings-1.npy").samefile(folder / "embeddings-1.npy")
