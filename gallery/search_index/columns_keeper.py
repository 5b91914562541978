"""The columns of this process, as new as whoever asks has seen the database."""

import itertools
import logging
import threading

from django.db import DatabaseError, connection

from gallery.models import AccessState, IndexState
from gallery.vectors.columns.columns import Columns

from .column_loading import load_all
from .known_columns import Known

SMALL_ROWS = 20_000  # so many are read at once by whoever needs them
SERIALS_APART = 2**40  # more than changes that are ever made to columns that were read once

logger = logging.getLogger(__name__)


class ColumnsKeeper:
    """Holds the newest columns. Nobody waits for a large library to be read: until then the database answers."""

    def __init__(self) -> None:
        self._known: Known | None = None
        self._serials = itertools.count(1)
        self._updating = threading.Lock()
        self._builder: threading.Thread | None = None

    def current(self, access: AccessState, state: IndexState) -> Known | None:
        """Return columns that are not older than these versions; None where the database must be asked."""
        if connection.in_atomic_block or not state.has_encoder:  # what is read may be rolled back
            return None
        known = self._known
        if known is not None and known.is_of(access, state):
            return known
        with self._updating:
            self._known = self._newest(self._known)
            return self._known

    def _newest(self, known: Known | None) -> Known | None:
        access, state = AccessState.objects.current(), IndexState.objects.current()
        if known is not None and not known.is_of(access, state):
            known = known.brought_up(access, state)
        if known is None and state.row_count <= SMALL_ROWS:
            known = self._read_all()
        if known is None:
            self._begin_to_build()
        return known

    def _read_all(self) -> Known | None:
        """Read the whole library; None if it moved to another epoch meanwhile."""
        access, state = AccessState.objects.current(), IndexState.objects.current()  # before all that is read
        table = load_all(state.row_count)
        if IndexState.objects.current().epoch != state.epoch:
            return None
        return Known(
            Columns.of(table),
            epoch=state.epoch,
            access_version=access.version,
            index_version=state.version,
            indexed_rows=state.row_count,
            serial=next(self._serials) * SERIALS_APART,
        )

    def _begin_to_build(self) -> None:
        if self._builder is None or not self._builder.is_alive():
            self._builder = threading.Thread(target=self._build, name="columns", daemon=True)
            self._builder.start()

    def _build(self) -> None:
        try:
            known = self._read_all()
            if known is not None:
                with self._updating:
                    self._known = known
        except DatabaseError:
            logger.exception("The columns could not be read; the database answers meanwhile.")
        finally:
            connection.close()
