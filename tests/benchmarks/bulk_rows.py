"""Rows by the million, written as they are: without objects, triggers or indexes, which are made again afterwards."""

import itertools
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from django.db import connection, models, transaction

from gallery.models import access_triggers

ROWS_AT_A_TIME = 20_000
SQLITE_INDEXES = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL AND tbl_name = %s"
POSTGRESQL_INDEXES = """
SELECT indexname, indexdef FROM pg_indexes
WHERE tablename = %s AND schemaname = current_schema()
AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conname = indexname)
"""

Row = tuple[object, ...]


@contextmanager
def filling(*tables: type[models.Model]) -> Iterator[None]:
    """Take triggers and these tables' indexes away while the body writes rows that keep all constraints."""
    access_triggers.remove(connection)
    indexes = _without_indexes([table._meta.db_table for table in tables])
    if connection.vendor == "sqlite":
        _say("PRAGMA synchronous = OFF")
    with connection.constraint_checks_disabled():
        yield
    for statement in indexes:
        _say(statement)
    access_triggers.install(connection)
    if connection.vendor == "sqlite":
        _say("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def write_rows(table: type[models.Model], columns: tuple[str, ...], rows: Iterable[Row]) -> None:
    """Insert rows, of whose columns the others are empty. Call it within `filling`."""
    write = _copy if connection.vendor == "postgresql" else _insert
    with transaction.atomic():
        write(table, columns, rows)


def _insert(table: type[models.Model], columns: tuple[str, ...], rows: Iterable[Row]) -> None:
    signs = ", ".join(["%s"] * len(columns))
    statement = f"INSERT INTO {_name(table)} ({_names(columns)}) VALUES ({signs})"
    rest = iter(rows)
    with connection.cursor() as cursor:
        while some := list(itertools.islice(rest, ROWS_AT_A_TIME)):
            cursor.executemany(statement, some)


def _copy(table: type[models.Model], columns: tuple[str, ...], rows: Iterable[Row]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")  # no trigger asks for each foreign key
        with cursor.copy(f"COPY {_name(table)} ({_names(columns)}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
        if "id" in {field.column for field in table._meta.concrete_fields}:
            last_id = f"(SELECT max(id) FROM {_name(table)})"
            cursor.execute(f"SELECT setval(pg_get_serial_sequence(%s, 'id'), {last_id})", [table._meta.db_table])


def _without_indexes(tables: list[str]) -> list[str]:
    """Drop the tables' indexes but those of constraints; return the statements that make them again."""
    statements = []
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(SQLITE_INDEXES if connection.vendor == "sqlite" else POSTGRESQL_INDEXES, [table])
            for name, statement in cursor.fetchall():
                cursor.execute(f"DROP INDEX {connection.ops.quote_name(name)}")
                statements.append(statement)
    return statements


def _say(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def _name(table: type[models.Model]) -> str:
    return connection.ops.quote_name(table._meta.db_table)


def _names(columns: tuple[str, ...]) -> str:
    return ", ".join(connection.ops.quote_name(column) for column in columns)
