"""The one index of this process: joins vectors to image ids. Row numbers never leave this file.

Lock order, always: the store's file lock first, the database transaction second. File first, database second when
something is added; the other way round when something is taken away. So a crash leaves vectors that no picture refers
to, never a picture that refers to a missing vector.
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from django.db import transaction

from gallery.conf import gallery
from gallery.encoders.base import Encoder, Vectors
from gallery.errors import EncoderMismatch, StoreDamaged
from gallery.models import Image, IndexState
from gallery.vectors.engines.base import NO_ID, Hits
from gallery.vectors.engines.exact import ExactEngine
from gallery.vectors.files import FileLock
from gallery.vectors.store import Problem, VectorStore
from gallery.vectors.unit_vectors import Ids

UPDATE_BATCH = 1_000  # rows per UPDATE: SQLite allows 32,766 variables in one statement


@dataclass(frozen=True)
class View:
    """One committed version of the index as this process sees it."""

    epoch: int
    version: int
    engine: ExactEngine
    matrix: Vectors
    ids: Ids  # (rows,): the image of each row, NO_ID where there is none

    @cached_property
    def _order(self) -> Ids:
        return np.argsort(self.ids, kind="stable")

    def rows_of(self, image_ids: Ids) -> Ids:
        """Return the row of each id, -1 for one that has none."""
        if not len(self.ids):
            return np.full(len(image_ids), -1)
        places = np.searchsorted(self.ids, image_ids, sorter=self._order)
        rows = self._order[np.minimum(places, len(self.ids) - 1)]
        return np.where(self.ids[rows] == image_ids, rows, -1)


Blocks = Iterable[tuple[Ids, Vectors]]


class SearchIndex:
    """Finds the pictures nearest to a vector, among those that are allowed; adds, removes and rebuilds."""

    def __init__(self) -> None:
        self._view: View | None = None
        self._refresh = threading.Lock()
        self._stores: dict[int, VectorStore] = {}

    # Reading

    def search(self, queries: Vectors, k: int, allowed: Ids | None = None) -> Hits:
        """Return the `k` best image ids for each of `queries` (n, dimension), only ids in `allowed` if given.

        `allowed` is sorted and without repeats. Every hit that exists and is allowed counts: k come back if k exist.
        """
        view = self._current_view()
        return Hits.none(len(queries)) if view is None else view.engine.search(queries, k, allowed=allowed)

    def vectors(self, image_ids: Sequence[int]) -> tuple[Ids, Vectors]:
        """Return the ids that are embedded, in the order given, and their vectors: (n,) and (n, dimension)."""
        view = self._current_view()
        ids = np.asarray(image_ids, dtype=np.int64)
        if view is None:
            return ids[:0], np.empty((0, 0), dtype=np.float32)
        rows = view.rows_of(ids)
        found = rows >= 0
        return ids[found], view.matrix[rows[found]]

    def _current_view(self) -> View | None:
        """Return what is committed now, mapping again only when the version has moved. None: nothing is indexed."""
        state = IndexState.objects.current()
        if not state.has_encoder:
            return None
        view = self._view
        if view is not None and (view.epoch, view.version) == (state.epoch, state.version):
            return view
        with self._refresh:
            self._view = self._load_view()
            return self._view

    def _load_view(self) -> View:
        """Read rows, file and version until they belong together: a writer may commit between two of the reads."""
        while True:
            state = IndexState.objects.current()
            try:
                view = self._view_of(state)
            except StoreDamaged:
                if IndexState.objects.current().version == state.version:
                    raise
                continue  # the epoch moved on and its file is gone: look again
            if IndexState.objects.current().version == state.version:
                return view

    def _view_of(self, state: IndexState) -> View:
        pairs = Image.objects.rows()
        row_count = int(pairs[-1, 0]) + 1 if len(pairs) else 0
        matrix = self._store(state).read(epoch=state.epoch, row_count=row_count)
        ids = np.full(row_count, NO_ID, dtype=np.int64)
        ids[pairs[:, 0]] = pairs[:, 1]
        engine = ExactEngine(state.dimension)
        engine.replace(matrix=matrix, ids=ids)
        return View(state.epoch, state.version, engine, matrix, ids)

    # Writing

    def add(self, image_ids: Sequence[int], vectors: Vectors, *, encoder: Encoder) -> int:
        """Commit the vectors of those pictures that still wait for one; return how many that were.

        Raises EncoderMismatch, InvalidVector (nothing is added), StoreBusy, StorageFull, StorageNotWritable.
        """
        with self._writing(encoder) as (store, epoch):
            waiting = set(Image.objects.pending().filter(pk__in=image_ids).values_list("pk", flat=True))
            places = [place for place, image_id in enumerate(image_ids) if image_id in waiting]
            if not places:
                return 0
            ids = [image_ids[place] for place in places]
            rows = store.append(vectors[places], epoch=epoch, image_ids=ids)
            with transaction.atomic(durable=True):
                self._point(zip(ids, rows, strict=True))
                self._bump(row_count=rows.stop)
        return len(places)

    @contextmanager
    def removing(self, image_ids: Iterable[int]) -> Iterator[None]:
        """Run the body, which forgets these pictures or their embeddings, and the version change in one transaction.

        Afterwards their vectors are overwritten with zeros.
        """
        state = IndexState.objects.current()
        if not state.has_encoder:
            with transaction.atomic(durable=True):
                yield
            return
        store = self._store(state)
        with store.lock():
            ids = list(image_ids)
            with transaction.atomic(durable=True):
                rows = self._rows_of(ids)
                yield
                Image.objects.filter(pk__in=ids).update(embedding_row=None)
                state = self._bump()
            store.clear(rows, epoch=state.epoch)

    def rebuild(self, blocks: Callable[[Ids], Blocks], *, encoder: Encoder | None = None) -> int:
        """Write a new epoch from `blocks` and move to it in one transaction; return its row count.

        `blocks` is called with the embedded image ids in row order and yields (ids, vectors) for them; with `encoder`
        they are of that encoder, otherwise of the present one. Searches go on in the old epoch meanwhile; pictures
        that are embedded or deleted meanwhile are sorted out under the lock at the end.
        """
        state = IndexState.objects.current()
        dimension = encoder.dimension if encoder else state.dimension
        store = self._store_of(dimension)
        written: list[Ids] = []

        def remembered(pairs: Blocks) -> Iterator[Vectors]:
            for ids, vectors in pairs:
                written.append(ids)
                yield vectors

        with FileLock(gallery().locks_dir / "rebuild.lock", timeout_seconds=gallery().lock_timeout_seconds):
            epoch = IndexState.objects.current().epoch + 1
            with store.lock():
                store.write_epoch(epoch, remembered(blocks(Image.objects.rows()[:, 1])))
                self._move_to(epoch, np.concatenate([*written, np.empty(0, dtype=np.int64)]), encoder, dimension)
            store.remove_epoch(epoch - 1)
        return IndexState.objects.current().row_count

    def _move_to(self, epoch: int, ids: Ids, encoder: Encoder | None, dimension: int) -> None:
        with transaction.atomic(durable=True):
            Image.objects.searchable().update(embedding_row=None)
            self._point((int(image_id), row) for row, image_id in enumerate(ids))
            state = self._bump(row_count=len(ids))
            state.epoch, state.dimension = epoch, dimension
            if encoder is not None:
                state.encoder_id, state.encoder_revision = encoder.id, encoder.revision
            state.save()

    # Checking

    def problems(self) -> list[Problem]:
        """Return what is wrong between the file and the database: damaged file or rows, missing or orphan vectors."""
        state = IndexState.objects.current()
        if not state.has_encoder:
            return []
        store = self._store(state)
        with store.lock():
            problems = store.check(epoch=state.epoch)
            if any(problem.row is None for problem in problems):
                return problems
            pairs = Image.objects.rows()
            matrix = store.read(epoch=state.epoch)
            return problems + _missing(pairs, matrix) + _orphans(pairs, matrix)

    def forget_rows(self, rows: Sequence[int]) -> int:
        """Send the pictures of these rows back to the queue and clear the rows; return how many pictures that were."""
        ids = list(Image.objects.filter(embedding_row__in=rows).values_list("pk", flat=True))
        with self.removing(ids):
            pass
        self._clear_orphans(rows)
        return len(ids)

    def forget_everything(self) -> int:
        """Send every picture back to the queue, in a new epoch without rows: for a file that cannot be read."""
        return self.rebuild(lambda _ids: ())

    def _clear_orphans(self, rows: Sequence[int]) -> None:
        state = IndexState.objects.current()
        store = self._store(state)
        with store.lock():
            committed = store.row_count(epoch=state.epoch)
            store.clear([row for row in rows if row < committed], epoch=state.epoch)

    # Inside

    @contextmanager
    def _writing(self, encoder: Encoder) -> Iterator[tuple[VectorStore, int]]:
        """Hold the writer lock of the current epoch, whose encoder is `encoder`, adopting it for an empty index."""
        store = self._store_of(encoder.dimension)
        with store.lock():
            with transaction.atomic(durable=True):
                state = IndexState.objects.locked()
                if not state.has_encoder:
                    state.encoder_id, state.encoder_revision = encoder.id, encoder.revision
                    state.dimension = encoder.dimension
                    state.save()
            if (state.encoder_id, state.encoder_revision) != (encoder.id, encoder.revision):
                raise EncoderMismatch(index_encoder=state.encoder_id, encoder=encoder.id, encoder_name=encoder.id)
            yield store, state.epoch

    def _store(self, state: IndexState) -> VectorStore:
        return self._store_of(state.dimension)

    def _store_of(self, dimension: int) -> VectorStore:
        """Return the process's one store of this dimension: its lock must be one object."""
        settings = gallery()
        if dimension not in self._stores:
            self._stores[dimension] = VectorStore(
                settings.vectors_dir, dimension=dimension, lock_timeout_seconds=settings.lock_timeout_seconds
            )
        return self._stores[dimension]

    def _rows_of(self, image_ids: list[int]) -> list[int]:
        found = Image.objects.searchable().filter(pk__in=image_ids)
        return [row for row in found.values_list("embedding_row", flat=True) if row is not None]

    def _point(self, pairs: Iterable[tuple[int, int]]) -> None:
        images = [Image(pk=image_id, embedding_row=row) for image_id, row in pairs]
        Image.objects.bulk_update(images, ["embedding_row"], batch_size=UPDATE_BATCH)

    def _bump(self, *, row_count: int | None = None) -> IndexState:
        state = IndexState.objects.locked()
        state.version += 1
        if row_count is not None:
            state.row_count = row_count
        state.save()
        return state


