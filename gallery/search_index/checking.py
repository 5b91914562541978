"""What is wrong between the files of the index and the database, found while others go on writing."""

import itertools
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace

import numpy as np

from gallery.durable.file_lock import FileLock
from gallery.errors import StoreDamaged
from gallery.models import Image, IndexState, ModelChange, NextEmbedding
from gallery.vectors.codes import CodesFile, CodesPart
from gallery.vectors.row_check import Problem, StoredRows, missing_checksums
from gallery.vectors.store import CHECK_ROWS, VectorStore
from gallery.vectors.unit_vectors import NO_ID, Ids, Rows

from .files import IndexFiles

MAX_ROW = 2**62  # more than any file has

Progress = Callable[[int], None]


class EpochIsOver(Exception):
    """The index has moved on while an epoch was looked at: what was found says nothing of the next one."""


@dataclass(frozen=True)
class CheckedEpoch:
    """An epoch and what the database says of it. `row_count` rows are counted by the database, and have `codes`.

    `pairs_of` returns (n, 2) int64, row and image of each row in a range that has an image.
    """

    store: VectorStore
    epoch: int
    row_count: int
    pairs_of: Callable[[range], Ids]
    is_over: Callable[[], bool]
    codes: CodesFile | None = None


@dataclass(frozen=True)
class RowsSeen:
    """Rows as they were at one moment: files and database."""

    stored: StoredRows
    pairs: Ids
    codes: CodesPart | None  # of the first of them, as far as the database counts them
    codes_error: str = ""

    @property
    def rows(self) -> range:
        return range(self.stored.first_row, self.stored.first_row + len(self.stored.vectors))


@dataclass
class Found:
    """What is wrong with rows. `wrong_codes` leaves out those that have a problem of their own."""

    bad: list[Problem] = field(default_factory=list)
    without_checksum: int = 0
    missing: list[Problem] = field(default_factory=list)
    orphans: list[Problem] = field(default_factory=list)
    wrong_codes: list[int] = field(default_factory=list)
    codes_error: str = ""

    @property
    def of_rows(self) -> list[Problem]:
        return [*self.bad, *missing_checksums(self.without_checksum), *self.missing, *self.orphans]

    @property
    def bad_rows(self) -> list[int]:
        """The rows that must be computed anew or cleared, ascending."""
        return sorted({problem.row for problem in self.of_rows if problem.row is not None})

    @property
    def may_be_half_done(self) -> bool:
        """Say whether some of it may be what a writer was just at."""
        return bool(self.bad or self.missing or self.orphans or self.wrong_codes or self.codes_error)

    def add(self, other: "Found") -> None:
        self.bad += other.bad
        self.without_checksum += other.without_checksum
        self.missing += other.missing
        self.orphans += other.orphans
        self.wrong_codes += other.wrong_codes
        self.codes_error = self.codes_error or other.codes_error


class EpochCheck:
    """Reads an epoch some rows at a time, without the writer lock.

    What is seen so may be half of a change: a row whose picture was just forgotten, or whose picture is not yet in the
    database. So rows that look wrong are read once more, under the lock, when nobody changes anything; what is still
    wrong then is a problem. The lock is held for that reading alone, milliseconds: they are judged after it. Sound rows
    cost no lock. Nothing hides damage: files and database are changed row by row, and every row is looked at.

    Memory is that of the rows that are looked at and a few copies of them, whatever the size of the library.
    """

    def __init__(self, epoch: CheckedEpoch, lock: FileLock) -> None:
        self._epoch = epoch
        self._lock = lock

    def run(self, row_count: int, progress: Progress) -> Found:
        """Return what is wrong with the first `row_count` rows, which must be committed.

        Raises StoreDamaged if the file has no longer got them, EpochIsOver.
        """
        found = Found()
        for rows in parts_of(range(row_count)):
            found.add(self.found_in(rows))
            progress(len(rows))
        return found

    def found_in(self, rows: range) -> Found:
        with suppress(StoreDamaged):  # its files are gone, and if not because it is over, the second look says so
            found = self.seen_in(rows)
            if not found.may_be_half_done:
                return found
        with self._lock:
            if self._epoch.is_over():
                raise EpochIsOver
            seen = self._read(rows)
        return _judged(seen)

    def seen_in(self, rows: range) -> Found:
        """Return what one look shows: what is wrong, if the lock is held, else what may be half of a change."""
        return _judged(self._read(rows))

    def _read(self, rows: range) -> RowsSeen:
        epoch, counted = self._epoch, range(rows.start, min(rows.stop, self._epoch.row_count))
        stored, pairs = epoch.store.read_rows(rows, epoch=epoch.epoch), epoch.pairs_of(rows)
        try:
            codes = epoch.codes.read_part(counted) if epoch.codes is not None and counted else None
        except StoreDamaged as error:
            return RowsSeen(stored, pairs, None, codes_error=str(error))
        return RowsSeen(stored, pairs, codes)


