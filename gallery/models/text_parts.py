"""Parts of texts, and texts with gaps, as databases compare them."""

import sys
from collections.abc import Sequence
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import BooleanField, Func, TextField, Value
from django.db.models.sql.compiler import SQLCompiler

_FIRST_SURROGATE, _BEHIND_SURROGATES = 0xD800, 0xE000  # no text that is stored has one of these


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


class BeginsWith(Func):
    """That a text begins with another one, which is not empty: asked so that an index of the column tells.

    SQLite uses none for LIKE, since letter case counts in its index; the order of PostgreSQL's texts is not that of
    code points, so that a range is no beginning there.
    """

    output_field = BooleanField()

    def __init__(self, text: Any, beginning: str) -> None:
        super().__init__(text)
        self.extra["beginning"] = beginning

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **extra: Any) -> tuple[str, Any]:
        sql, parameters = compiler.compile(self.source_expressions[0])
        first: str = self.extra["beginning"]
        return f"({sql} >= %s AND {sql} < %s)", [*parameters, first, *parameters, _behind(first)]

    def as_postgresql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **extra: Any) -> tuple[str, Any]:
        sql, parameters = compiler.compile(self.source_expressions[0])
        return f"({sql} LIKE %s)", [*parameters, _escaped(self.extra["beginning"]) + "%"]


def _behind(beginning: str) -> str:
    """Return the first text behind all that begin so, in the order of code points."""
    last = ord(beginning[-1])
    if last == sys.maxunicode:  # no character is behind it, and none has a meaning
        return beginning + beginning[-1]
    return beginning[:-1] + chr(_BEHIND_SURROGATES if last + 1 == _FIRST_SURROGATE else last + 1)


def like_pattern(pieces: Sequence[str]) -> str:
    """Return the pattern of these pieces in this order, with anything or nothing between two of them."""
    return "%".join(_escaped(piece) for piece in pieces)


def like_with_any_sign(before: str, after: str) -> str:
    """Return the pattern of texts in which these two stand with one sign, whatever it is, between them."""
    return f"%{_escaped(before)}_{_escaped(after)}%"


def _escaped(piece: str) -> str:
    for sign in "\\%_":
        piece = piece.replace(sign, f"\\{sign}")
    return piece
