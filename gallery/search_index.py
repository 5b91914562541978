"""The one index of this process: joins vectors to image ids. Row numbers never leave this file.

Lock order, always: the store's file lock first, the database transaction second. File first, database second when
something is added; the other way round when something is taken away. So a crash leaves vectors that no picture refers
to, never a picture that refers to a missing vector.
"""

import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from django.db import transaction

from gallery.allowed_rows import AllowedRows
from gallery.conf import gallery
from gallery.encoders.base import Encoder, Vectors
from gallery.errors import EncoderMismatch, StorageFull, StorageNotWritable, StoreBusy, StoreDamaged
from gallery.models import AccessState, Image, ImageQuerySet, IndexState
from gallery.vectors.codes import Codes, CodesFile
from gallery.vectors.engines import make_engine
from gallery.vectors.engines.base import NO_ID, Engine, Hits
from gallery.vectors.files import FileLock, partial_path
from gallery.vectors.store import Problem, VectorStore
from gallery.vectors.unit_vectors import Ids

UPDATE_BATCH = 1_000  # rows per statement: SQLite may allow no more than 32,766 variables in one

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class View:
    """One committed version of the index as this process sees it."""

    epoch: int
    version: int
    engine: Engine
    matrix: Vectors
    codes: Codes

    @property
    def row_count(self) -> int:
        return self.codes.row_count

    def rows_of(self, rows: Ids, image_ids: Ids) -> npt.NDArray[np.bool_]:
        """Return which of these rows are here and are still those of these images."""
        here = rows < self.row_count
        here[here] = self.codes.ids_of(rows[here]) == image_ids[here]
        return here


Blocks = Iterable[tuple[Ids, Vectors]]