def parts_with(rows: Iterable[int]) -> Iterator[range]:
    """Return the parts that have any of these rows, which are ascending."""
    for number, _some in itertools.groupby(rows, key=lambda row: row // CHECK_ROWS):
        yield range(number * CHECK_ROWS, (number + 1) * CHECK_ROWS)


def parts_of(rows: range) -> Iterator[range]:
    """Cut rows into parts to read at a time, none of which lies in two blocks of codes."""
    start = rows.start
    while start < rows.stop:
        stop = min(rows.stop, (start // CHECK_ROWS + 1) * CHECK_ROWS)
        yield range(start, stop)
        start = stop


def _judged(seen: RowsSeen) -> Found:
    checked, filled, first = seen.stored.check(), seen.stored.filled, seen.stored.first_row
    places = seen.pairs[:, 0] - first
    empty = ~filled[places]
    owned = np.zeros(len(filled), dtype=bool)
    owned[places] = True
    found = Found(
        bad=checked.problems,
        without_checksum=checked.without_checksum,
        missing=[_missing(row, image_id, "which is empty") for row, image_id in seen.pairs[empty]],
        orphans=[
            Problem("orphan_vector", f"Row {first + place} belongs to no picture.", int(first + place))
            for place in np.flatnonzero(filled & ~owned)
        ],
    )
    found.codes_error = seen.codes_error
    if seen.codes is not None:
        found.wrong_codes = np.setdiff1d(first + _wrong_codes(seen, seen.codes), found.bad_rows).tolist()
    return found


def _missing(row: int, image_id: int, where: str) -> Problem:
    return Problem("vector_missing", f"Picture {image_id} has row {row}, {where}.", int(row))


def _wrong_codes(seen: RowsSeen, codes: CodesPart) -> Rows:
    """Return the places of the rows whose codes are not those of their vectors, or of their pictures."""
    count = len(codes.ids)
    owners = np.full(len(seen.rows), NO_ID, dtype=np.int64)
    owners[seen.pairs[:, 0] - seen.rows.start] = seen.pairs[:, 1]
    wrong = codes.wrong_places(seen.stored.vectors[:count])
    return np.union1d(wrong, np.flatnonzero(codes.ids != owners[:count]))


def current_problems(files: IndexFiles, progress: Progress) -> list[Problem]:
    """Read all of the current epoch and return what is wrong. Raises EpochIsOver if the index moves on meanwhile.

    `file_damaged` (then nothing is said of single pictures), `not_finite`, `not_unit`, `checksum_mismatch`,
    `vector_missing` and `orphan_vector` rows, `checksums_missing`, `codes_damaged`, `columns_damaged`, and
    `stale_vectors`: files that a crash left beside the current epoch's. What is appended after the beginning is not
    looked at.
    """
    with files.current() as (store, _epoch):
        state = IndexState.objects.current()
        epoch = current_epoch(files, store, state)
        try:
            row_count, lost = store.row_count(epoch=state.epoch), lost_rows(store, state)
        except StoreDamaged as error:
            return [Problem("file_damaged", str(error))]
        codes_error = _codes_error(epoch)
    if lost or codes_error:
        epoch = replace(epoch, codes=None)
    try:
        found = EpochCheck(epoch, files.lock).run(row_count, progress)
    except StoreDamaged as error:
        return [Problem("file_damaged", str(error))]
    if lost:
        return [*lost, *found.bad, *missing_checksums(found.without_checksum)]
    with files.lock:
        if epoch.is_over():
            raise EpochIsOver
        found.missing += _beyond_the_file(epoch)
        stale = [Problem("stale_vectors", path.name) for path in files.stale(store, state.epoch)]
    codes = _codes_problem(codes_error or found.codes_error, found.wrong_codes)
    return [*found.of_rows, *codes, *_columns_problem(files, state.epoch), *stale]


def current_epoch(files: IndexFiles, store: VectorStore, state: IndexState) -> CheckedEpoch:
    return CheckedEpoch(
        store=store,
        epoch=state.epoch,
        row_count=state.row_count,
        pairs_of=lambda rows: Image.objects.in_rows(rows).rows(),
        is_over=lambda: IndexState.objects.current().epoch != state.epoch,
        codes=files.codes(state.epoch, state.dimension),
    )


def _codes_error(epoch: CheckedEpoch) -> str:
    """Return why the codes cannot be read at all, if so."""
    try:
        if epoch.codes is not None:
            epoch.codes.require(epoch.row_count)
    except StoreDamaged as error:
        return str(error)
    return ""


def _codes_problem(error: str, rows: list[int]) -> list[Problem]:
    if not error and not rows:
        return []
    detail = error or f"{len(rows):,} rows have codes of something else, row {rows[0]:,} first."
    return [Problem("codes_damaged", detail)]


def _columns_problem(files: IndexFiles, epoch: int) -> list[Problem]:
    """Return what readers of the file do not see. A header that is not of this version they do, and make it anew."""
    damaged = [name for name in files.columns.damage(epoch) if name != "header"]
    return [Problem("columns_damaged", f"Not as they were written: {', '.join(damaged)}.")] if damaged else []


def next_problems(files: IndexFiles, progress: Progress) -> tuple[list[Problem], list[int]]:
    """Return what is wrong with the epoch under construction, and in which rows: none where it is the whole file.

    Raises EpochIsOver if the change ends meanwhile.
    """
    with files.lock:
        change = ModelChange.objects.building()
        if change is None:
            return [], []
        epoch = next_epoch(files, change)
        if damage := next_damage(epoch):
            return damage, []
        row_count = epoch.store.row_count(epoch=epoch.epoch)
    try:
        found = EpochCheck(epoch, files.lock).run(row_count, progress)
    except StoreDamaged as error:
        return [_of_the_next("file_damaged", str(error))], []
    with files.lock:
        if epoch.is_over():
            raise EpochIsOver
        found.missing += _beyond_the_file(epoch)
    bad = [problem for problem in found.of_rows if problem.row is not None]
    return [_of_the_next(problem.code, problem.detail) for problem in bad], found.bad_rows


def next_epoch(files: IndexFiles, change: ModelChange) -> CheckedEpoch:
    def is_over() -> bool:
        now = ModelChange.objects.building()
        return now is None or (now.epoch, now.encoder_key) != (change.epoch, change.encoder_key)

    return CheckedEpoch(
        store=files.store(change.dimension),
        epoch=change.epoch,
        row_count=change.row_count,
        pairs_of=lambda rows: NextEmbedding.objects.in_rows(rows).rows(),
        is_over=is_over,
    )


def next_damage(epoch: CheckedEpoch) -> list[Problem]:
    """Return `next_file_damaged` if the file cannot be read or lacks rows. Hold the lock."""
    try:
        held = epoch.store.row_count(epoch=epoch.epoch)
    except StoreDamaged as error:
        return [_of_the_next("file_damaged", str(error))]
    if held >= epoch.row_count:
        return []
    return [_of_the_next("file_damaged", f"it has {held:,} of {epoch.row_count:,} rows")]


def _of_the_next(code: str, detail: str) -> Problem:
    return Problem(f"next_{code}", f"The epoch under construction: {detail}")


def bad_rows_now(epoch: CheckedEpoch, lock: FileLock, rows: range) -> list[int]:
    """Return which rows of a part are bad now. Hold the lock."""
    committed = epoch.store.row_count(epoch=epoch.epoch)
    here = range(rows.start, min(rows.stop, committed))
    found = EpochCheck(replace(epoch, codes=None), lock).seen_in(here).bad_rows if here else []
    beyond = epoch.pairs_of(range(max(rows.start, committed), rows.stop))
    return [*found, *beyond[:, 0].tolist()]


def _beyond_the_file(epoch: CheckedEpoch) -> list[Problem]:
    """Return the pictures whose rows the file does not have. Hold the lock."""
    committed = epoch.store.row_count(epoch=epoch.epoch)
    pairs = epoch.pairs_of(range(committed, MAX_ROW))
    return [_missing(row, image_id, "beyond the file") for row, image_id in pairs]


def lost_rows(store: VectorStore, state: IndexState) -> list[Problem]:
    """Return `file_damaged` if the vectors are fewer than the database counts."""
    committed = store.row_count(epoch=state.epoch)
    if committed >= state.row_count:
        return []
    return [Problem("file_damaged", f"it has {committed:,} rows, the database counts {state.row_count:,}")]


def refuse_damaged_rows(store: VectorStore, epoch: int) -> None:
    """Raise StoreDamaged if there are any: copied, such a row would get a checksum that fits it."""
    damaged = [problem for problem in store.check(epoch=epoch) if problem.row is not None]
    if damaged:
        raise StoreDamaged(path=str(store.path(epoch)), reason=damaged[0].detail.rstrip("."))
