"""The file of labelled queries: {"queries": [{"query", "lang", "relevant": [file names]}]}. Other keys may be there.

`group`, a name, may say which queries ask for the same in other words.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gallery.durable.regular_file import open_regular_file
from gallery.errors import ImageSearchError, InvalidQueryFile
from gallery.retrieval.query_text import MAX_CHARACTERS, checked_text

FAULTS_TOLD = 3  # as many as fit a sentence; the rest is counted


@dataclass(frozen=True, slots=True)
class LabelledQuery:
    text: str  # as the search parses it
    language: str
    relevant: frozenset[str]  # file names
    group: str = ""


class _Fault(ValueError):
    """What is wrong with one query."""


def read_queries(path: Path, *, max_characters: int = MAX_CHARACTERS) -> list[LabelledQuery]:
    """Return the file's queries, in its order. Raises UnreadablePath, InvalidQueryFile."""
    rows = _rows(path)
    queries: list[LabelledQuery] = []
    faults: list[str] = []
    for position, row in enumerate(rows, start=1):
        try:
            queries.append(_labelled_query(row, max_characters))
        except _Fault as fault:
            faults.append(f"query {position} {fault}")
    if faults:
        raise InvalidQueryFile(path=str(path), reason=_told(faults))
    return queries


def _rows(path: Path) -> list[Any]:
    try:
        with open_regular_file(path) as file:
            content = json.loads(file.read().decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise InvalidQueryFile(path=str(path), reason="it is not text in UTF-8") from error
    except (ValueError, RecursionError) as error:
        raise InvalidQueryFile(path=str(path), reason=f"it is not JSON ({error})") from error
    rows = content.get("queries") if isinstance(content, dict) else None
    if not isinstance(rows, list):
        raise InvalidQueryFile(path=str(path), reason="it has no list “queries”")
    if not rows:
        raise InvalidQueryFile(path=str(path), reason="its list “queries” is empty")
    return rows


def _labelled_query(row: Any, max_characters: int) -> LabelledQuery:
    """Raises _Fault."""
    if not isinstance(row, dict):
        raise _Fault("is not an object")
    texts = {name: _text(row, name) for name in ("query", "lang")}
    words, relevant = _words(texts["query"], max_characters), frozenset(_file_names(row))
    return LabelledQuery(words, texts["lang"], relevant, str(row.get("group") or ""))


def _text(row: dict[str, Any], name: str) -> str:
    if name not in row:
        raise _Fault(f"has no “{name}”")
    value = row[name]
    if not isinstance(value, str) or not value.strip():
        raise _Fault(f"has a “{name}” that is not a text")
    return value


def _words(text: str, max_characters: int) -> str:
    """Return the query as a search would read it: what no one could search for is a fault of the file."""
    try:
        return checked_text(text, max_characters=max_characters)
    except ImageSearchError as error:
        raise _Fault(f"cannot be searched for ({str(error).rstrip('.')})") from error


def _file_names(row: dict[str, Any]) -> Iterator[str]:
    """Yield the relevant pictures; an empty list is allowed, such a query is counted as skipped."""
    if "relevant" not in row:
        raise _Fault("has no “relevant”")
    names = row["relevant"]
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise _Fault("has a “relevant” that is not a list of file names")
    yield from names


def _told(faults: list[str]) -> str:
    told = "; ".join(faults[:FAULTS_TOLD])
    more = len(faults) - FAULTS_TOLD
    return f"{told}; and {more:,} more" if more > 0 else told
