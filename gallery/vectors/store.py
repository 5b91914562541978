"""The embedding matrix on disk: one `.npy` file per epoch."""

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from gallery.errors import Phrase, StoreDamaged, gettext_noop
from gallery.vectors.crash_points import crash_point
from gallery.vectors.files import (
    FileLock,
    fdatasync,
    fsync_dir,
    make_folder,
    partial_path,
    replacing_whole_file,
    storage_errors,
    write_all,
)
from gallery.vectors.npy_header import HEADER_BYTES, decode_header, encode_header
from gallery.vectors.unit_vectors import UNIT_TOLERANCE, Rows, Vectors, checked_vectors, lengths

CHECK_BLOCK_ROWS = 65_536


@dataclass(frozen=True)
class Problem:
    """One thing that `check` found. `row` is None when it is about the whole file."""

    code: str
    detail: str
    row: int | None = None


class VectorStore:
    """Keeps unit vectors in `embeddings-<epoch>.npy`; a row number names a vector for the life of its epoch.

    The store knows no current epoch: the database does, and the caller passes it each time, so that a process that has
    not yet heard of a compaction cannot write into the wrong file unnoticed.

    **At every moment** `np.load` of the file gives exactly the committed rows: those the header counts. Bytes after
    them are an uncommitted tail, which nothing reads.

    **Append** (under the lock): 1 cut the tail; 2 write the rows; 3 sync; 4 write the header with the new count, which
    is the commit; 5 sync. The header is 128 bytes at offset 0, written by one `pwrite` inside one disk sector, so a
    power cut leaves the old count or the new one, nothing between. A crash in 1..3 leaves the old rows and perhaps a
    tail; from 4 on, old or new; after 5, new. Only then may the caller's database refer to the rows: a crash between
    leaves rows that nothing refers to, never a reference to a row that is missing.

    **The first append** of an epoch puts an empty file in place as a whole (see **write_epoch**) before step 1.

    **Clear and overwrite** write rows in place, then sync. A crash may leave a row half old, half new: `check` reports
    it as `not_unit` (a half-cleared row too), and doing it again mends it. So the database forgets a row before it is
    cleared, and marks a row as to be encoded before it is overwritten.

    **write_epoch** writes `.partial`, syncs, renames, syncs the folder: the file is absent (or the older one) or whole.

    **Readers** take no lock. A map stays valid as long as it is kept, even when its epoch is removed; it shows
    appended rows to nobody and cleared ones as zeros at once.

    **The file system must promise**: a local disk (`flock` excludes all processes; a sync reaches the disk), a rename
    that is atomic, a 512-byte sector that is written whole or not at all.
    """

    def __init__(self, folder: Path, *, dimension: int, lock_timeout_seconds: float = 30.0) -> None:
        """Open no file: a store on a folder that does not exist yet is empty."""
        self.folder = folder
        self.dimension = dimension
        self._lock = FileLock(folder / "store.lock", timeout_seconds=lock_timeout_seconds)

    def lock(self) -> FileLock:
        """Return the writer lock, to hold around a change of file and database: `with store.lock(): ...`.

        Every writing method takes it too, which costs nothing for its holder. Raises StoreBusy when entered.
        """
        return self._lock

    def path(self, epoch: int) -> Path:
        return self.folder / f"embeddings-{epoch}.npy"

    def epochs(self) -> list[int]:
        """Return the epochs that have a file, in ascending order. More than one means that a clean-up was missed."""
        if not self.folder.is_dir():
            return []
        names = (re.fullmatch(r"embeddings-(\d+)\.npy", entry.name) for entry in self.folder.iterdir())
        return sorted(int(name[1]) for name in names if name)

    def row_count(self, *, epoch: int) -> int:
        """Return the number of committed rows, cleared ones included. Raises StoreDamaged."""
        with self._reading(epoch) as fd:
            return 0 if fd is None else self._committed_rows(fd, epoch)

    def read(self, *, epoch: int, row_count: int | None = None) -> Vectors:
        """Map the first `row_count` rows (all committed ones by default): (row_count, dimension), read-only.

        Costs no memory and no copy. Without `row_count` a missing file is an empty store; with it, StoreDamaged is
        raised when the file is missing or has fewer rows, as after a compaction that the caller has not heard of.
        """
        with self._reading(epoch) as fd:
            committed = 0 if fd is None else self._committed_rows(fd, epoch)
            wanted = committed if row_count is None else row_count
            if wanted > committed:
                raise self._damaged(
                    epoch,
                    Phrase(
                        gettext_noop("it has %(rows)s rows, the database counts %(wanted)s"),
                        rows=committed,
                        wanted=wanted,
                    ),
                )
            if fd is None or wanted == 0:
                return np.empty((0, self.dimension), dtype=np.float32)
            with os.fdopen(os.dup(fd), "rb") as file:
                shape = (wanted, self.dimension)
                return np.memmap(file, dtype=np.float32, mode="r", offset=HEADER_BYTES, shape=shape).view(np.ndarray)

    def append(self, vectors: npt.ArrayLike, *, epoch: int, image_ids: Sequence[object] | None = None) -> range:
        """Commit (n, dimension) unit vectors and return their row numbers; all of them or none.

        `image_ids` name the culprit in InvalidVector. Raises StoreBusy, StorageFull, StorageNotWritable, StoreDamaged.
        """
        rows = checked_vectors(vectors, dimension=self.dimension, labels=image_ids)
        with self._writing(epoch, create=True) as fd:
            first = self._committed_rows(fd, epoch)
            if len(rows):
                self._append(fd, first, rows)
            return range(first, first + len(rows))

    def overwrite(
        self,
        rows: Sequence[int] | Rows,
        vectors: npt.ArrayLike,
        *,
        epoch: int,
        image_ids: Sequence[object] | None = None,
    ) -> None:
        """Replace committed rows in place. Not atomic: see the class. Raises like `append`."""
        replacements = checked_vectors(vectors, dimension=self.dimension, labels=image_ids)
        self._write_in_place(rows, replacements, epoch)

    def clear(self, rows: Sequence[int] | Rows, *, epoch: int) -> None:
        """Overwrite committed rows with zeros, so that a deleted picture leaves no trace. Raises like `append`."""
        self._write_in_place(rows, np.zeros((len(rows), self.dimension), dtype=np.float32), epoch)

    def write_epoch(self, epoch: int, blocks: Iterable[npt.ArrayLike]) -> int:
        """Write a whole new epoch file from blocks of (n, dimension) vectors and return its row count.

        Rows are unit vectors, or zeros for rows that stay unused. An existing file of that epoch, left by a crash, is
        replaced. Raises like `append`.
        """
        row_count = 0
        with self._lock, storage_errors(self.folder), replacing_whole_file(self.path(epoch)) as fd:
            for block in blocks:
                rows = checked_vectors(block, dimension=self.dimension, zero_allowed=True)
                write_all(fd, rows.data, self._offset(row_count))
                row_count += len(rows)
            write_all(fd, encode_header(row_count, self.dimension), 0)
        return row_count

    def remove_epoch(self, epoch: int) -> None:
        """Remove the file of an epoch, and what a crash left of its writing, if they are there."""
        with self._lock, storage_errors(self.folder):
            self.path(epoch).unlink(missing_ok=True)
            partial_path(self.path(epoch)).unlink(missing_ok=True)
            fsync_dir(self.folder)

    def check(self, *, epoch: int) -> list[Problem]:
        """Read everything and return what is wrong: `file_damaged`, or a `not_finite` or `not_unit` row.

        Cleared rows and an uncommitted tail are no problems.
        """
        try:
            matrix = self.read(epoch=epoch)
        except StoreDamaged as error:
            return [Problem("file_damaged", str(error))]
        problems: list[Problem] = []
        for start in range(0, len(matrix), CHECK_BLOCK_ROWS):
            problems += _bad_rows(matrix[start : start + CHECK_BLOCK_ROWS], start)
        return problems

    def restore_header(self, *, epoch: int, row_count: int) -> int:
        """Make a damaged or missing file readable again and return how many rows it has now.

        These are the `row_count` that the database counts, or as many as the file still holds. A file that can be read
        is left as it is. Afterwards `check` finds rows that are damaged themselves. Raises StoreDamaged for a file of
        another dimension, which is whole but belongs to another encoder.
        """
        with self._writing(epoch, create=True) as fd:
            try:
                return self._committed_rows(fd, epoch)
            except StoreDamaged:
                if self._has_other_dimension(fd):
                    raise
            held = (os.fstat(fd).st_size - HEADER_BYTES) // (self.dimension * 4)
            kept = max(0, min(row_count, held))
            write_all(fd, encode_header(kept, self.dimension), 0)
            fdatasync(fd)
            return kept

    @contextmanager
    def _reading(self, epoch: int) -> Iterator[int | None]:
        """Yield a descriptor, or None when the epoch has no file yet."""
        try:
            with storage_errors(self.path(epoch)):
                fd = os.open(self.path(epoch), os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            yield None
            return
        try:
            yield fd
        finally:
            os.close(fd)

    @contextmanager
    def _writing(self, epoch: int, *, create: bool = False) -> Iterator[int]:
        path = self.path(epoch)
        with self._lock, storage_errors(self.folder):
            if create and not path.exists():
                make_folder(self.folder)
                self.write_epoch(epoch, [])
            try:
                fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
            except FileNotFoundError:
                raise self._damaged(epoch, Phrase(gettext_noop("it does not exist"))) from None
            try:
                yield fd
            finally:
                os.close(fd)

    def _append(self, fd: int, first: int, rows: Vectors) -> None:
        os.ftruncate(fd, self._offset(first))  # a tail that a crash left must not end up among the new rows
        crash_point("after_cut_before_rows")
        try:
            write_all(fd, rows.data, self._offset(first))
        except OSError:
            with suppress(OSError):
                os.ftruncate(fd, self._offset(first))  # gives the space of a half-written batch back
            raise
        crash_point("after_rows_before_sync")
        fdatasync(fd)  # rows must be on disk before the header counts them
        crash_point("after_rows_before_header")
        write_all(fd, encode_header(first + len(rows), self.dimension), 0)
        crash_point("after_header_before_sync")
        fdatasync(fd)
        crash_point("after_header_sync")

    def _write_in_place(self, rows: Sequence[int] | Rows, vectors: Vectors, epoch: int) -> None:
        if len(rows) != len(vectors):
            raise ValueError(f"{len(rows)} rows have {len(vectors)} vectors")
        if not len(rows):
            return
        with self._writing(epoch) as fd:
            committed = self._committed_rows(fd, epoch)
            if min(rows) < 0 or max(rows) >= committed:
                raise self._damaged(
                    epoch,
                    Phrase(
                        gettext_noop("it has %(rows)s rows, so there is no row %(row)s"), rows=committed, row=max(rows)
                    ),
                )
            for row, vector in zip(rows, vectors, strict=True):
                write_all(fd, vector.data, self._offset(int(row)))
                crash_point("between_rows_in_place")
            crash_point("after_rows_in_place_before_sync")
            fdatasync(fd)

    def _committed_rows(self, fd: int, epoch: int) -> int:
        """Return the header's count, after checking that the file really has those rows. Raises StoreDamaged."""
        try:
            row_count, dimension = decode_header(_steady_header(fd))
        except ValueError as error:
            raise self._damaged(epoch, str(error)) from None
        if dimension != self.dimension:
            raise self._damaged(
                epoch,
                Phrase(
                    gettext_noop("its vectors have %(dimension)s numbers, the encoder's %(wanted)s"),
                    dimension=dimension,
                    wanted=self.dimension,
                ),
            )
        if os.fstat(fd).st_size < self._offset(row_count):
            raise self._damaged(
                epoch,
                Phrase(gettext_noop("it is too short for the %(rows)s rows that its header counts"), rows=row_count),
            )
        return row_count

    def _has_other_dimension(self, fd: int) -> bool:
        try:
            return decode_header(_steady_header(fd))[1] != self.dimension
        except ValueError:
            return False

    def _offset(self, row: int) -> int:
        return HEADER_BYTES + row * self.dimension * 4

    def _damaged(self, epoch: int, reason: str) -> StoreDamaged:
        return StoreDamaged(path=str(self.path(epoch)), reason=reason)


def _steady_header(fd: int) -> bytes:
    """Return the header as it was before or after a write that happens right now, never half of each."""
    previous, header = b"", os.pread(fd, HEADER_BYTES, 0)
    while header != previous:  # the kernel does not make a read atomic against a write by another process
        previous, header = header, os.pread(fd, HEADER_BYTES, 0)
    return header


def _bad_rows(block: Vectors, first_row: int) -> list[Problem]:
    row_lengths = lengths(block)
    good = (np.abs(row_lengths - 1.0) <= UNIT_TOLERANCE) | (row_lengths == 0.0)
    return [_bad_row(first_row + int(index), float(row_lengths[index])) for index in np.flatnonzero(~good)]


def _bad_row(row: int, length: float) -> Problem:
    if not np.isfinite(length):
        return Problem("not_finite", f"Row {row:,} has a number that is not finite.", row)
    return Problem("not_unit", f"Row {row:,} has length {length:.4g}, not 1.", row)
