"""Columns read from the database: of all pictures that have a row, or of those that changed.

Tuples are read as the database gives them: a model for each of a million pictures would take a minute. Each statement
is short, so that no reader stands in a writer's way; what changes between two of them is in the change log.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

import numpy as np
from django.db import connection
from django.db.models import Model

from gallery.models import AlbumImage, FoldedText, Image, PictureColours
from gallery.text.folding import REVISION
from gallery.vectors.columns.links import Links
from gallery.vectors.columns.table import NULL, Numbers, Table
from gallery.vectors.columns.texts import Texts
from gallery.vectors.unit_vectors import NO_ID, Rows

from .files import batches
from .image_columns import CODES, LINKS, MOMENTS, NUMBERS, ORDERED_LINKS, TEXTS, UNKNOWN_CODE

ROWS_AT_A_TIME = 20_000
LINKS_AT_A_TIME = 100_000
IDS_AT_A_TIME = 1_000  # in one statement: SQLite may allow no more than 32,766 variables

IN_RANGE = "embedding_row >= %s AND embedding_row < %s"

Tuples = Sequence[tuple[Any, ...]]


@dataclass(frozen=True)
class Facts:
    """What the database says of some pictures: their rows, (n,) ascending, and a table of n rows."""

    rows: Rows
    table: Table

    def in_rows(self, rows: Rows) -> Table:
        """Return the facts of these rows, all different, `self.rows` among them; the others are nobody's."""
        places = np.searchsorted(rows, self.rows)
        nobodys = np.setdiff1d(np.arange(len(rows)), places)
        order = np.argsort(np.concatenate([places, nobodys]))
        return self.table.joined(self.table.nobody(len(nobodys))).take(order)


def load_all(row_count: int) -> Table:
    """Return the table of the rows up to `row_count`; no more is held in memory beside it than a few batches."""
    filling = _Filling(row_count)
    for start in range(0, row_count, ROWS_AT_A_TIME):
        found = _pictures(IN_RANGE, [start, min(start + ROWS_AT_A_TIME, row_count)])
        filling.add(np.array([one[0] for one in found], dtype=np.int64), found)
    table = filling.table({})
    return filling.table({name: _joined(table, _all_links(name), is_ordered=name in ORDERED_LINKS) for name in LINKS})


def load_range(start: int, stop: int) -> Facts:
    """Return the pictures in the rows from `start` up to `stop`: some thousands."""
    return _facts_of(_pictures(IN_RANGE, [start, stop]))


def load_some(rows: Collection[int], image_ids: Collection[int], *, first_new: int | None) -> Facts:
    """Return the pictures in these rows, these pictures that have a row, and, if given, all from a first row on."""
    found = {} if first_new is None else {one[0]: one for one in _pictures("embedding_row >= %s", [first_new])}
    for some_rows, some_ids in zip_longest(_some(rows), _some(image_ids), fillvalue=()):
        of_these = f"embedding_row IN ({_marks(some_rows)}) OR image.id IN ({_marks(some_ids)})"
        condition = f"({of_these}) AND embedding_row IS NOT NULL"
        found.update({one[0]: one for one in _pictures(condition, [*some_rows, *some_ids])})
    return _facts_of([found[row] for row in sorted(found)])


def _facts_of(tuples: Tuples) -> Facts:
    return Facts(np.array([one[0] for one in tuples], dtype=np.int64), _table_of(tuples))


def _some(numbers: Collection[int]) -> Iterator[Sequence[int]]:
    return batches(sorted(numbers), IDS_AT_A_TIME)


def load_waiting(image_ids: Sequence[int]) -> Table:
    """Return these pictures, as far as they have no row, in a table of their own. They are few."""
    if not image_ids:
        return _table_of([])
    return _table_of(_pictures(f"image.id IN ({_marks(image_ids)}) AND embedding_row IS NULL", image_ids))


def _table_of(tuples: Tuples) -> Table:
    filling = _Filling(len(tuples))
    filling.add(np.arange(len(tuples)), tuples)
    table = filling.table({})
    ids = table.ids.tolist()
    links = {name: _joined(table, _links_of(name, ids), is_ordered=name in ORDERED_LINKS) for name in LINKS}
    return filling.table(links)


class _Filling:
    """A table in the making, filled from tuples whose places ascend."""

    def __init__(self, row_count: int) -> None:
        self._ids = np.full(row_count, NO_ID, dtype=np.int64)
        self._numbers = {name: np.zeros(row_count, dtype=kind) for name, kind in NUMBERS.items()}
        self._lengths = {name: np.zeros(row_count, dtype=np.int64) for name in TEXTS}
        self._contents: dict[str, list[bytes]] = {name: [] for name in TEXTS}

    def add(self, places: Rows, tuples: Tuples) -> None:
        if not len(tuples):
            return
        _rows, ids, *columns = zip(*tuples, strict=True)
        self._ids[places] = ids
        named = dict(zip([*NUMBERS, *TEXTS], columns, strict=True))
        for name, numbers in self._numbers.items():
            numbers[places] = _as_numbers(name, named[name])
        for name, lengths in self._lengths.items():
            encoded = [text.encode("utf-8", "surrogatepass") for text in named[name]]
            lengths[places] = np.fromiter(map(len, encoded), dtype=np.int64, count=len(encoded))
            self._contents[name].append(b"".join(encoded))

    def table(self, links: dict[str, Links]) -> Table:
        texts = {}
        for name, lengths in self._lengths.items():
            self._contents[name] = [b"".join(self._contents[name])]
            content = np.frombuffer(self._contents[name][0], dtype=np.uint8)
            texts[name] = Texts(np.concatenate([[0], np.cumsum(lengths)]), content)
        return Table(ids=self._ids, numbers=self._numbers, texts=texts, links=links)


