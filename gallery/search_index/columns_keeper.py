"""The columns of this process, as new as whoever asks has seen the database."""

import hashlib
import itertools
import logging
import threading
import time
from dataclasses import replace
from functools import cached_property

from django.db import DatabaseError, connection

from gallery.conf import gallery
from gallery.durable.file_lock import FileLock
from gallery.errors import StorageFull, StorageNotWritable, StoreBusy
from gallery.models import AccessState, IndexState
from gallery.vectors.columns.columns import Columns
from gallery.vectors.columns.columns_file import ColumnsFile, Stamp
from gallery.vectors.columns.table import Table
from gallery.vectors.kernels.column_loops import column_loops
from gallery.vectors.unit_vectors import Ids

from .column_loading import load_all
from .image_columns import SHAPE
from .known_columns import MOST_CHANGED, Known

SMALL_ROWS = 20_000  # so many are read at once by whoever needs them, and are in no file
SERIALS_APART = 2**40  # more than changes that are ever made to columns that were read once
NO_VERSION = 0  # of an index: what has changed since is looked for
SECONDS_BETWEEN_TRIES = 1.0  # at a file that another process may be writing
SECONDS_AFTER_FAILURE = 60.0  # a full disk is still full a second later, and all is read before that is seen
ORIGIN = hashlib.sha256(SHAPE.encode()).hexdigest()[:16]

logger = logging.getLogger(__name__)