class SearchIndex:
    """Finds the pictures nearest to a vector, among those that are allowed; adds, removes and rebuilds."""

    def __init__(self) -> None:
        self._view: View | None = None
        self._refresh = threading.Lock()
        self._stores: dict[int, VectorStore] = {}
        self._allowed = AllowedRows()

    # Reading

    def search(self, queries: Vectors, k: int, allowed: ImageQuerySet | None = None) -> Hits:
        """Return the `k` best image ids for each of `queries` (n, dimension), only of images in `allowed` if given.

        Every hit that exists and is allowed counts: k come back if k exist.
        """
        while True:
            view = self._current_view()
            if view is None:
                return Hits.none(len(queries))
            if allowed is None:
                return view.engine.search(queries, k)
            mask = self._allowed.mask_of(allowed, epoch=view.epoch, row_count=view.row_count)
            if IndexState.objects.current().epoch == view.epoch:  # else the rows may be those of the next epoch
                return view.engine.search(queries, k, allowed=mask)

    def check_readable(self) -> None:
        """Raise StoreDamaged if the vectors could not be read now, also where this process still has them mapped."""
        state = IndexState.objects.current()
        if state.has_encoder:
            self._store(state).read(epoch=state.epoch, row_count=state.row_count)

    def forget_allowed(self) -> None:
        """Ask the database anew which pictures each queryset gives."""
        self._allowed.clear()

    def vectors(self, image_ids: Sequence[int]) -> tuple[Ids, Vectors]:
        """Return the ids that are embedded, in the order given, and their vectors: (n,) and (n, dimension)."""
        view = self._current_view()
        ids = np.asarray(image_ids, dtype=np.int64)
        if view is None:
            return ids[:0], np.empty((0, 0), dtype=np.float32)
        rows = Image.objects.rows_by_id(image_ids)
        known = np.array([image_id for image_id in image_ids if image_id in rows], dtype=np.int64)
        places = np.array([rows[image_id] for image_id in known.tolist()], dtype=np.int64)
        here = view.rows_of(places, known)
        return known[here], view.matrix[places[here]]

    def _current_view(self) -> View | None:
        """Return what is committed now, mapping again only when the version has moved. None: nothing is indexed."""
        state = IndexState.objects.current()
        if not state.has_encoder:
            return None
        if not _is_of(self._view, state):
            with self._refresh:
                if not _is_of(self._view, IndexState.objects.current()):  # another thread may have been first
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
        matrix = self._store(state).read(epoch=state.epoch, row_count=state.row_count)
        codes = self._codes_of(state, matrix)
        engine = self._view.engine if self._view is not None and self._view.epoch == state.epoch else None
        if engine is None or engine.dimension != state.dimension:
            engine = make_engine(gallery().engine, state.dimension, threads=gallery().search_threads)
        engine.serve(matrix, codes)
        return View(state.epoch, state.version, engine, matrix, codes)

    def _codes_of(self, state: IndexState, matrix: Vectors) -> Codes:
        """Map the codes of these rows; where they cannot be read, compute them anew."""
        file, store = self._codes_file(state.epoch, state.dimension), self._store(state)
        with suppress(StoreDamaged):
            return file.read(len(matrix))
        logger.warning("Computing the codes of %d vectors anew.", len(matrix))
        ids = _ids_of_rows(len(matrix))
        try:
            with store.lock():
                if store.path(state.epoch).exists():  # else the epoch is over and nobody would remove the file
                    file.build(matrix, ids)
                    return file.read(len(matrix))
        except (StorageFull, StorageNotWritable, StoreBusy) as error:
            logger.warning("The codes stay in the memory of this process: %s", error)
        return Codes.of(matrix, ids)

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
            self._extend_codes(store, epoch, rows, vectors[places], np.array(ids, dtype=np.int64))
            with transaction.atomic(durable=True):
                # another process may have failed on a picture whose vector is here: the vector wins
                Image.objects.failed().filter(pk__in=ids).update(embed_error="")
                self._point(zip(ids, rows, strict=True))
                self._bump(row_count=rows.stop)
        return len(places)

    @contextmanager
    def removing(self, image_ids: Iterable[int]) -> Iterator[None]:
        """Run the body, which forgets these pictures or their embeddings, and the version change in one transaction.

        Afterwards their vectors are overwritten with zeros.
        """
        ids = list(image_ids)
        with self._current_store() as (store, epoch):
            with transaction.atomic(durable=True):
                rows = self._rows_of(ids)
                yield
                for some in _batches(ids):
                    Image.objects.filter(pk__in=some).update(embedding_row=None)
                self._bump()
            self._clear(store, rows, epoch)

    def rebuild(self, blocks: Callable[[Ids], Blocks], *, encoder: Encoder | None = None) -> int:
        """Write a new epoch from `blocks` and move to it in one transaction; return its row count.

        `blocks` is called with the embedded image ids in row order and yields (ids, vectors) for them; with `encoder`
        they are of that encoder, otherwise of the present one. Searches go on in the old epoch meanwhile; pictures
        that are embedded or deleted meanwhile are sorted out under the lock at the end.
        """
        written: list[Ids] = []

        def remembered(pairs: Blocks) -> Iterator[Vectors]:
            for ids, vectors in pairs:
                written.append(ids)
                yield vectors

        with FileLock(gallery().locks_dir / "rebuild.lock", timeout_seconds=gallery().lock_timeout_seconds):
            state = IndexState.objects.current()
            dimension = encoder.dimension if encoder else state.dimension
            store, epoch = self._store_of(dimension), state.epoch + 1
            with store.lock():
                if encoder is None:
                    _refuse_damaged_rows(store, state.epoch)
                store.write_epoch(epoch, remembered(blocks(Image.objects.rows()[:, 1])))
                ids = np.concatenate([*written, np.empty(0, dtype=np.int64)])
                self._codes_file(epoch, dimension).build(store.read(epoch=epoch), ids)
                self._move_to(epoch, ids, encoder, dimension)
                store.remove_epoch(state.epoch)
                self._codes_file(state.epoch, dimension).remove()
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
        """Return what is wrong between the files and the database.

        `file_damaged` (then nothing is said of single pictures), `not_finite`, `not_unit`, `checksum_mismatch`,
        `vector_missing` and `orphan_vector` rows, `checksums_missing`, and `stale_vectors`: files that a crash left
        beside the current epoch's.
        """
        if not IndexState.objects.current().has_encoder:
            return []
        with self._current_store() as (store, epoch):
            problems = store.check(epoch=epoch)
            if not _is_damaged(problems):
                problems = [*_lost_rows(store, IndexState.objects.current()), *problems]
            if _is_damaged(problems):
                return problems
            pairs = Image.objects.rows()
            filled = np.asarray(store.read(epoch=epoch).any(axis=1))
            stale = [Problem("stale_vectors", path.name) for path in _stale_files(store, epoch)]
            return [*problems, *_missing(pairs, filled), *_orphans(pairs, filled), *stale]

    def restore_file(self) -> int:
        """Make a damaged or missing vector file readable again; return how many pictures lost their row by it.

        They go back to the queue. Rows that are still in the file are kept; `problems` tells which are bad.
        """
        with self._current_store() as (store, epoch):
            try:
                kept = store.restore_header(epoch=epoch, row_count=IndexState.objects.current().row_count)
            except StoreDamaged:  # whole, but of another encoder: nothing in it is of use here
                kept = store.write_epoch(epoch, [])
            with transaction.atomic(durable=True):
                lost = Image.objects.filter(embedding_row__gte=kept).update(embedding_row=None)
                AccessState.objects.bump()  # the numbers of lost rows will be given to other pictures
                self._bump(row_count=kept)
        return lost

    def forget_rows(self, rows: Sequence[int]) -> int:
        """Send the pictures of these rows back to the queue and clear the rows; return how many pictures that were."""
        forgotten = 0
        with self._current_store() as (store, epoch):
            with transaction.atomic(durable=True):
                for some in _batches(rows):
                    forgotten += Image.objects.filter(embedding_row__in=some).update(embedding_row=None)
                self._bump()
            self._clear(store, rows, epoch)
        return forgotten

    def write_missing_checksums(self) -> None:
        """Record checksums for the sound rows that have none, as those of a library from before there were any."""
        with self._current_store() as (store, epoch):
            store.write_missing_checksums(epoch=epoch)

    def remove_stale_files(self) -> None:
        """Remove the vector files that a crash left beside the current one."""
        with self._current_store() as (store, epoch):
            for path in _stale_files(store, epoch):
                path.unlink(missing_ok=True)

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
                raise EncoderMismatch(
                    index_encoder=f"{state.encoder_id} ({state.encoder_revision})",
                    encoder=f"{encoder.id} ({encoder.revision})",
                    encoder_name=encoder.id,
                )
            _settle(store, state)
            yield store, state.epoch

    @contextmanager
    def _current_store(self) -> Iterator[tuple[VectorStore, int]]:
        """Hold the writer lock of the index as it is now; a reindex may have moved it while we waited for the lock."""
        while True:
            dimension = IndexState.objects.current().dimension
            store = self._store_of(dimension)
            with store.lock():
                state = IndexState.objects.current()
                if state.dimension == dimension:
                    yield store, state.epoch
                    return

    def _codes_file(self, epoch: int, dimension: int) -> CodesFile:
        return CodesFile(gallery().vectors_dir / f"codes-{epoch}.bin", dimension=dimension)

    def _extend_codes(self, store: VectorStore, epoch: int, rows: range, vectors: Vectors, ids: Ids) -> None:
        """Write the codes of rows that were just appended; where the file is no good, of all rows."""
        file = self._codes_file(epoch, store.dimension)
        try:
            file.extend(rows.start, vectors, ids)
        except StoreDamaged:
            file.build(store.read(epoch=epoch), np.concatenate([_ids_of_rows(rows.start), ids]))

    def _clear(self, store: VectorStore, rows: Sequence[int], epoch: int) -> None:
        """Overwrite those of the rows that the files have. The database has forgotten them already, so a damaged file
        is no reason to fail: after its repair they are orphans, which are cleared.
        """
        try:
            committed = store.row_count(epoch=epoch)
            for some in _batches([row for row in rows if row < committed]):
                store.clear(some, epoch=epoch)
            self._codes_file(epoch, store.dimension).clear(np.array(rows, dtype=np.int64))
        except StoreDamaged as error:
            logger.error("%d deleted vectors could not be overwritten: %s", len(rows), error)

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
        found = (Image.objects.searchable().filter(pk__in=some) for some in _batches(image_ids))
        return [int(row) for images in found for row, _image_id in images.rows()]

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


