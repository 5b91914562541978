"""The files of the index: vectors, checksums and codes of an epoch, changed together under one lock."""

import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np

from gallery.conf import gallery
from gallery.encoders.base import Vectors
from gallery.errors import StorageFull, StorageNotWritable, StoreBusy, StoreDamaged
from gallery.models import Image, IndexState
from gallery.vectors.codes import Codes, CodesFile
from gallery.vectors.files import partial_path
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

    def store(self, dimension: int) -> VectorStore:
        """Return the process's one store of this dimension: its lock must be one object."""
        settings = gallery()
        if dimension not in self._stores:
            store = VectorStore(
                settings.vectors_dir, dimension=dimension, lock_timeout_seconds=settings.lock_timeout_seconds
            )
            return self._stores.setdefault(dimension, store)  # another thread may have been first
        return self._stores[dimension]

    def codes(self, epoch: int, dimension: int) -> CodesFile:
        return CodesFile(gallery().vectors_dir / f"codes-{epoch}.bin", dimension=dimension)

    @contextmanager
    def current(self) -> Iterator[tuple[VectorStore, int]]:
        """Hold the writer lock of the index as it is now; a reindex may have moved it while we waited for the lock."""
        while True:
            dimension = IndexState.objects.current().dimension
            store = self.store(dimension)
            with store.lock():
                state = IndexState.objects.current()
                if state.dimension == dimension:
                    yield store, state.epoch
                    return

    def read(self, state: IndexState) -> tuple[Vectors, Codes]:
        """Map the vectors that the database counts, and their codes. Raises StoreDamaged where vectors are missing."""
        matrix = self.store(state.dimension).read(epoch=state.epoch, row_count=state.row_count)
        return matrix, self._codes_of(state, matrix)

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

    def append(self, store: VectorStore, epoch: int, vectors: Vectors, image_ids: Sequence[int]) -> range:
        """Commit vectors and write their codes; return their rows. Raises like VectorStore.append."""
        rows = store.append(vectors, epoch=epoch, image_ids=image_ids)
        file, ids = self.codes(epoch, store.dimension), np.array(image_ids, dtype=np.int64)
        try:
            file.extend(rows.start, vectors, ids)
        except StoreDamaged:
            file.build(store.read(epoch=epoch), np.concatenate([ids_of_rows(rows.start), ids]))
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

    def stale(self, store: VectorStore, epoch: int) -> list[Path]:
        """Return the files of other epochs and of unfinished writing. Under the lock nobody is writing one."""
        others = [path for other in store.epochs() if other != epoch for path in store.epoch_files(other)]
        mine = self.codes(epoch, store.dimension).path
        others += [path for path in sorted(store.folder.glob("codes-*.bin")) if path != mine]
        return others + sorted(store.folder.glob(partial_path(Path("*")).name))


def ids_of_rows(row_count: int) -> Ids:
    """Return the image of each of the first rows, as the database has it; NO_ID where there is none."""
    ids = np.full(row_count, NO_ID, dtype=np.int64)
    pairs = Image.objects.rows()
    pairs = pairs[pairs[:, 0] < row_count]
    ids[pairs[:, 0]] = pairs[:, 1]
    return ids


def batches(numbers: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    return (numbers[start : start + size] for start in range(0, len(numbers), size))
