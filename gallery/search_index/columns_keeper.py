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

from .column_loading import load_all
from .image_columns import SHAPE
from .known_columns import Known

SMALL_ROWS = 20_000  # so many are read at once by whoever needs them, and are in no file
MOST_PATCHED = 10_000  # rows beside the base, before a new base is written
SERIALS_APART = 2**40  # more than changes that are ever made to columns that were read once
SECONDS_BETWEEN_TRIES = 1.0  # at a file that another process may be writing
ORIGIN = hashlib.sha256(SHAPE.encode()).hexdigest()[:16]

logger = logging.getLogger(__name__)


class ColumnsKeeper:
    """Holds the newest columns, of which readers get a view that never changes.

    **Small libraries** are read from the database by whoever asks first, and kept in the memory of the process.

    **Large ones** lie in a file that all processes map. Whoever finds none, or one that the change log does not lead
    from to the present, starts a thread that reads the database and writes one; meanwhile the database answers. One
    process at a time writes; it holds a lock that the kernel frees. A crash leaves the file that was there, or the new
    one. The file says at which version it was read, before anything of it was; what changed since is read again, row by
    row, and kept beside it as a patch, in each process. Where the patch has grown, a thread writes a new file.

    The file is a cache: deleting it, or restoring an old one, is safe. A database that was restored has other versions
    than the file, or lacks the log entries that lead on from it.
    """

    def __init__(self) -> None:
        self._known: Known | None = None
        self._updating = threading.Lock()
        self._writer: threading.Thread | None = None
        self._serials = itertools.count(1)
        self._tried_at = -SECONDS_BETWEEN_TRIES

    def current(self, access: AccessState, *, epoch: int, index_version: int) -> Known | None:
        """Return columns that are not older than these versions; None where the database must be asked."""
        if connection.in_atomic_block or index_version == 0:  # what is read may be rolled back; nothing is indexed
            return None
        known = self._known
        if known is None or not known.is_of(access, epoch=epoch, index_version=index_version):
            with self._updating:
                known = self._known = self._newest(self._known)
        return known if known is not None and known.epoch == epoch else None

    def _newest(self, known: Known | None) -> Known | None:
        access, state = AccessState.objects.current(), IndexState.objects.current()
        if known is not None and not known.is_of(access, epoch=state.epoch, index_version=state.version):
            known = known.brought_up(access, state)
        if known is None:
            known = self._read_now(access, state)
        if known is None or (known.is_mapped and len(known.columns.patch_rows) > MOST_PATCHED):
            self._begin_to_write(known)
        return known

    def _read_now(self, access: AccessState, state: IndexState) -> Known | None:
        """Return columns where that takes no time worth mentioning."""
        if state.row_count <= SMALL_ROWS:
            return self._read_database()
        if self._is_writing or time.monotonic() - self._tried_at < SECONDS_BETWEEN_TRIES:
            return None
        self._tried_at = time.monotonic()
        known = self._read_file(state.epoch)
        return None if known is None else known.brought_up(access, state)

    def _read_database(self) -> Known | None:
        """Read the whole library; None if it moved to another epoch meanwhile."""
        access, state = AccessState.objects.current(), IndexState.objects.current()  # before all that is read
        table = load_all(state.row_count)
        if IndexState.objects.current().epoch != state.epoch:
            return None
        return self._known_of(table, _stamp(state.epoch, access.version, state.version), state.row_count)

    def _read_file(self, epoch: int) -> Known | None:
        stored = self._file.read(epoch)
        if stored is None or stored.stamp.origin != ORIGIN:
            return None
        return replace(self._known_of(stored.table, stored.stamp, stored.table.row_count), is_mapped=True)

    def _known_of(self, table: Table, stamp: Stamp, indexed_rows: int) -> Known:
        return Known(
            Columns.of(table),
            epoch=stamp.epoch,
            access_version=stamp.access_version,
            index_version=stamp.index_version,
            indexed_rows=indexed_rows,
            serial=next(self._serials) * SERIALS_APART,
        )

    # Writing

    @property
    def _is_writing(self) -> bool:
        return self._writer is not None and self._writer.is_alive()

    def _begin_to_write(self, known: Known | None) -> None:
        if not self._is_writing:
            self._writer = threading.Thread(target=self._write, args=[known], name="columns", daemon=True)
            self._writer.start()

    def _write(self, known: Known | None) -> None:
        """Write a new file from what is known, else from the database, and go on from it."""
        try:
            with self._lock:
                self._write_file(known)
            self._go_on_from_file()
        except StoreBusy:
            return  # another process writes one
        except (StorageFull, StorageNotWritable) as error:
            logger.warning("The columns stay in the memory of this process: %s", error)
        except DatabaseError:
            logger.exception("The columns could not be read; the database answers meanwhile.")
        finally:
            connection.close()

    def _write_file(self, known: Known | None) -> None:
        newest = known or self._read_database()
        if newest is None:
            return
        stamp = _stamp(newest.epoch, newest.access_version, newest.index_version)
        self._file.write(newest.columns.merged(), stamp=stamp)

    def _go_on_from_file(self) -> None:
        with self._updating:
            access, state = AccessState.objects.current(), IndexState.objects.current()
            known = self._read_file(state.epoch)
            self._known = None if known is None else known.brought_up(access, state)

    @property
    def _file(self) -> ColumnsFile:
        return ColumnsFile(gallery().vectors_dir)

    @cached_property
    def _lock(self) -> FileLock:
        return FileLock(gallery().vectors_dir / "columns.lock", timeout_seconds=0)


def _stamp(epoch: int, access_version: int, index_version: int) -> Stamp:
    return Stamp(epoch, access_version, index_version, ORIGIN)