class ColumnsKeeper:
    """Holds the newest columns, of which readers get a view that never changes.

    **Small libraries** are read from the database by whoever asks first, and kept in the memory of the process.

    **Large ones** lie in a file that all processes map. Whoever finds none, or one that the change log does not lead
    from to the present, starts a thread that reads the database and writes one; meanwhile the database answers. One
    process at a time writes; it holds a lock that the kernel frees. A crash leaves the file that was there, or the new
    one. The file says at which version it was read, before anything of it was; what changed since is read again, row by
    row, and kept beside it as a patch, in each process. Where the patch has grown, a thread writes a new file. Whoever
    moves the index to another epoch leaves a file in that one's order before, so that nobody has to read anew.

    The file is a cache: deleting it, or restoring an old one, is safe. A database that was restored has other versions
    than the file or, once it has come to the same ones, another mark or another last picture.
    """

    def __init__(self) -> None:
        self._known: Known | None = None
        self._updating = threading.Lock()
        self._writer: threading.Thread | None = None
        self._serials = itertools.count(1)
        self._try_again_at = 0.0

    def current(self, access: AccessState, *, epoch: int, index_version: int) -> Known | None:
        """Return columns that are not older than these versions; None where the database must be asked."""
        if connection.in_atomic_block or index_version == 0:  # what is read may be rolled back; nothing is indexed
            return None
        known = self._known
        if known is None or not known.is_of(access, epoch=epoch, index_version=index_version):
            with self._updating:
                known = self._known = self._newest(self._known)
        return known if known is not None and known.epoch == epoch else None

    def forget(self, epoch: int) -> None:
        """Have the columns read anew: remove the file, also what a thread of this process is just writing."""
        if self._writer is not None:
            self._writer.join()
        with self._updating:
            self._file.remove(epoch)
            self._known, self._try_again_at = None, 0.0

    def _newest(self, known: Known | None) -> Known | None:
        access, state = AccessState.objects.current(), IndexState.objects.current()
        if known is not None and not known.is_of(access, epoch=state.epoch, index_version=state.version):
            known = known.brought_up(access, state)
        if state.row_count <= SMALL_ROWS:
            return self._read_database() if known is None else _in_one(known) if known.is_much_patched else known
        if (known is None or known.is_much_patched) and self._may_try():
            known = known or self._from_file()
            if known is None or known.is_much_patched:
                self._begin_to_write(known)
        return known

    def _may_try(self) -> bool:
        """Say whether to look for a file again, or write one: nobody else here does, and not in every request."""
        if self._is_writing or time.monotonic() < self._try_again_at:
            return False
        self._try_again_at = time.monotonic() + SECONDS_BETWEEN_TRIES
        return True

    def _read_database(self) -> Known | None:
        """Read the whole library; None if it moved to another epoch meanwhile."""
        access, state = AccessState.objects.current(), IndexState.objects.current()  # before all that is read
        table = load_all(state.row_count)
        if IndexState.objects.current().epoch != state.epoch:
            return None
        stamp = Stamp(state.epoch, access.version, state.version, ORIGIN, access.mark)
        return self._known_of(table, stamp, state.row_count)

    def _from_file(self) -> Known | None:
        """Return the present columns, on the base that lies in the file; None where it does not lead to them."""
        column_loops(gallery().machine_code_dir)  # where their code is kept; questions about columns only use them
        access, state = AccessState.objects.current(), IndexState.objects.current()
        try:
            stored = self._file.read(state.epoch)
        except (StorageNotWritable, OSError) as error:
            logger.warning("The file of columns cannot be read: %s", error)
            return None
        if stored is None or stored.stamp.origin != ORIGIN:
            return None
        known = self._known_of(stored.table, stored.stamp, stored.table.row_count)
        is_present = known.is_of(access, epoch=state.epoch, index_version=state.version)
        if is_present:
            return known if known.ends_as_the_index() else None
        return known.brought_up(access, state)

    def _known_of(self, table: Table, stamp: Stamp, indexed_rows: int) -> Known:
        return Known(
            Columns.of(table),
            epoch=stamp.epoch,
            access_version=stamp.access_version,
            access_mark=stamp.access_mark,
            index_version=stamp.index_version,
            indexed_rows=indexed_rows,
            serial=next(self._serials) * SERIALS_APART,
        )

    # Writing

    @property
    def _is_writing(self) -> bool:
        return self._writer is not None and self._writer.is_alive()

    def _begin_to_write(self, known: Known | None) -> None:
        self._writer = threading.Thread(target=self._write, args=[known], name="columns", daemon=True)
        self._writer.start()

    def _write(self, known: Known | None) -> None:
        """Go on from a new file, that of another process or one that is made of what is known, else read anew."""
        self._try_again_at = time.monotonic() + SECONDS_AFTER_FAILURE
        try:
            with self._lock:
                on_file = self._from_file()
                if on_file is None or on_file.is_much_patched:
                    self._write_file(known or self._read_database())
            with self._updating:
                self._known = self._from_file()
            self._try_again_at = 0.0
        except StoreBusy:  # another process writes one
            self._try_again_at = time.monotonic() + SECONDS_BETWEEN_TRIES
        except (StorageFull, StorageNotWritable, OSError) as error:
            logger.warning("The database answers what columns could: %s", error)
        except DatabaseError:
            logger.exception("The columns could not be read; the database answers meanwhile.")
        finally:
            connection.close()

    def _write_file(self, known: Known | None) -> None:
        if known is not None:
            stamp = Stamp(known.epoch, known.access_version, known.index_version, ORIGIN, known.access_mark)
            self._file.write(_in_one(known).columns.base, stamp=stamp)

    def write_ahead(self, epoch: int, ids: Ids) -> None:
        """Put what is known in the order of an epoch that the index is about to move to. Hold the writer lock.

        `ids` (n,) says whose each row will be. Pictures that have no row in the present epoch are nobody's in the file:
        whoever moves the index notes them in the change log, which leads on from it. Where no file can be made, that of
        the next epoch is read from the database after the move.
        """
        self._file.remove(epoch)  # of a move that did not come to pass, perhaps in another order
        if len(ids) <= SMALL_ROWS:
            return
        try:
            with self._lock:
                known = self._from_file()
                if known is not None:
                    self._write_in_order(known, epoch, ids)
        except StoreBusy:
            logger.info("Another process writes columns: those of epoch %d are read anew.", epoch)
        except (StorageFull, StorageNotWritable, OSError) as error:
            logger.warning("The columns of epoch %d are read anew: %s", epoch, error)

    def _write_in_order(self, known: Known, epoch: int, ids: Ids) -> None:
        columns, missing = known.columns.renumbered(ids)
        if len(missing) <= MOST_CHANGED:  # else the log does not lead on
            stamp = Stamp(epoch, known.access_version, NO_VERSION, ORIGIN, known.access_mark)
            self._file.write(columns.base, stamp=stamp)

    @property
    def _file(self) -> ColumnsFile:
        return ColumnsFile(gallery().vectors_dir)

    @cached_property
    def _lock(self) -> FileLock:
        return FileLock(gallery().vectors_dir / "columns.lock", timeout_seconds=0)


def _in_one(known: Known) -> Known:
    """Return the same without a patch."""
    return replace(known, columns=Columns.of(known.columns.merged())) if known.is_patched else known
