"""What columns say of pictures, compared with the database, which is the truth, while others go on writing."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from gallery.models import AccessState, IndexState
from gallery.vectors.columns.columns import Columns
from gallery.vectors.columns.links import Links
from gallery.vectors.columns.table import Table
from gallery.vectors.columns.texts import Booleans, Texts
from gallery.vectors.row_check import Problem
from gallery.vectors.unit_vectors import Rows

from .column_loading import load_range, load_some
from .known_columns import Known

ROWS_AT_A_TIME = 4_096
LOOKS = 100  # at rows that differ, while others change pictures all the time

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Difference:
    """Rows, ascending, of which some columns say something else than the database."""

    rows: Rows
    first_id: int  # of the picture that the database has in the first of these rows, NO_ID for none
    columns: tuple[str, ...]


class ColumnsCheck:
    """Compares the newest columns some thousand rows at a time, and holds no lock.

    Rows that differ may be such as changed between the two readings. They are looked at again, those alone, with
    columns that have been brought up to date, and count only where access and index had the version of the columns
    before and after: nothing has changed then between the columns and the database that was read.
    """

    def __init__(self, newest: Callable[[], Known | None]) -> None:
        self._newest = newest

    def problems(self) -> list[Problem]:
        """Return `columns_wrong` if there are such rows; nothing is said where no columns are known."""
        found = list(self._differences())
        if not found:
            return []
        first, count = found[0], sum(len(one.rows) for one in found)
        columns = ", ".join(sorted({name for one in found for name in one.columns}))
        where = f"row {first.rows[0]:,} (picture {first.first_id}) first"
        return [Problem("columns_wrong", f"{count:,} rows are not as in the database, {where}: {columns}.")]

    def _differences(self) -> Iterator[Difference]:
        known = self._newest()
        row_count = 0 if known is None else max(known.columns.row_count, known.indexed_rows)
        for start in range(0, row_count, ROWS_AT_A_TIME):
            known = self._newest()
            if known is None:
                return
            rows = np.arange(start, min(start + ROWS_AT_A_TIME, row_count))
            seen = _difference(known.columns, rows, load_range(start, start + len(rows)).in_rows(rows))
            if seen is not None and (certain := self._looked_at_again(seen.rows)) is not None:
                yield certain

    def _looked_at_again(self, rows: Rows) -> Difference | None:
        for _look in range(LOOKS):
            known = self._newest()
            if known is None:
                return None
            facts = load_some(rows.tolist(), (), first_new=None)
            seen = _difference(known.columns, rows, facts.in_rows(rows))
            if seen is None or _is_present(known):
                return seen
        logger.warning("Columns of %d rows could not be compared: others changed pictures all the time.", len(rows))
        return None


def _is_present(known: Known) -> bool:
    access, state = AccessState.objects.current(), IndexState.objects.current()
    return known.is_of(access, epoch=state.epoch, index_version=state.version)


def _difference(columns: Columns, rows: Rows, true: Table) -> Difference | None:
    """Compare rows, ascending, with a table of them; what is said of nobody's rows is all the same."""
    here = rows[rows < columns.row_count]
    table = columns.take(here)
    table = table.joined(table.nobody(len(rows) - len(here)))
    different = {"id": table.ids != true.ids}
    different["id"][table.live] |= columns.rows_of(table.ids[table.live]) != rows[table.live]
    for name, numbers in true.numbers.items():
        different[name] = table.live & (table.numbers[name] != numbers)
    for name, texts in true.texts.items():
        different[name] = table.live & _different_texts(table.texts[name], texts)
    for name, links in true.links.items():
        different[name] = table.live & _different_links(table.links[name], links, len(rows))
        in_base = rows[rows < columns.base.row_count]
        different[name][: len(in_base)] |= columns.base.links[name].have_strays(in_base)
    places = np.flatnonzero(np.logical_or.reduce(list(different.values())))
    if not len(places):
        return None
    names = tuple(name for name, of_rows in different.items() if of_rows.any())
    return Difference(rows[places], int(true.ids[places[0]]), names)


def _different_texts(known: Texts, true: Texts) -> Booleans:
    if np.array_equal(known.starts, true.starts) and np.array_equal(known.content, true.content):
        return np.zeros(true.row_count, dtype=bool)
    return np.array([known.at(row) != true.at(row) for row in range(true.row_count)], dtype=bool)


def _different_links(known: Links, true: Links, row_count: int) -> Booleans:
    different = np.zeros(row_count, dtype=bool)
    different[[row for row, *_link in _triples(known) ^ _triples(true)]] = True
    return different


def _triples(links: Links) -> set[tuple[int, ...]]:
    """Return row, key and, of ordered links, position of each."""
    pairs = links.rows.tolist(), links.key_of_link.tolist()
    return set(zip(*pairs, *([] if links.positions is None else [links.positions.tolist()]), strict=True))
