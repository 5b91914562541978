"""The files of the index: vectors, checksums and codes of an epoch, changed together under one lock."""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path

import numpy as np
from django.db import transaction

from gallery.conf import gallery
from gallery.durable.file_lock import FileLock
from gallery.durable.synced_writing import partial_path
from gallery.encoders.base import Vectors
from gallery.errors import StorageFull, StorageNotWritable, StoreBusy, StoreDamaged
from gallery.models import Image, IndexState, ModelChange, NextEmbedding
from gallery.vectors.codes import Codes, CodesFile
from gallery.vectors.columns.columns_file import ColumnsFile
from gallery.vectors.snapshot import Snapshot
from gallery.vectors.store import VectorStore
from gallery.vectors.unit_vectors import NO_ID, Ids

CLEAR_BATCH = 1_000

logger = logging.getLogger(__name__)


class IndexFiles:
    """The vector store of each dimension, with the codes beside it. The codes are a cache: what is wrong with them is
    mended by computing them anew, never reported to whoever searches.
    """

    def __init__(self) -> None:
        self._stores: dict[int, VectorStore] = {}

    @cached_property
    def lock(self) -> FileLock:
        """The process's one writer lock: that of every epoch, whatever its dimension."""
        settings = gallery()
        return FileLock(settings.vectors_dir / "store.lock", timeout_seconds=settings.lock_timeout_seconds)

    def store(self, dimension: int) -> VectorStore:
        if dimension not in self._stores:
            store = VectorStore(gallery().vectors_dir, dimension=dimension, lock=self.lock)
            return self._stores.setdefault(dimension, store)  # another thread may have been first
        return self._stores[dimension]

    @property
    def columns(self) -> ColumnsFile:
        return ColumnsFile(gallery().vectors_dir)

    def codes(self, epoch: int, dimension: int) -> CodesFile:
        return CodesFile(gallery().vectors_dir / f"codes-{epoch}.bin", dimension=dimension)

    @contextmanager
    def current(self) -> Iterator[tuple[VectorStore, int]]:
        """Hold the writer lock of the index as it is then; a reindex may move it while we wait for the lock."""
        with self.lock:
            state = IndexState.objects.current()
            yield self.store(state.dimension), state.epoch

    def read(self, state: IndexState) -> Snapshot:
        """Map the vectors that the database counts, and their codes. Raises StoreDamaged where vectors are missing."""
        matrix = self.store(state.dimension).read(epoch=state.epoch, row_count=state.row_count)
        return Snapshot(matrix, self._codes_of(state, matrix))

    def _codes_of(self, state: IndexState, matrix: Vectors) -> Codes:
        file, store = self.codes(state.epoch, state.dimension), self.store(state.dimension)
        with suppress(StoreDamaged):
            return file.read(len(matrix))
        logger.warning("Computing the codes of %d vectors anew.", len(matrix))
        try:
            with store.lock():
                with suppress(StoreDamaged):
                    return file.read(len(matrix))  # another process was first
                ids = ids_of_rows(len(matrix))  # not before the lock is held: a deletion may come between
                if store.path(state.epoch).exists():  # else the epoch is over and nobody would remove the file
                    file.build(matrix, ids)
                    return file.read(len(matrix))
        except (StorageFull, StorageNotWritable, StoreBusy) as error:
            logger.warning("The codes stay in the memory of this process: %s", error)
        return Codes.of(matrix, ids_of_rows(len(matrix)))

    def append(
        self,
        store: VectorStore,
        epoch: int,
        vectors: Vectors,
        image_ids: Sequence[int],
        *,
        owners: Callable[[int], Ids] | None = None,
    ) -> range:
        """Commit vectors and write their codes; return their rows. Raises like VectorStore.append.

        `owners` gives the images of the rows before, by default those of the current epoch.
        """
        rows = store.append(vectors, epoch=epoch, image_ids=image_ids)
        file, ids = self.codes(epoch, store.dimension), np.array(image_ids, dtype=np.int64)
        try:
            file.extend(rows.start, vectors, ids)
        except StoreDamaged:
            file.build(store.read(epoch=epoch), np.concatenate([(owners or ids_of_rows)(rows.start), ids]))
        return rows

    def clear(self, store: VectorStore, epoch: int, rows: Sequence[int]) -> None:
        """Overwrite those of the rows that the files have. The database has forgotten them already, so a damaged file
        is no reason to fail: after its repair they are orphans, which are cleared. Codes go first: a crash between
        leaves vectors, which `problems` finds.
        """
        if not len(rows):
            return
        with suppress(StoreDamaged):  # codes that cannot be read are computed anew, without these rows
            self.codes(epoch, store.dimension).clear(np.array(rows, dtype=np.int64))
        try:
            committed = store.row_count(epoch=epoch)
            for some in batches([row for row in rows if row < committed], CLEAR_BATCH):
                store.clear(some, epoch=epoch)
        except StoreDamaged as error:
            logger.error("%d deleted vectors could not be overwritten: %s", len(rows), error)

    def write_epoch(self, store: VectorStore, epoch: int, blocks: Iterable[tuple[Ids, Vectors]]) -> Ids:
        """Write vectors and codes of a new epoch from blocks of (ids, vectors); return the image of each row."""
        written = [np.empty(0, dtype=np.int64)]

        def remembered() -> Iterator[Vectors]:
            for ids, vectors in blocks:
                written.append(ids)
                yield vectors

        store.write_epoch(epoch, remembered())
        ids = np.concatenate(written)
        self.codes(epoch, store.dimension).build(store.read(epoch=epoch), ids)
        return ids

    def remove_epoch(self, store: VectorStore, epoch: int) -> None:
        store.remove_epoch(epoch)
        self.codes(epoch, store.dimension).remove()
        self.columns.remove(epoch)

    def stale(self, store: VectorStore, epoch: int) -> list[Path]:
        """Return the files of epochs that are neither in use nor under construction, and of unfinished writing.

        Under the lock nobody is writing one but that of the columns in use, which has a lock of its own: the next
        writing goes over what is left of it.
        """
        change = ModelChange.objects.building()
        used = {epoch, change.epoch} if change is not None else {epoch}
        others = [path for other in store.epochs() if other not in used for path in store.epoch_files(other)]
        codes = {self.codes(each, store.dimension).path for each in used}
        others += [path for path in sorted(store.folder.glob("codes-*.bin")) if path not in codes]
        columns = self.columns.path(epoch)
        others += [path for path in sorted(store.folder.glob("columns-*.bin")) if path != columns]
        unfinished = sorted(store.folder.glob(partial_path(Path("*")).name))
        return others + [path for path in unfinished if path != partial_path(columns)]

    def remove_stale(self, store: VectorStore, epoch: int) -> None:
        """Remove them. Hold the lock."""
        outlive_half_commits()
        for path in self.stale(store, epoch):
            path.unlink(missing_ok=True)


def ids_of_rows(row_count: int) -> Ids:
    """Return the image of each of the first rows, as the database has it; NO_ID where there is none."""
    return _placed(Image.objects.rows(), row_count)


def ids_of_next_rows(row_count: int) -> Ids:
    """The same of the epoch under construction."""
    return _placed(NextEmbedding.objects.rows(), row_count)


def _placed(pairs: Ids, row_count: int) -> Ids:
    ids = np.full(row_count, NO_ID, dtype=np.int64)
    pairs = pairs[pairs[:, 0] < row_count]
    ids[pairs[:, 0]] = pairs[:, 1]
    return ids


def outlive_half_commits() -> None:
    """Commit something, before files are changed because of what the database does not say.

    A process that is killed within SQLite's commit can leave a whole transaction in the write-ahead log that nobody
    sees yet. Whoever reads the log anew, after the last process has gone, takes it for committed, unless something has
    been written over it: then the picture would refer to a vector that was cleared, or to a file that was removed.
    """
    with transaction.atomic(durable=True):
        IndexState.objects.locked().save(update_fields=["updated_at"])


def batches(numbers: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    return (numbers[start : start + size] for start in range(0, len(numbers), size))
