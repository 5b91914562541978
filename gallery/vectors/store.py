"""The embedding matrix on disk: one `.npy` file per epoch, and a checksum of each row beside it."""

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from gallery.durable.crash_points import crash_point
from gallery.durable.file_lock import FileLock
from gallery.durable.synced_writing import (
    fdatasync,
    fsync_dir,
    make_folder,
    opened,
    opened_or_created,
    partial_path,
    replacing_whole_files,
    storage_errors,
    write_all,
)
from gallery.errors import Phrase, StoreDamaged, gettext_noop
from gallery.vectors.checksums import CHECKSUM_BYTES, NO_CHECKSUM, checksums_of, read_checksums
from gallery.vectors.npy_header import HEADER_BYTES, decode_header, encode_header, steady_header
from gallery.vectors.row_check import Problem, StoredRows, missing_checksums
from gallery.vectors.unit_vectors import Rows, Vectors, are_unit, checked_vectors, lengths

CHECK_ROWS = 1_024  # at a time: 5 MB of 1,280 numbers a row, and some copies of them


@dataclass(frozen=True)
class _Files:
    """The descriptors of one epoch, open for writing."""

    rows: int
    checksums: int


class VectorStore:
    """Keeps unit vectors in `embeddings-<epoch>.npy` and a checksum of each row in `checksums-<epoch>.crc32`.

    A row number names a vector for the life of its epoch. The store knows no current epoch: the database does, and the
    caller passes it each time, so that a process that has not yet heard of a compaction cannot write into the wrong
    file unnoticed.

    **At every moment** `np.load` of the `.npy` gives exactly the committed rows: those its header counts. Its header
    is the one commit point of both files, for the checksums have no count of their own. Bytes after the committed rows
    and after their checksums are an uncommitted tail, which nothing reads.

    **A checksum** is truth, not cache: it is that of the row that was accepted, written before the row is committed
    and never computed again from what the disk gives back. NO_CHECKSUM (0, and whatever lies beyond the end of the
    file) stands for "none is recorded". A row is sound when its checksum is the recorded one, or when it is all zeros,
    whatever is recorded. Anything else is reported: with a recorded checksum as damage of that row (a flipped bit in
    the checksum itself looks the same), without one, if it is of unit length, as `checksums_missing`.

    **Append** (under the lock): 1 cut both tails; 2 write the rows, then the checksums; 3 sync both files; 4 write the
    header with the new count, which is the commit; 5 sync. The header is 128 bytes at offset 0, written by one `pwrite`
    inside one disk sector, so a power cut leaves the old count or the new one, nothing between. A crash in 1..3 leaves
    the old rows and perhaps a tail in either file, whole, torn or full of holes; from 4 on, old or new; after 5, new.
    The order of the two files within 2 and 3 does not matter, since neither counts before 4. Only then may the caller's
    database refer to the rows: a crash between leaves rows that nothing refers to, never a reference to a row that is
    missing. An error of the disk leaves what a crash at that step leaves, without the tail if it can be cut. The
    work is that of the new rows, whatever the size of the files.

    **The first append** of an epoch puts two empty files in place as wholes (see **write_epoch**) before step 1, and
    syncs the folder again, since a crash may have come before the folder was synced.

    **Clear** writes zeros in place: 1 the rows; 2 sync; 3 NO_CHECKSUM for them; 4 sync. A crash in 1..2 leaves each of
    the rows old, zeros, or half of each; the last is reported, since the old checksum still stands, and doing it again
    mends it. From 2 on the rows are zeros, hence sound, whether 3 is on the disk or not. A row never loses its checksum
    before it is gone, or half a row could pass for one that never had any. Neighbours that share a sector are written
    with it, whole. So the database forgets a row before it is cleared.

    **write_epoch** writes both `.partial` files, syncs both, renames the checksums, then the `.npy`, syncs the folder:
    each file is absent (or the older one) or whole. Any mixture is harmless, because the database refers to the epoch
    only afterwards: what lacks its other half is a stale file, and an empty `.npy` beside older checksums has a tail.
    **remove_epoch** may leave either file in the same way.

    **An epoch from before there were checksums** has no second file. It is read and searched like any other; an append
    or a clear creates the file, whose older part is a hole, that is NO_CHECKSUM. `check` reports `checksums_missing`
    until **write_missing_checksums** fills them in, in place, for rows that are finite and of unit length: it can only
    vouch for what is there now. A crash leaves some of them filled in. A checksum file that was lost, cut short or not
    copied is the same case; one that is too long has a tail.

    **Readers** take no lock and never look at checksums. A map stays valid as long as it is kept, even when its epoch
    is removed; it shows appended rows to nobody and cleared ones as zeros at once.

    **The file system must promise**: a local disk (`flock` excludes all processes; a sync reaches the disk), a rename
    that is atomic, a 512-byte sector that is written whole or not at all.
    """

    def __init__(
        self, folder: Path, *, dimension: int, lock_timeout_seconds: float = 30.0, lock: FileLock | None = None
    ) -> None:
        """Open no file: a store on a folder that does not exist yet is empty.

        Stores of one process on one folder, as of two dimensions, must share one `lock` object.
        """
        self.folder = folder
        self.dimension = dimension
        self._lock = lock or FileLock(folder / "store.lock", timeout_seconds=lock_timeout_seconds)

    def lock(self) -> FileLock:
        """Return the writer lock, to hold around a change of file and database: `with store.lock(): ...`.

        Every writing method takes it too, which costs nothing for its holder. Raises StoreBusy when entered.
        """
        return self._lock

    def path(self, epoch: int) -> Path:
        return self.folder / f"embeddings-{epoch}.npy"

    def checksums_path(self, epoch: int) -> Path:
        return self.folder / f"checksums-{epoch}.crc32"

    def epochs(self) -> list[int]:
        """Return the epochs that have a file, in ascending order. More than one means that a clean-up was missed."""
        if not self.folder.is_dir():
            return []
        pattern = re.compile(r"embeddings-(\d+)\.npy|checksums-(\d+)\.crc32")
        names = (pattern.fullmatch(entry.name) for entry in self.folder.iterdir())
        return sorted({int(name[1] or name[2]) for name in names if name})

    def epoch_files(self, epoch: int) -> list[Path]:
        """Return the files that the epoch has."""
        return [path for path in (self.path(epoch), self.checksums_path(epoch)) if path.exists()]

    def row_count(self, *, epoch: int) -> int:
        """Return the number of committed rows, cleared ones included. Raises StoreDamaged."""
        with self._reading(self.path(epoch)) as fd:
            return 0 if fd is None else self._committed_rows(fd, epoch)

    def read(self, *, epoch: int, row_count: int | None = None) -> Vectors:
        """Map the first `row_count` rows (all committed ones by default): (row_count, dimension), read-only.

        Costs no memory and no copy. Without `row_count` a missing file is an empty store; with it, StoreDamaged is
        raised when the file is missing or has fewer rows, as after a compaction that the caller has not heard of.
        """
        with self._reading(self.path(epoch)) as fd:
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
        with self._writing(epoch, create=True) as files:
            first = self._committed_rows(files.rows, epoch)
            if len(rows):
                self._append(files, first, rows)
            return range(first, first + len(rows))

    def clear(self, rows: Sequence[int] | Rows, *, epoch: int) -> None:
        """Overwrite committed rows with zeros, so that a deleted picture leaves no trace. Raises like `append`."""
        if not len(rows):
            return
        with self._writing(epoch) as files:
            self._check_present(files, rows, epoch)
            for row in rows:
                write_all(files.rows, bytes(self.dimension * 4), self._offset(int(row)))
                crash_point("between_cleared_rows")
            crash_point("after_cleared_rows_before_sync")
            fdatasync(files.rows)  # a half-cleared row must not be without its checksum, or nobody would notice
            crash_point("after_cleared_rows_before_checksums")
            for row in rows:
                write_all(files.checksums, bytes(CHECKSUM_BYTES), int(row) * CHECKSUM_BYTES)
            crash_point("after_cleared_checksums_before_sync")
            fdatasync(files.checksums)

    def write_epoch(self, epoch: int, blocks: Iterable[npt.ArrayLike]) -> int:
        """Write the files of a whole new epoch from blocks of (n, dimension) vectors and return its row count.

        Rows are unit vectors, or zeros for rows that stay unused. Existing files of that epoch, left by a crash, are
        replaced. Raises like `append`.
        """
        row_count = 0
        paths = (self.checksums_path(epoch), self.path(epoch))
        with self._lock, storage_errors(self.folder), replacing_whole_files(*paths) as (checksums, fd):
            for block in blocks:
                rows = checked_vectors(block, dimension=self.dimension, zero_allowed=True)
                write_all(fd, rows.data, self._offset(row_count))
                write_all(checksums, checksums_of(rows).data, row_count * CHECKSUM_BYTES)
                row_count += len(rows)
            write_all(fd, encode_header(row_count, self.dimension), 0)
        return row_count

    def remove_epoch(self, epoch: int) -> None:
        """Remove the files of an epoch, and what a crash left of its writing, if they are there."""
        with self._lock, storage_errors(self.folder):
            for path in (self.path(epoch), self.checksums_path(epoch)):
                path.unlink(missing_ok=True)
                partial_path(path).unlink(missing_ok=True)
            fsync_dir(self.folder)

    def check(self, *, epoch: int) -> list[Problem]:
        """Read everything and return what is wrong: `file_damaged` (then nothing else is known), `checksums_missing`,
        and rows that are `not_finite`, `not_unit` or of unit length with a `checksum_mismatch`.

        Cleared rows and an uncommitted tail are no problems. A clear by another process meanwhile may look like
        damage: hold the lock.
        """
        problems: list[Problem] = []
        without_checksum = 0
        try:
            for first in range(0, count := self.row_count(epoch=epoch), CHECK_ROWS):
                found = self.read_rows(range(first, min(first + CHECK_ROWS, count)), epoch=epoch).check()
                problems += found.problems
                without_checksum += found.without_checksum
        except StoreDamaged as error:
            return [Problem("file_damaged", str(error))]
        return problems + missing_checksums(without_checksum)

    def read_rows(self, rows: range, *, epoch: int) -> StoredRows:
        """Copy committed rows and their checksums into memory. Raises StoreDamaged if the file does not have them.

        It takes no lock: what a clear by another process does meanwhile may look like damage, and is none if it is
        read again under the lock.
        """
        with self._reading(self.checksums_path(epoch)) as fd:
            recorded = np.full(len(rows), NO_CHECKSUM, dtype=np.uint32)
            if fd is not None:
                recorded = read_checksums(fd, rows.start, len(rows))
        vectors = np.empty((len(rows), self.dimension), dtype=np.float32)
        with self._reading(self.path(epoch)) as fd:
            if fd is None or os.preadv(fd, [vectors.data.cast("B")], self._offset(rows.start)) < vectors.nbytes:
                raise self._damaged(epoch, _too_short(rows.stop))
        return StoredRows(rows.start, vectors, recorded)

    def write_missing_checksums(self, *, epoch: int, rows: range | None = None) -> int:
        """Record a checksum for each of these rows (all committed ones by default) that has none and is finite and of
        unit length; return how many these were.

        It vouches for what is there now: `check` first. Raises like `append`.
        """
        count = 0
        with self._writing(epoch) as files:
            committed = self._committed_rows(files.rows, epoch)
            wanted = range(committed) if rows is None else range(rows.start, min(rows.stop, committed))
            for first in range(wanted.start, wanted.stop, CHECK_ROWS):
                part = self.read_rows(range(first, min(first + CHECK_ROWS, wanted.stop)), epoch=epoch)
                unvouched = (part.recorded == NO_CHECKSUM) & are_unit(lengths(part.vectors))
                if unvouched.any():
                    part.recorded[unvouched] = checksums_of(part.vectors[unvouched])
                    write_all(files.checksums, part.recorded.data, first * CHECKSUM_BYTES)
                    count += int(unvouched.sum())
            crash_point("after_missing_checksums_before_sync")
            fdatasync(files.checksums)
        return count

    def restore_header(self, *, epoch: int, row_count: int) -> int:
        """Make a damaged or missing file readable again and return how many rows it has now.

        These are the `row_count` that the database counts, or as many as the file still holds. A file that can be read
        is left as it is. Afterwards `check` finds rows that are damaged themselves. Raises StoreDamaged for a file of
        another dimension, which is whole but belongs to another encoder.
        """
        with self._writing(epoch, create=True) as files:
            try:
                return self._committed_rows(files.rows, epoch)
            except StoreDamaged:
                if self._has_other_dimension(files.rows):
                    raise
            held = (os.fstat(files.rows).st_size - HEADER_BYTES) // (self.dimension * 4)
            kept = max(0, min(row_count, held))
            write_all(files.rows, encode_header(kept, self.dimension), 0)
            crash_point("after_restored_header_before_sync")
            fdatasync(files.rows)
            return kept

    @contextmanager
    def _reading(self, path: Path) -> Iterator[int | None]:
        """Yield a descriptor, or None when the epoch has no such file."""
        try:
            with storage_errors(path):
                fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            yield None
            return
        try:
            yield fd
        finally:
            os.close(fd)

    @contextmanager
    def _writing(self, epoch: int, *, create: bool = False) -> Iterator[_Files]:
        path = self.path(epoch)
        with self._lock, storage_errors(self.folder):
            if not path.exists():
                if not create:
                    raise self._damaged(epoch, Phrase(gettext_noop("it does not exist")))
                make_folder(self.folder)
                self.write_epoch(epoch, [])
            with opened(path, os.O_RDWR) as rows, opened_or_created(self.checksums_path(epoch)) as checksums:
                yield _Files(rows, checksums)

    def _append(self, files: _Files, first: int, rows: Vectors) -> None:
        if first == 0:
            fsync_dir(self.folder)  # a crash may have left the files in place without it
        self._cut(files, first)  # a tail that a crash left must not end up among the new rows
        crash_point("after_cut_before_rows")
        try:
            write_all(files.rows, rows.data, self._offset(first))
            crash_point("after_rows_before_checksums")
            write_all(files.checksums, checksums_of(rows).data, first * CHECKSUM_BYTES)
            crash_point("after_checksums_before_sync")
            fdatasync(files.checksums)  # both must be on disk before the header counts them
            crash_point("after_checksums_sync_before_rows_sync")
            fdatasync(files.rows)
        except OSError:
            with suppress(OSError):
                self._cut(files, first)  # gives the space of a half-written batch back
            raise
        crash_point("after_sync_before_header")
        write_all(files.rows, encode_header(first + len(rows), self.dimension), 0)
        crash_point("after_header_before_sync")
        fdatasync(files.rows)
        crash_point("after_header_sync")

    def _cut(self, files: _Files, row_count: int) -> None:
        """Give both files exactly this many rows; checksums that an older epoch never had become a hole."""
        os.ftruncate(files.rows, self._offset(row_count))
        os.ftruncate(files.checksums, row_count * CHECKSUM_BYTES)

    def _check_present(self, files: _Files, rows: Sequence[int] | Rows, epoch: int) -> None:
        committed = self._committed_rows(files.rows, epoch)
        if min(rows) < 0 or max(rows) >= committed:
            raise self._damaged(
                epoch,
                Phrase(gettext_noop("it has %(rows)s rows, so there is no row %(row)s"), rows=committed, row=max(rows)),
            )

    def _committed_rows(self, fd: int, epoch: int) -> int:
        """Return the header's count, after checking that the file really has those rows. Raises StoreDamaged."""
        try:
            row_count, dimension = decode_header(steady_header(fd))
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
            raise self._damaged(epoch, _too_short(row_count))
        return row_count

    def _has_other_dimension(self, fd: int) -> bool:
        try:
            return decode_header(steady_header(fd))[1] != self.dimension
        except ValueError:
            return False

    def _offset(self, row: int) -> int:
        return HEADER_BYTES + row * self.dimension * 4

    def _damaged(self, epoch: int, reason: str) -> StoreDamaged:
        return StoreDamaged(path=str(self.path(epoch)), reason=reason)


def _too_short(row_count: int) -> Phrase:
    return Phrase(gettext_noop("it is too short for the %(rows)s rows that its header counts"), rows=row_count)