def _missing(pairs: Ids, matrix: Vectors) -> list[Problem]:
    """Rows that a picture refers to but that are beyond the file or hold zeros."""
    problems = []
    for row, image_id in pairs:
        if row >= len(matrix):
            problems.append(Problem("vector_missing", f"Picture {image_id} has row {row}, beyond the file.", int(row)))
        elif not matrix[row].any():
            problems.append(Problem("vector_missing", f"Picture {image_id} has row {row}, which is empty.", int(row)))
    return problems


def _orphans(pairs: Ids, matrix: Vectors) -> list[Problem]:
    """Rows with a vector that no picture refers to: what a crash between file and database leaves."""
    used = np.zeros(len(matrix), dtype=bool)
    used[pairs[:, 0][pairs[:, 0] < len(matrix)]] = True
    return [
        Problem("orphan_vector", f"Row {row} belongs to no picture.", int(row))
        for row in np.flatnonzero(~used)
        if matrix[row].any()
    ]


_index: SearchIndex | None = None
_index_lock = threading.Lock()


def search_index() -> SearchIndex:
    """Return this process's index. Opens no file until it is used."""
    global _index  # noqa: PLW0603 -- the singleton
    with _index_lock:
        if _index is None:
            _index = SearchIndex()
        return _index


def reset_search_index() -> None:
    """Forget the process's index: for tests that move the data folder."""
    global _index  # noqa: PLW0603 -- the singleton
    with _index_lock:
        _index = None
