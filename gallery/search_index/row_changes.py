"""What the database says of rows, changed: which pictures have them, and who leaves them."""

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

from django.db import connection, transaction

from gallery.encoders.base import Encoder
from gallery.errors import StoreDamaged
from gallery.models import AccessChange, Image, IndexState
from gallery.models.access_change import RowOfImage
from gallery.vectors.store import VectorStore
from gallery.vectors.unit_vectors import Ids

from .checking import lost_rows
from .files import IndexFiles, batches, outlive_half_commits

UPDATE_BATCH = 1_000  # rows per statement: SQLite may allow no more than 32,766 variables in one

Beside = Callable[[Sequence[int]], None]  # is called with ids of images, in the transaction that gives them rows


def nothing_beside(_image_ids: Sequence[int]) -> None:
    pass


class RowChanges:
    """The writer lock of the index, and changes that are part of a transaction of whoever holds it."""

    _files: IndexFiles

    @contextmanager
    def _writing(self, encoder: Encoder) -> Iterator[tuple[VectorStore, int]]:
        """Hold the writer lock of the current epoch, whose encoder is `encoder`, adopting it for an empty index."""
        store = self._files.store(encoder.dimension)
        with store.lock():
            with transaction.atomic(durable=True):
                state = IndexState.objects.locked()
                if not state.has_encoder:
                    state.encoder_key, state.dimension = encoder.key, encoder.dimension
                    state.save()
            encoder.key.require_same(state.encoder_key)
            self._settle(store, state)
            yield store, state.epoch

    def _settle(self, store: VectorStore, state: IndexState) -> None:
        """Clear the rows that a crash before the database's commit left. Raises StoreDamaged if the file has lost rows:
        new ones would take the numbers of those that pictures still refer to.
        """
        if lost := lost_rows(store, state):
            raise StoreDamaged(path=str(store.path(state.epoch)), reason=lost[0].detail)
        if orphans := range(state.row_count, store.row_count(epoch=state.epoch)):
            outlive_half_commits()
            self._files.clear(store, state.epoch, orphans)

    def _rows_of(self, image_ids: list[int]) -> list[RowOfImage]:
        found = (Image.objects.filter(pk__in=some) for some in batches(image_ids, UPDATE_BATCH))
        return [(row, image_id) for images in found for row, image_id in images.rows().tolist()]

    def _move_to(self, epoch: int, ids: Ids) -> None:
        with transaction.atomic(durable=True):
            Image.objects.searchable().update(embedding_row=None)
            self._point((int(image_id), row) for row, image_id in enumerate(ids))
            state = self._bump(row_count=len(ids))
            state.epoch = epoch
            state.save()

    def _point(self, pairs: Iterable[tuple[int, int]]) -> None:
        """Set the rows of pictures, (id, row) each, in constant memory: a rebuild sets those of the whole library."""
        table = connection.ops.quote_name(Image._meta.db_table)
        statement = f"UPDATE {table} SET embedding_row = %s WHERE id = %s"  # noqa: S608 -- a name of our own
        turned = ((row, image_id) for image_id, row in pairs)
        with connection.cursor() as cursor:
            while some := list(itertools.islice(turned, UPDATE_BATCH)):
                cursor.executemany(statement, some)

    def _leave_rows(self, leaving: list[RowOfImage], *, row_count: int | None = None) -> None:
        """Note that pictures have left their rows: a remembered mask must not find the pictures there until the rows
        are cleared, nor others whose rows these will be.
        """
        AccessChange.objects.note_departure(leaving)
        self._bump(row_count=row_count)

    def _bump(self, *, row_count: int | None = None) -> IndexState:
        state = IndexState.objects.locked()
        state.version += 1
        if row_count is not None:
            state.row_count = row_count
        state.save()
        return state
