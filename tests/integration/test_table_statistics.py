"""The database knows what its tables hold, without anybody's job: collected when much has changed, and not before."""

import json
from collections.abc import Iterator

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from gallery.models import OPERATOR, Image, Tag, table_statistics
from gallery.models.table_statistics import collect, tables_due
from gallery.services import curation, database_care
from gallery.services.database_care import keep_statistics
from gallery.services.soon import wait_until_done
from tests.conftest import drawn_picture
from tests.integration.test_models import stored

TAGS = Tag._meta.db_table
MANY = 1_100


@pytest.fixture(autouse=True)
def nothing_known(transactional_db) -> Iterator[None]:
    forget()
    yield
    forget()


def forget() -> None:
    """Take away what a database knows of its tables, and what PostgreSQL has counted of their changes.

    That goes on knowing of a table what another test had in it, even where it was emptied since.
    """
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("DELETE FROM pg_statistic WHERE starelid IN (SELECT relid FROM pg_stat_user_tables)")
            cursor.execute("SELECT pg_stat_reset_single_table_counters(relid) FROM pg_stat_user_tables")
        elif "sqlite_stat1" in tables():
            cursor.execute("DELETE FROM sqlite_stat1")


def tables() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        return [name for (name,) in cursor.fetchall()]


def add_tags(count: int) -> None:
    start = Tag.objects.count()
    names = [f"{start + number:06}" for number in range(count)]
    Tag.objects.bulk_create(Tag(name=name, key=name, folded_name=name) for name in names)
    report_changes()


def report_changes() -> None:
    """Have PostgreSQL count at once what it would count a second later."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_stat_force_next_flush()")


def test_statistics_of_few_rows_are_not_due():
    add_tags(100)

    assert tables_due(connection) == []


def test_statistics_of_many_rows_are_due_until_they_are_collected():
    add_tags(MANY)

    assert tables_due(connection) == [TAGS]
    collect(connection, TAGS)
    assert tables_due(connection) == []


def test_statistics_are_due_again_when_a_table_has_grown_to_more_than_twice_its_rows():
    add_tags(MANY)
    keep_statistics()

    add_tags(MANY - 100)
    assert tables_due(connection) == []
    add_tags(200)
    assert tables_due(connection) == [TAGS]


@pytest.mark.sqlite_only(reason="PostgreSQL's statistics are those of columns")
def test_statistics_of_a_new_index_are_due():
    add_tags(MANY)
    keep_statistics()

    with connection.cursor() as cursor:
        cursor.execute(f"CREATE INDEX new ON {TAGS} (name)")
    assert tables_due(connection) == [TAGS]
    keep_statistics()
    assert tables_due(connection) == []


@pytest.mark.sqlite_only(reason="PostgreSQL counts deletions as changes")
def test_statistics_are_not_due_for_ever_where_many_rows_were_deleted():
    add_tags(MANY * 3)
    Tag.objects.filter(key__gte="000900").delete()
    keep_statistics()

    assert tables_due(connection) == []


def test_statistics_are_not_due_for_ever_where_all_rows_were_deleted():
    add_tags(20_000)
    Tag.objects.all().delete()
    report_changes()
    keep_statistics()

    assert tables_due(connection) == []


@pytest.mark.sqlite_only(reason="PostgreSQL's writers do not wait for it")
def test_writers_wait_for_one_index_at_a_time():
    add_tags(MANY)

    with CaptureQueriesContext(connection) as queries:
        collect(connection, TAGS)

    analysed = [one["sql"] for one in queries if one["sql"].startswith("ANALYZE")]
    assert len(analysed) == 3
    assert not any(sql.split('"')[1] == TAGS for sql in analysed)
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA analysis_limit")
        assert cursor.fetchone() == (table_statistics.SQLITE_ENTRIES,)


def test_collecting_again_does_nothing():
    add_tags(MANY)

    assert keep_statistics() == [TAGS]
    assert keep_statistics() == []


def test_migrate_sees_to_an_old_library():
    add_tags(MANY)

    call_command("migrate", verbosity=0)

    assert tables_due(connection) == []


@pytest.mark.usefixtures("quick_encoder")
def test_an_import_ends_with_statistics(alice, tmp_path):
    add_tags(MANY)
    (tmp_path / "red.png").write_bytes(drawn_picture("red"))

    call_command("import_images", str(tmp_path), owner="alice", verbosity=0)

    assert tables_due(connection) == []


@pytest.mark.usefixtures("quick_encoder")
def test_many_uploads_have_statistics_collected_beside_them(alice, upload, monkeypatch):
    monkeypatch.setattr(database_care, "MANY_CHANGES", 2)
    monkeypatch.setattr(database_care, "_changes", database_care._Changes())
    add_tags(MANY)

    upload(alice, content=drawn_picture("red"))
    wait_until_done()
    assert tables_due(connection) == [TAGS]
    upload(alice, content=drawn_picture("blue"))
    wait_until_done()
    assert tables_due(connection) == []


def test_an_hour_with_a_change_has_statistics_collected(alice, monkeypatch):
    monkeypatch.setattr(database_care, "PERIOD_SECONDS", 0)
    image = stored(alice)
    add_tags(MANY)

    curation.add_tags(Image.objects.filter(pk=image.pk), "cat", by=OPERATOR)
    wait_until_done()

    assert tables_due(connection) == []


def test_command_says_what_it_collected(capsys):
    add_tags(MANY)

    call_command("refresh_statistics", json=True)
    assert json.loads(capsys.readouterr().out)["tables"] == [TAGS]
    call_command("refresh_statistics")
    assert capsys.readouterr().out == "The database's statistics are up to date.\n"


def test_check_warns_of_statistics_that_are_due(capsys):
    add_tags(MANY)

    call_command("check", databases=["default"])
    assert "gallery.W006" in capsys.readouterr().err
    keep_statistics()
    call_command("check", databases=["default"])
    assert "gallery.W006" not in capsys.readouterr().err