def _is_of(view: View | None, state: IndexState) -> bool:
    return view is not None and (view.epoch, view.version) == (state.epoch, state.version)


def _batches(numbers: Sequence[int]) -> Iterator[Sequence[int]]:
    return (numbers[start : start + UPDATE_BATCH] for start in range(0, len(numbers), UPDATE_BATCH))


def _settle(store: VectorStore, state: IndexState) -> None:
    """Clear the rows that a crash before the database's commit left. Raises StoreDamaged if the file has lost rows:
    new ones would take the numbers of those that pictures still refer to.
    """
    committed = store.row_count(epoch=state.epoch)
    if lost := _lost_rows(store, state):
        raise StoreDamaged(path=str(store.path(state.epoch)), reason=lost[0].detail)
    for some in _batches(range(state.row_count, committed)):
        store.clear(some, epoch=state.epoch)


def _lost_rows(store: VectorStore, state: IndexState) -> list[Problem]:
    committed = store.row_count(epoch=state.epoch)
    if committed >= state.row_count:
        return []
    return [Problem("file_damaged", f"it has {committed:,} rows, the database counts {state.row_count:,}")]


def _refuse_damaged_rows(store: VectorStore, epoch: int) -> None:
    """Raise StoreDamaged if there are any: copied, such a row would get a checksum that fits it."""
    damaged = [problem for problem in store.check(epoch=epoch) if problem.row is not None]
    if damaged:
        raise StoreDamaged(path=str(store.path(epoch)), reason=damaged[0].detail.rstrip("."))


