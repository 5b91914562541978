"""Columns with what they are of: the versions of the database, and which rows changed lately."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import reduce

import numpy as np

from gallery.models import AccessChange, AccessState, Image, IndexState
from gallery.models.access_change import AccessChanges
from gallery.vectors.columns.columns import Columns
from gallery.vectors.unit_vectors import NO_ID, Rows

from .column_loading import Facts, load_some
from .image_columns import microseconds

MOST_CHANGED = 5_000  # pictures that whoever asks reads anew; behind more, all are
MOST_PATCHED = 10_000  # rows beside the base
MOST_NEW = 20_000
ROWS_AT_A_TIME = 1_000
CHANGES_KEPT = 64  # of the last ones it is known which rows they touched
MOST_TOUCHED = 20_000  # rows that whoever keeps something looks at again; behind more, it is made anew


@dataclass(frozen=True)
class Touched:
    """The rows of which the columns with this serial may say something else than those before it."""

    serial: int
    rows: Rows


@dataclass(frozen=True)
class Known:
    """Columns as the database was at these versions; single rows may be newer, and are then in the change log."""

    columns: Columns
    epoch: int
    access_version: int
    access_mark: int | None
    index_version: int
    indexed_rows: int  # that IndexState counted
    serial: int
    touched: tuple[Touched, ...] = ()

    def is_of(self, access: AccessState, *, epoch: int, index_version: int) -> bool:
        versions = (self.epoch, self.access_version, self.access_mark, self.index_version)
        return versions == (epoch, access.version, access.mark, index_version)

    @property
    def is_patched(self) -> bool:
        return len(self.columns.patch_rows) > 0

    @property
    def is_much_patched(self) -> bool:
        """Say whether it is time for a new base."""
        return len(self.columns.patch_rows) > MOST_PATCHED

    def touched_since(self, serial: int) -> Rows | None:
        """Return the rows to look at again, ascending; None where that is not known any more."""
        later = [one for one in self.touched if one.serial > serial]
        if len(later) != self.serial - serial:
            return None
        return reduce(np.union1d, [one.rows for one in later], np.empty(0, dtype=np.int64))

    def brought_up(self, access: AccessState, state: IndexState) -> "Known | None":
        """Return the columns of these versions, which were read just now; None where all must be read anew.

        So it is where the database does not go on from what these columns are of, as after it was restored.
        """
        if not AccessChange.objects.leads_on_from(self.access_version, self.access_mark, to=access):
            return None
        if self.epoch != state.epoch or state.row_count - self.indexed_rows > MOST_NEW:
            return None
        changes = AccessChange.objects.since(self.access_version, up_to=access)
        if changes is None or len(changes.image_ids) + len(changes.image_rows) > 2 * MOST_CHANGED:
            return None
        if self.index_version != state.version and not self.ends_as_the_index(but=changes.image_rows):
            newer = AccessState.objects.current()  # it may have changed since
            return None if newer.version == access.version else self.brought_up(newer, state)
        first_new = None if self.index_version == state.version else self.indexed_rows
        facts = load_some(changes.image_rows, changes.image_ids, first_new=first_new)
        if IndexState.objects.current().epoch != self.epoch:  # these may be rows of the next one
            return None
        rows = self._rows_of(changes, facts)
        columns = self.columns.changed(rows, facts.in_rows(rows))
        touched = np.union1d(rows, np.union1d(_linked(self.columns, changes), _linked(columns, changes)))
        serial = self.serial + 1
        return replace(
            self,
            columns=columns,
            access_version=access.version,
            access_mark=access.mark,
            index_version=state.version,
            indexed_rows=state.row_count,
            serial=serial,
            touched=self._touched_with(Touched(serial, touched)),
        )

    def ends_as_the_index(self, *, but: Collection[int] = ()) -> bool:
        """Say whether the last picture of these columns, but for these rows, has its row still.

        Else this is another past: rows are only added, and no picture leaves one but with a change of access.
        """
        row = self._last_row(but)
        if row is None:
            return True
        found = Image.objects.filter(embedding_row=row).order_by().values_list("pk", "owner", "created_at")
        here = [self.columns.numbers_of(name, np.array([row])).item() for name in ("id", "owner", "created_at")]
        return [[pk, owner, microseconds(created_at)] for pk, owner, created_at in found] == [here]

    def _last_row(self, but: Collection[int]) -> int | None:
        for stop in range(min(self.indexed_rows, self.columns.row_count), 0, -ROWS_AT_A_TIME):
            rows = np.arange(max(0, stop - ROWS_AT_A_TIME), stop)
            is_known = (self.columns.ids_of(rows) != NO_ID) & ~np.isin(rows, np.array([*but], dtype=np.int64))
            if is_known.any():
                return int(rows[is_known][-1])
        return None

    def _touched_with(self, last: Touched) -> tuple[Touched, ...]:
        """Return what the last changes touched; an album may be as large as the library, and is not kept 64 times."""
        return () if len(last.rows) > MOST_TOUCHED else (*self.touched, last)[-CHANGES_KEPT:]

    def _rows_of(self, changes: AccessChanges, facts: Facts) -> Rows:
        """Return the rows that pictures of the changes had or have, ascending."""
        before = self.columns.rows_of(np.array(sorted(changes.image_ids), dtype=np.int64))
        logged = np.array(sorted(changes.image_rows), dtype=np.int64)
        gone = np.concatenate([before[before >= 0], logged[logged < self.columns.row_count]])
        return np.union1d(gone, facts.rows)


def _linked(columns: Columns, changes: AccessChanges) -> Rows:
    """Return the rows on tags and albums that changed: what is known of them is the same, what is asked is not."""
    rows = [columns.links_of(name, keys)[0] for name, keys in (("tag", changes.tag_ids), ("album", changes.album_ids))]
    return np.unique(np.concatenate(rows)).astype(np.int64)
