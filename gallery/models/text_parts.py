"""Parts of texts, and texts with gaps, as databases compare them."""

from collections.abc import Sequence
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import BooleanField, Func, TextField, Value
from django.db.models.sql.compiler import SQLCompiler


class FirstLine(Func):
    """The first line of a text that has another one behind it."""

    output_field = TextField()

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **extra: Any) -> tuple[str, Any]:
        """The text is asked for twice; it is a column."""
        sql, parameters = compiler.compile(self.source_expressions[0])
        return f"SUBSTR({sql}, 1, INSTR({sql}, CHAR(10)) - 1)", [*parameters, *parameters]

    def as_postgresql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **extra: Any) -> tuple[str, Any]:
        return super().as_sql(compiler, connection, template="SPLIT_PART(%(expressions)s, CHR(10), 1)", **extra)


class Like(Func):
    """That a text is what a pattern says; letter case of A to Z may count or not, so that folded texts are asked."""

    arg_joiner = " LIKE "
    template = r"(%(expressions)s ESCAPE '\')"
    output_field = BooleanField()

    def __init__(self, text: Any, pattern: str) -> None:
        super().__init__(text, Value(pattern))


def like_pattern(pieces: Sequence[str]) -> str:
    """Return the pattern of these pieces in this order, with anything or nothing between two of them."""
    return "%".join(_escaped(piece) for piece in pieces)


def _escaped(piece: str) -> str:
    for sign in "\\%_":
        piece = piece.replace(sign, f"\\{sign}")
    return piece
