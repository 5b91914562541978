"""What a search and a change of the index are, in terms of files, database and engine.

Lock order, always: the store's file lock first, the database transaction second. File first, database second when
something is added; the other way round when something is taken away. So a crash leaves vectors that no picture refers
to, never a picture that refers to a missing vector.
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace

import numpy as np
import numpy.typing as npt
from django.core.exceptions import EmptyResultSet
from django.db import DEFAULT_DB_ALIAS, transaction

from gallery.encoders.base import Encoder, EncoderKey, Vectors
from gallery.errors import EncoderChanged, StoreDamaged
from gallery.models import AccessState, Image, ImageQuerySet, IndexState, ModelChange
from gallery.models.access_change import RowOfImage
from gallery.vectors.allowed import Allowed, AllowedAs, Condition
from gallery.vectors.engines.rescoring import sampled_distribution
from gallery.vectors.hits import Hits
from gallery.vectors.row_check import Problem
from gallery.vectors.row_mask import RowMask
from gallery.vectors.unit_vectors import Ids

from .allowed_rows import AllowedRows
from .checking import (
    EpochIsOver,
    Progress,
    bad_rows_now,
    current_epoch,
    current_problems,
    parts_of,
    parts_with,
    refuse_damaged_rows,
)
from .column_check import ColumnsCheck
from .column_masks import ColumnMasks
from .column_query import NotInColumns
from .columns_keeper import ColumnsKeeper
from .committed_index import CommittedIndex, is_of
from .engine_in_use import EngineInUse
from .feeding import feed_all
from .files import IndexFiles, batches, ids_of_rows, outlive_half_commits
from .known_columns import Known
from .lists import Lists
from .local_questions import LocalQuestions
from .next_epoch import NextEpoch
from .one_state import in_one_state
from .row_changes import UPDATE_BATCH, Beside, RowChanges, nothing_beside

Blocks = Iterable[tuple[Ids, Vectors]]


class SearchIndex(LocalQuestions, RowChanges):
    """Finds the pictures nearest to a vector, among those that are allowed; adds, removes and rebuilds."""

    def __init__(self) -> None:
        self._committed: CommittedIndex | None = None
        self._refresh = threading.Lock()
        self._files = IndexFiles()
        self._columns = ColumnsKeeper()
        self.next = NextEpoch(self._files, self._columns)
        self._masks = ColumnMasks()
        self.lists = Lists(self._columns, self._masks)
        self._allowed = AllowedRows()
        self._engine = EngineInUse()

    # Reading

    def search(
        self, queries: Vectors, k: int, allowed: ImageQuerySet | None = None, *, encoder: EncoderKey | None = None
    ) -> Hits:
        """Return the `k` best image ids for each of `queries` (n, dimension), only of images in `allowed` if given.

        Every hit that exists and is allowed counts: k come back if k exist. The answer is that of one committed state:
        where pictures left their rows while it was searched, it is searched again, a few times at most.
        `encoder` is that of the queries: raises EncoderChanged where the index is of another one by now.
        """
        return in_one_state(lambda access: self._search(queries, k, allowed, access, encoder))

    def _search(
        self, queries: Vectors, k: int, images: ImageQuerySet | None, access: AccessState, encoder: EncoderKey | None
    ) -> Hits:
        while (committed := self._committed_of_encoder(encoder)) is not None:
            if (hits := self._search_version(committed, queries, k, images, access)) is not None:
                return hits
        return Hits.none(len(queries))

    def _committed_of_encoder(self, encoder: EncoderKey | None) -> CommittedIndex | None:
        committed = self._current()
        if committed is not None and encoder not in (None, committed.encoder):
            raise EncoderChanged
        return committed

    def _search_version(
        self, committed: CommittedIndex, queries: Vectors, k: int, images: ImageQuerySet | None, access: AccessState
    ) -> Hits | None:
        """Return the hits in this version; None if the index has left its epoch meanwhile."""
        searcher, allowed = self._engine.searcher_of(committed, departures=access.departures), None
        if images is not None and searcher.capabilities.allowed_as is AllowedAs.CONDITION:
            try:
                allowed = Allowed.of_condition(Condition(*images.fingerprint()))
            except EmptyResultSet:
                return Hits.none(len(queries))
        elif images is not None:
            if (mask := self._mask_of(images, access, committed)) is None:
                return None
            searcher = searcher if searcher.capabilities.can_be_told(mask.count) else committed.local
            allowed = committed.snapshot.allowing_rows(mask)
        hits = searcher.search(queries, k, allowed)
        if searcher is not committed.local and IndexState.objects.current().epoch != committed.epoch:
            return None  # the collection of another epoch may be gone at any moment, and then it is empty
        if hits.distribution is not None or len(queries) != 1:
            return hits
        mask = committed.snapshot.mask_of(None) if images is None else self._mask_of(images, access, committed)
        if mask is None:
            return None
        return replace(hits, distribution=sampled_distribution(committed.snapshot, queries[0], mask))

    def _mask_of(self, images: ImageQuerySet, access: AccessState, committed: CommittedIndex) -> RowMask | None:
        """Return which rows of this version may be found; None if the index has left its epoch meanwhile."""
        if images.query.is_empty():
            return RowMask.of_rows(np.empty(0, dtype=np.int64), committed.snapshot.row_count)
        known = self._columns.current(access, epoch=committed.epoch, index_version=committed.version)
        if known is not None and images.db == DEFAULT_DB_ALIAS:
            with suppress(NotInColumns):
                return self._masks.mask_of(images, known).first(committed.snapshot.row_count)
        return self._allowed.mask_of(
            images, access_version=access.version, epoch=committed.epoch, codes=committed.snapshot.codes
        )

    def known_columns(self) -> Known | None:
        """Return what is known of the pictures that have a row; None while only the database knows."""
        access, state = AccessState.objects.current(), IndexState.objects.current()
        return self._columns.current(access, epoch=state.epoch, index_version=state.version)

    def check_readable(self) -> None:
        """Raise StoreDamaged if the vectors could not be read now, also where this process still has them mapped."""
        if (state := IndexState.objects.current()).has_encoder:
            self._files.store(state.dimension).read(epoch=state.epoch, row_count=state.row_count)

    def forget_allowed(self, images: ImageQuerySet) -> None:
        """Ask the database anew which pictures this queryset gives."""
        self._allowed.forget(images)
        self._masks.forget(images)

    def vectors(self, image_ids: Sequence[int]) -> tuple[Ids, Vectors]:
        """Return the ids that are embedded, in the order given, and their vectors: (n,) and (n, dimension)."""
        return self._vectors(image_ids)[:2]

    def vector_of(self, image_id: int) -> tuple[Vectors, EncoderKey] | None:
        """Return the vector of a picture, (dimension,), and what it is of; None if it is not embedded."""
        ids, vectors, encoder = self._vectors([image_id])
        return (vectors[0], encoder) if encoder is not None and len(ids) else None

    def scores_of(
        self, image_ids: Sequence[int], queries: Vectors, *, encoder: EncoderKey
    ) -> tuple[Ids, npt.NDArray[np.float32]]:
        """Return the ids that are embedded, in the order given, (n,), and their scores for `queries` (q, dimension):
        (n, q). Raises EncoderChanged where the index is of another encoder.
        """
        ids, vectors, own = self._vectors(image_ids)
        if own not in (None, encoder):
            raise EncoderChanged
        return ids, vectors @ queries.T if len(ids) else np.empty((0, len(queries)), dtype=np.float32)

    def _vectors(self, image_ids: Sequence[int]) -> tuple[Ids, Vectors, EncoderKey | None]:
        ids = np.asarray(image_ids, dtype=np.int64)
        while True:
            if (committed := self._current()) is None:
                return ids[:0], np.empty((0, 0), dtype=np.float32), None
            rows = Image.objects.rows_by_id(image_ids)
            known = np.array([image_id for image_id in image_ids if image_id in rows], dtype=np.int64)
            places = np.array([rows[image_id] for image_id in known.tolist()], dtype=np.int64)
            here = committed.rows_of(places, known)
            # else the rows may be those of another epoch
            if here.all() or is_of(committed, IndexState.objects.current()):
                return known[here], committed.snapshot.matrix[places[here]], committed.encoder

    def _current(self) -> CommittedIndex | None:
        """Return what is committed now, mapping again only when the version has moved. None: nothing is indexed."""
        if not (state := IndexState.objects.current()).has_encoder:
            return None
        if not is_of(self._committed, state):
            with self._refresh:
                if not is_of(self._committed, IndexState.objects.current()):  # another thread may have been first
                    self._committed = self._load()
        return self._committed

    def _load(self) -> CommittedIndex:
        """Read rows, file and version until they belong together: a writer may commit between two of the reads."""
        while True:
            state = IndexState.objects.current()
            try:
                committed = self._engine.open(state, self._files.read(state), before=self._committed)
            except StoreDamaged:
                if IndexState.objects.current().version == state.version:
                    raise
                continue  # the epoch moved on and its file is gone: look again
            if IndexState.objects.current().version == state.version:
                return committed

    # Writing

    def add(
        self, image_ids: Sequence[int], vectors: Vectors, *, encoder: Encoder, beside: Beside = nothing_beside
    ) -> int:
        """Commit the vectors of those pictures that still wait for one; return how many that were.

        `beside` is called with their ids in the same transaction.
        Raises EncoderMismatch, InvalidVector (nothing is added), StoreBusy, StorageFull, StorageNotWritable.
        """
        with self._writing(encoder) as (store, epoch):
            waiting = set(Image.objects.pending().filter(pk__in=image_ids).values_list("pk", flat=True))
            places = [place for place, image_id in enumerate(image_ids) if image_id in waiting]
            if not places:
                return 0
            ids = [image_ids[place] for place in places]
            rows = self._files.append(store, epoch, vectors[places], ids)
            with transaction.atomic(durable=True):
                # another process may have failed on a picture whose vector is here: the vector wins
                Image.objects.failed().filter(pk__in=ids).update(embed_error="")
                self._point(zip(ids, rows, strict=True))
                beside(ids)
                self._bump(row_count=rows.stop)
        return len(places)

    @contextmanager
    def removing(self, image_ids: Iterable[int]) -> Iterator[None]:
        """Run the body, which forgets these pictures or their embeddings, and the version change in one transaction.

        Afterwards their vectors are overwritten with zeros, also those of the epoch under construction.
        """
        ids = list(image_ids)
        with self._files.current() as (store, epoch), self.next.forgetting(ids) as forget_next:
            with transaction.atomic(durable=True):
                leaving = self._rows_of(ids)
                forget_next()
                yield
                for some in batches(ids, UPDATE_BATCH):
                    Image.objects.filter(pk__in=some).update(embedding_row=None)
                self._leave_rows(leaving)
            self._files.clear(store, epoch, [row for row, _image_id in leaving])

    def rebuild(self, blocks: Callable[[Ids], Blocks]) -> int:
        """Write a new epoch of the same encoder from `blocks`, move to it in one transaction; return its row count.

        `blocks` is called with the embedded image ids in row order and yields (ids, vectors) for them. Searches go on
        in the old epoch meanwhile; a change of the model that is under way waits.
        """
        with self._files.current() as (store, old_epoch):
            outlive_half_commits()
            change = ModelChange.objects.current()
            epoch = max(old_epoch, change.epoch if change is not None else 0) + 1
            refuse_damaged_rows(store, old_epoch)
            ids = self._files.write_epoch(store, epoch, blocks(Image.objects.rows()[:, 1]))
            self._columns.write_ahead(epoch, ids)
            self._move_to(epoch, ids)
            self._files.remove_epoch(store, old_epoch)
        return len(ids)

    def feed_engine(self) -> int:
        """Give a remote engine what it lacks of what is committed; return how many vectors that were.

        The writer lock is held for some rows at a time, so that uploads come between. May be killed and begun again.
        """
        return 0 if self._engine.remote is None else feed_all(self._engine.remote, self._files)

    # Checking

    def problems(self, *, progress: Progress = lambda _count: None) -> list[Problem]:
        """Return what is wrong between files, columns and the database: see `current_problems` and `ColumnsCheck`.

        Others go on writing: see `EpochCheck`. Where the index moves to another epoch meanwhile, that one is looked at
        from its beginning. `progress` hears of rows, and takes them back then.
        """
        while True:
            state, seen = IndexState.objects.current(), 0
            if not state.has_encoder:
                return []

            def advance(count: int) -> None:
                nonlocal seen
                seen += count
                progress(count)

            with suppress(EpochIsOver):
                found = current_problems(self._files, advance) + self.next.problems()
                if all(problem.code != "columns_damaged" for problem in found):  # else they are not worth comparing
                    found += ColumnsCheck(self.known_columns).problems()
                if IndexState.objects.current().epoch == state.epoch:
                    return found
            progress(-seen)

    def restore_file(self) -> int:
        """Make a damaged or missing vector file readable again; return how many pictures lost their row by it.

        They go back to the queue. Rows that are still in the file are kept; `problems` tells which are bad.
        """
        with self._files.current() as (store, epoch):
            try:
                kept = store.restore_header(epoch=epoch, row_count=IndexState.objects.current().row_count)
            except StoreDamaged:  # whole, but of another encoder: nothing in it is of use here
                kept = store.write_epoch(epoch, [])
            with transaction.atomic(durable=True):
                lost = Image.objects.filter(embedding_row__gte=kept)
                leaving = lost.rows().tolist()
                lost.update(embedding_row=None)
                self._leave_rows(leaving, row_count=kept)
        return len(leaving)

    def forget_rows(self, rows: Sequence[int]) -> int:
        """Send the pictures of these rows back to the queue and clear the rows; return how many pictures that were."""
        leaving: list[RowOfImage] = []
        if not rows:
            return 0
        with self._files.current() as (store, epoch):
            with transaction.atomic(durable=True):
                for some in batches(rows, UPDATE_BATCH):
                    forgotten = Image.objects.filter(embedding_row__in=some)
                    leaving += forgotten.rows().tolist()
                    forgotten.update(embedding_row=None)
                self._leave_rows(leaving)
            self._files.clear(store, epoch, rows)
        return len(leaving)

    def forget_bad_rows(self, rows: Sequence[int]) -> int:
        """Forget those of these rows, which are ascending, that are bad still; return how many pictures that were.

        Others may have written since they were found, or have moved to another epoch. The writer lock is held for some
        rows at a time.
        """
        forgotten = 0
        for part in parts_with(rows):
            with self._files.current() as (store, _epoch):
                epoch = current_epoch(self._files, store, IndexState.objects.current())
                forgotten += self.forget_rows(bad_rows_now(epoch, self._files.lock, part))
        return forgotten

    def write_missing_checksums(self) -> None:
        """Record checksums for the sound rows that have none, as those of a library from before there were any.

        The writer lock is held for some rows at a time.
        """
        for part in parts_of(range(IndexState.objects.current().row_count)):
            with self._files.current() as (store, epoch):
                store.write_missing_checksums(epoch=epoch, rows=part)

    def compute_codes(self) -> None:
        """Compute all codes anew."""
        with self._files.current() as (store, epoch):
            matrix = store.read(epoch=epoch)
            self._files.codes(epoch, store.dimension).build(matrix, ids_of_rows(len(matrix)))
            with transaction.atomic(durable=True):
                self._bump()  # so that everybody maps the new file

    def remove_columns(self) -> None:
        """Have the columns read anew; other processes that have mapped their file keep it until they start again."""
        self._columns.forget(IndexState.objects.current().epoch)

    def remove_stale_files(self) -> None:
        """Remove the files that a crash left beside the current ones."""
        with self._files.current() as (store, epoch):
            self._files.remove_stale(store, epoch)