def _as_numbers(name: str, values: Sequence[Any]) -> Numbers:
    if name in CODES:
        codes = CODES[name]
        return np.fromiter((codes.get(value, UNKNOWN_CODE) for value in values), dtype=np.int8, count=len(values))
    if name in MOMENTS and connection.vendor == "sqlite":
        return np.array(values, dtype="datetime64[us]").astype(np.int64)  # NaT is NULL's number
    if None in values:
        values = [NULL if value is None else value for value in values]
    return np.array(values, dtype=np.int64)


# Statements


def _pictures(condition: str, parameters: Sequence[int]) -> Tuples:
    """Return tuples of row, id, numbers and texts, ascending by row."""
    expressions = ["embedding_row", "image.id", *map(_number, NUMBERS), _name_order(), *_folded_lines()]
    statement = f"""
        SELECT {", ".join(expressions)} FROM {_name_of(Image)} AS image
        LEFT JOIN {_name_of(FoldedText)} AS folded ON folded.image_id = image.id AND folded.revision >= {REVISION}
        LEFT JOIN {_name_of(PictureColours)} AS looked_at ON looked_at.image_id = image.id
        WHERE {condition} ORDER BY embedding_row
    """  # noqa: S608 -- names of our own
    return _read(statement, parameters)


def _name_order() -> str:
    """Return what NameOrder is in this database."""
    return "LOWER(original_name)" if connection.vendor == "sqlite" else 'LOWER(original_name COLLATE "C")'


def _folded_lines() -> tuple[str, str]:
    """Return the folded name and the folded description, empty where they are not folded."""
    if connection.vendor == "postgresql":
        return "COALESCE(SPLIT_PART(text, CHR(10), 1), '')", "COALESCE(SPLIT_PART(text, CHR(10), 2), '')"
    end = "INSTR(text, CHAR(10))"
    return f"COALESCE(SUBSTR(text, 1, {end} - 1), '')", f"COALESCE(SUBSTR(text, {end} + 1), '')"


def _number(name: str) -> str:
    if name == "is_folded":
        return "CASE WHEN text IS NULL THEN 0 ELSE 1 END"
    if name == "colours":
        return "COALESCE(looked_at.colours, 0)"
    if name == "status":
        return "CASE WHEN embedding_row IS NOT NULL THEN 0 WHEN embed_error = '' THEN 1 ELSE 2 END"
    field: Any = Image._meta.get_field(name)
    column = field.column
    if name not in MOMENTS:
        return str(column)
    if connection.vendor == "sqlite":
        return f"{column} || ''"  # as it is kept, and NumPy reads it: the converter of its type is slow
    return f"(EXTRACT(EPOCH FROM {column}) * 1000000)::bigint"


def _all_links(name: str) -> Iterator[Tuples]:
    """Give tuples of image, key and place."""
    last = -1
    while found := _read(f"{_links(name)} WHERE id > %s ORDER BY id LIMIT {LINKS_AT_A_TIME}", [last]):
        yield [one[:3] for one in found]
        last = found[-1][3]


def _links_of(name: str, image_ids: Sequence[int]) -> Iterator[Tuples]:
    for some in batches(image_ids, IDS_AT_A_TIME):
        yield [one[:3] for one in _read(f"{_links(name)} WHERE image_id IN ({_marks(some)})", some)]


def _links(name: str) -> str:
    if name == "tag":
        return f"SELECT image_id, tag_id, 0, id FROM {_name_of(Image.tags.through)}"  # noqa: S608 -- a name of our own
    return f"SELECT image_id, album_id, (CAST(position AS bigint) << 32) + id, id FROM {_name_of(AlbumImage)}"  # noqa: S608


def _joined(table: Table, parts: Iterator[Tuples], *, is_ordered: bool) -> Links:
    """Return the links of those images that are in the table."""
    pairs = [np.array(part, dtype=np.int64).reshape(-1, 3) for part in parts]
    triples = np.concatenate([np.empty((0, 3), dtype=np.int64), *pairs])
    places = table.rows_of(triples[:, 0])
    kept = places >= 0
    return Links.of(places[kept], triples[kept, 1], triples[kept, 2] if is_ordered else None)


def _read(statement: str, parameters: Sequence[int]) -> Tuples:
    with connection.cursor() as cursor:
        cursor.execute(statement, list(parameters))
        found: Tuples = cursor.fetchall()
    return found


def _marks(numbers: Sequence[int]) -> str:
    return ", ".join(["%s"] * len(numbers)) or "NULL"


def _name_of(model: type[Model]) -> str:
    return connection.ops.quote_name(model._meta.db_table)
