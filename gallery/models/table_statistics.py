"""Statistics of tables, by which a database chooses how to read them. Without them it may go through all pictures.

PostgreSQL's autovacuum collects them by itself, but a minute late or not at all where it is off; SQLite never does.
Whether some are due is asked of what the database has noted itself: nothing is kept for it.

SQLite is told to look at one index at a time, each in a transaction of its own, and at so many of its entries at most:
that is for how long writers wait, 0.2 s of a processor at any size. Fewer entries would cost less, but a value that
half of the pictures have would be taken for a rare one. Connections see the statistics that were there when they began.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper

FEW_ROWS = 1_000  # are read at once, whatever is known of them
GROWTH = 2
SQLITE_ENTRIES = 1_000_000

POSTGRESQL_DUE = """
SELECT relname FROM pg_stat_user_tables AS seen
WHERE schemaname = current_schema() AND relname = ANY(%s) AND (
    n_mod_since_analyze > %s AND n_mod_since_analyze * %s > n_live_tup
    OR pg_relation_size(relid) > 1000000 AND last_analyze IS NULL AND last_autoanalyze IS NULL AND NOT EXISTS (
        SELECT FROM pg_stats WHERE pg_stats.schemaname = seen.schemaname AND tablename = relname
    )
)
ORDER BY relname
"""


def tables_due(connection: BaseDatabaseWrapper) -> list[str]:
    """Return the tables of which the database knows too little: in a few milliseconds, at any size."""
    tables = sorted(connection.introspection.django_table_names(only_existing=True))
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(POSTGRESQL_DUE, [tables, FEW_ROWS, GROWTH])
            return [name for (name,) in cursor.fetchall()]
        counted = _rows_counted(cursor)
        return [table for table in tables if _is_due(cursor, table, counted)]


def collect(connection: BaseDatabaseWrapper, table: str) -> None:
    """Collect a table's statistics, outside of a transaction."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute(f"PRAGMA analysis_limit = {SQLITE_ENTRIES}")
            cursor.fetchall()
        for name in _parts(cursor, table):
            cursor.execute(f"ANALYZE {connection.ops.quote_name(name)}")


def collect_due(connection: BaseDatabaseWrapper) -> Iterator[str]:
    """Collect what is due, table by table, and yield each table that is done."""
    for table in tables_due(connection):
        collect(connection, table)
        yield table


def collect_after_migrations(*, using: str, **kwargs: Any) -> None:
    """See to a library that has none yet, and to new indexes."""
    for _table in collect_due(connections[using]):
        pass


def _parts(cursor: CursorWrapper, table: str) -> Iterable[str]:
    """Return what is looked at in one go."""
    if cursor.db.vendor != "sqlite":
        return [table]
    return [name for name, _is_partial in _indexes(cursor, table)] or [table]


def _indexes(cursor: CursorWrapper, table: str) -> list[tuple[str, bool]]:
    cursor.execute(f"PRAGMA index_list({cursor.db.ops.quote_name(table)})")
    return [(name, bool(is_partial)) for _number, name, _is_unique, _origin, is_partial in cursor.fetchall()]


def _rows_counted(cursor: CursorWrapper) -> dict[Any, int]:
    """Return how many entries each of SQLite's indexes had when it was looked at."""
    cursor.execute("SELECT 1 FROM sqlite_master WHERE name = 'sqlite_stat1'")
    if cursor.fetchone() is None:
        return {}
    cursor.execute("SELECT idx, stat FROM sqlite_stat1")
    return {index: int(numbers.split()[0]) for index, numbers in cursor.fetchall()}


def _is_due(cursor: CursorWrapper, table: str, counted: dict[Any, int]) -> bool:
    """Say whether one of the table's indexes was never looked at, or has grown; a partial one may be empty."""
    whole = [name for name, is_partial in _indexes(cursor, table) if not is_partial]
    if not whole:
        return False
    known = min(counted.get(name, 0) for name in whole)
    return _has_more_rows(cursor, cursor.db.ops.quote_name(table), max(FEW_ROWS, GROWTH * known))


def _has_more_rows(cursor: CursorWrapper, table: str, count: int) -> bool:
    """Ask for the last number first: it is found at once, and above the count only where there are more or were."""
    cursor.execute(f"SELECT MAX(rowid) FROM {table}")  # noqa: S608 -- a name of our own
    if (cursor.fetchone()[0] or 0) <= count:
        return False
    cursor.execute(f"SELECT COUNT(*) FROM (SELECT 1 FROM {table} LIMIT {count + 1})")  # noqa: S608 -- the same
    return bool(cursor.fetchone()[0] > count)
