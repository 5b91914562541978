"""File names as lists are ordered by them."""

from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.functions import Lower
from django.db.models.sql.compiler import SQLCompiler


class NameOrder(Lower):
    """A file name whose capitals of ASCII are small letters, compared byte by byte: alike on every database.

    SQLite does just that. PostgreSQL would take the letters and the order of whatever language it was set up for.
    """

    def as_postgresql(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **extra_context: Any
    ) -> tuple[str, Any]:
        return self.as_sql(compiler, connection, template='%(function)s(%(expressions)s COLLATE "C")', **extra_context)