def _is_damaged(problems: list[Problem]) -> bool:
    return any(problem.code == "file_damaged" for problem in problems)


def _ids_of_rows(row_count: int) -> Ids:
    """Return the image of each of the first rows, as the database has it; NO_ID where there is none."""
    ids = np.full(row_count, NO_ID, dtype=np.int64)
    pairs = Image.objects.rows()
    pairs = pairs[pairs[:, 0] < row_count]
    ids[pairs[:, 0]] = pairs[:, 1]
    return ids


def _stale_files(store: VectorStore, epoch: int) -> list[Path]:
    """Return the files of other epochs and of unfinished writing. Under the lock nobody is writing one."""
    others = [path for other in store.epochs() if other != epoch for path in store.epoch_files(other)]
    others += [path for path in sorted(store.folder.glob("codes-*.bin")) if path.name != f"codes-{epoch}.bin"]
    return others + sorted(store.folder.glob(partial_path(Path("*")).name))


def _missing(pairs: Ids, filled: npt.NDArray[np.bool_]) -> list[Problem]:
    """Rows that a picture refers to but that are beyond the file or hold zeros."""
    problems = []
    for row, image_id in pairs:
        if row >= len(filled):
            problems.append(Problem("vector_missing", f"Picture {image_id} has row {row}, beyond the file.", int(row)))
        elif not filled[row]:
            problems.append(Problem("vector_missing", f"Picture {image_id} has row {row}, which is empty.", int(row)))
    return problems


def _orphans(pairs: Ids, filled: npt.NDArray[np.bool_]) -> list[Problem]:
    """Rows with a vector that no picture refers to: what a crash between file and database leaves."""
    orphaned = filled.copy()
    orphaned[pairs[:, 0][pairs[:, 0] < len(filled)]] = False
    return [Problem("orphan_vector", f"Row {row} belongs to no picture.", int(row)) for row in np.flatnonzero(orphaned)]


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
