"""What is another one after each commit of anybody: while it stays, nothing need be read again."""

from dataclasses import dataclass
from typing import Any

from django.db import connection


@dataclass(frozen=True)
class CommitMark:
    """What this connection could see of the database. Two that are equal saw the same; read it before all else."""

    connection: Any  # of the driver: SQLite's numbers are those of one connection
    seen: tuple[Any, ...]

    @classmethod
    def now(cls) -> "CommitMark":
        """Ask the database, at no cost. Inside a transaction it says nothing.

        SQLite counts the commits of others and the changes of one's own; PostgreSQL names the transactions whose work
        is seen, those of all databases of the server among them.
        """
        connection.ensure_connection()
        driver = connection.connection
        is_sqlite = connection.vendor == "sqlite"
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA data_version" if is_sqlite else "SELECT pg_current_snapshot()::text")
            seen = cursor.fetchone()
        return cls(driver, (*seen, driver.total_changes) if is_sqlite else seen)
