"""The epoch of another encoder, built beside the one that is searched until the index moves to it."""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Exists, OuterRef, Subquery
from django.utils import timezone

from gallery.durable.crash_points import crash_point
from gallery.durable.file_lock import FileLock
from gallery.encoders.base import Encoder, Vectors
from gallery.errors import ModelChangeCancelled, StoreDamaged, StoredError
from gallery.models import AccessChange, EmbeddingFailure, Image, IndexState, ModelChange, NextEmbedding
from gallery.models.access_change import RowOfImage
from gallery.vectors.row_check import Problem
from gallery.vectors.store import VectorStore

from .checking import EpochIsOver, bad_rows_now, next_damage, next_epoch, next_problems, parts_with
from .columns_keeper import ColumnsKeeper
from .files import IndexFiles, batches, ids_of_next_rows, outlive_half_commits
from .row_changes import Beside, nothing_beside

IDS_AT_A_TIME = 1_000  # in one statement

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Opened:
    """`done` pictures were in the epoch already; `is_anew`: what was there could not be used and is gone."""

    change: ModelChange
    done: int
    is_anew: bool


class NextEpoch:
    """Grows `embeddings-<epoch>.npy`, its checksums and codes while the index goes on in another epoch.

    **What is true**: `ModelChange` counts the rows, `NextEmbedding` says whose they are. A searchable picture that it
    does not name is still to be done.

    **Add** (under the writer lock): the vectors, checksums and codes are committed as in any epoch; then one
    transaction names their pictures and counts the rows. A crash between leaves rows that nobody counts: `open` clears
    them. So a kill costs the batch that was being encoded.

    **Forget**: the database first, then zeros, like every deletion.

    **Switch** (under the writer lock, when nothing is to be done): one transaction gives every picture its new row, or
    its failure, moves `IndexState` and notes a departure, so that searches that began before are done again. A crash
    before its commit leaves the old epoch in use and the next one complete; after it, the new epoch in use and the old
    files to be removed, which `finish` does, the next run or `verify_index --repair`.

    **Cancel**: the database first, then the files; what a crash leaves of them is stale.
    """

    def __init__(self, files: IndexFiles, columns: ColumnsKeeper) -> None:
        self._files = files
        self._columns = columns

    def lock(self) -> FileLock:
        """Return the writer lock: nothing is added to or taken from the index while it is held."""
        return self._files.lock

    def open(self, encoder: Encoder) -> Opened:
        """Make the epoch of the change that was asked for ready to be added to, going on where it was.

        What was built by another revision of the encoder, or lost rows, is thrown away: vectors of two encoders are
        never mixed. Raises ModelChangeCancelled if nobody asks for the change any more.
        """
        with self.lock():
            outlive_half_commits()  # before rows are cleared or files removed
            change = self._asked(encoder)
            lost = "" if change.dimension == 0 else self._loss(change, encoder)
            if lost:
                logger.warning("The change to “%s” starts over: %s.", encoder.key.id, lost)
                self._discard(change)
            if lost or change.dimension == 0:
                change = self._begin(change, encoder)
            self._settle(change)
            done = NextEmbedding.objects.count()
            now = timezone.now()
            ModelChange.objects.update(run_started_at=now, run_started_with=done, heartbeat_at=now)
            ModelChange.objects.note_stop(None)
        return Opened(change, done, bool(lost))

    def add(
        self, image_ids: Sequence[int], vectors: Vectors, *, encoder: Encoder, beside: Beside = nothing_beside
    ) -> int:
        """Commit the vectors of those pictures that are searchable still and not in the epoch yet; return how many.

        `beside` is called with their ids in the same transaction.
        Raises ModelChangeCancelled, InvalidVector (nothing is added), StoreBusy, StorageFull, StorageNotWritable.
        """
        with self.lock():
            change = self._building(encoder)
            wanted = set(self._to_do(image_ids))
            places = [place for place, image_id in enumerate(image_ids) if image_id in wanted]
            if not places:
                return 0
            self._settle(change)
            ids, store = [image_ids[place] for place in places], self._store(change)
            rows = self._files.append(store, change.epoch, vectors[places], ids, owners=ids_of_next_rows)
            crash_point("after_next_rows_before_database")
            with transaction.atomic(durable=True):
                NextEmbedding.objects.bulk_create(
                    NextEmbedding(image_id=image_id, row=row) for image_id, row in zip(ids, rows, strict=True)
                )
                beside(ids)
                self._count_rows(change, rows.stop)
        return len(ids)

    def fail(self, image_id: int, error: StoredError, *, encoder: Encoder) -> None:
        """Note why a picture has no vector of the next encoder. Raises ModelChangeCancelled."""
        with self.lock(), transaction.atomic(durable=True):
            self._building(encoder)
            for to_do in self._to_do([image_id]):
                NextEmbedding.objects.create(image_id=to_do, error=error.code, kept_error=error.as_json())
            ModelChange.objects.update(heartbeat_at=timezone.now())

    def retry_failures(self) -> int:
        """Forget the failures, so that these pictures are to be done again; return how many they were."""
        with self.lock():
            return NextEmbedding.objects.failed().delete()[0]

    @contextmanager
    def forgetting(self, image_ids: Sequence[int]) -> Iterator[Callable[[], None]]:
        """Yield what forgets these pictures within a transaction of the body; clear their rows afterwards.

        Hold the lock.
        """
        change, rows = ModelChange.objects.building(), list[int]()

        def forget() -> None:
            for some in batches(image_ids, IDS_AT_A_TIME):
                found = NextEmbedding.objects.filter(image__in=some)
                rows.extend(int(row) for row, _image_id in found.rows())
                found.delete()

        yield forget if change is not None else lambda: None
        if change is not None:
            self._files.clear(self._store(change), change.epoch, rows)

    def switch(self, encoder: Encoder, *, replaced_setting: str) -> None:
        """Move the index to the epoch, in one transaction, and remove the old one. Raises ModelChangeCancelled."""
        with self.lock():
            change = self._building(encoder)
            self._settle(change)
            old = IndexState.objects.current()
            self._columns.write_ahead(change.epoch, ids_of_next_rows(change.row_count))
            crash_point("before_switch")
            with transaction.atomic(durable=True):
                self._move(change, replaced_setting)
                crash_point("in_switch_before_commit")
            crash_point("after_switch_before_old_files")
            if old.has_encoder:
                self._files.remove_epoch(self._files.store(old.dimension), old.epoch)
            crash_point("after_old_files_before_end")
            self._end()

    def _move(self, change: ModelChange, replaced_setting: str) -> None:
        """Give pictures their new rows. In between those that get another one have none, as a row may belong to one
        picture only. Where pictures keep their numbers, as in a library that was never deleted from, none is written.
        """
        state, next_of = IndexState.objects.locked(), NextEmbedding.objects.filter(image=OuterRef("pk"))
        coming_and_going = self._coming_and_going()
        keeps_its_row = Exists(next_of.filter(row=OuterRef("embedding_row")))
        Image.objects.searchable().filter(~keeps_its_row).update(embedding_row=None)
        moving = Image.objects.filter(embedding_row__isnull=True)
        moving.filter(pk__in=NextEmbedding.objects.embedded().values("image")).update(
            embedding_row=Subquery(next_of.values("row")), embed_error=""
        )
        moving.filter(pk__in=NextEmbedding.objects.failed().values("image")).update(
            embed_error=Subquery(next_of.values("error"))
        )
        EmbeddingFailure.objects.replace_all(NextEmbedding.objects.failures())
        state.epoch, state.row_count, state.version = change.epoch, change.row_count, state.version + 1
        state.encoder_key = change.encoder_key
        state.dimension, state.replaced_setting, state.next_encoder_id = change.dimension, replaced_setting, ""
        state.save()
        ModelChange.objects.update(is_switched=True)
        AccessChange.objects.note_departure(coming_and_going)  # of all, but each reader sees the epoch

    @staticmethod
    def _coming_and_going() -> list[RowOfImage]:
        """Return the pictures that have a row in one of the two epochs alone, and that row.

        Columns of the old epoch tell nothing of them, or what changes while they have no row, which no trigger notes.
        """
        next_of = NextEmbedding.objects.embedded().filter(image=OuterRef("pk"))
        going = Image.objects.searchable().filter(~Exists(next_of)).rows().tolist()
        coming = NextEmbedding.objects.embedded().filter(image__embedding_row__isnull=True).rows().tolist()
        return [(row, image_id) for row, image_id in [*going, *coming]]

    @staticmethod
    def _end() -> None:
        with transaction.atomic(durable=True):
            NextEmbedding.objects.all().delete()
            ModelChange.objects.all().delete()

    def finish(self) -> None:
        """Remove what a run that died after its switch left."""
        if not ModelChange.objects.filter(is_switched=True).exists():
            return
        with self.lock():
            outlive_half_commits()
            if not ModelChange.objects.filter(is_switched=True).exists():
                return
            state = IndexState.objects.current()
            self._files.remove_stale(self._files.store(state.dimension), state.epoch)
            self._end()

    def cancel(self, *, beside: Callable[[ModelChange], None]) -> bool:
        """Give the change up, files and all; return whether there was one. Whoever works on it stops.

        `beside` is called with it in the same transaction.
        """
        with self.lock():
            change = ModelChange.objects.filter(is_switched=False).first()
            if change is None:
                return False
            outlive_half_commits()
            with transaction.atomic(durable=True):
                IndexState.objects.update(next_encoder_id="")
                NextEmbedding.objects.all().delete()
                beside(change)
                ModelChange.objects.all().delete()
            if change.dimension:
                self._files.remove_epoch(self._store(change), change.epoch)
        return True

    # Checking

    def problems(self) -> list[Problem]:
        """Return what is wrong with the epoch under construction; none of it touches searches.

        Raises EpochIsOver if the change ends meanwhile.
        """
        return next_problems(self._files, lambda _count: None)[0]

    def repair(self) -> None:
        """Have pictures whose rows are wrong done again; throw away a file that cannot be read.

        What was found is looked at again before it is mended: the change may have gone on, or have ended.
        """
        with suppress(EpochIsOver):
            problems, rows = next_problems(self._files, lambda _count: None)
            if problems and not rows:
                self._discard_damaged()
            for part in parts_with(rows):
                self._forget_bad(part)

    def _discard_damaged(self) -> None:
        with self.lock():
            change = ModelChange.objects.building()
            if change is not None and next_damage(next_epoch(self._files, change)):
                outlive_half_commits()
                self._discard(change)

    def _forget_bad(self, part: range) -> None:
        with self.lock():
            change = ModelChange.objects.building()
            if change is None or next_damage(epoch := next_epoch(self._files, change)):
                return
            outlive_half_commits()
            rows = bad_rows_now(epoch, self.lock(), part)
            with transaction.atomic(durable=True):
                NextEmbedding.objects.filter(row__in=rows).delete()
            self._files.clear(self._store(change), change.epoch, rows)

    # Inside

    def _store(self, change: ModelChange) -> VectorStore:
        return self._files.store(change.dimension)

    def _asked(self, encoder: Encoder) -> ModelChange:
        change = ModelChange.objects.filter(is_switched=False, encoder_id=encoder.key.id).first()
        if change is None:
            raise ModelChangeCancelled(encoder=encoder.key.id)
        return change

    def _building(self, encoder: Encoder) -> ModelChange:
        change = ModelChange.objects.building()
        if change is None or change.encoder_key != encoder.key:
            raise ModelChangeCancelled(encoder=encoder.key.id)
        return change

    def _to_do(self, image_ids: Iterable[int]) -> Iterator[int]:
        for some in batches(list(image_ids), IDS_AT_A_TIME):
            yield from Image.objects.not_in_next_epoch().filter(pk__in=some).values_list("pk", flat=True)

    def _loss(self, change: ModelChange, encoder: Encoder) -> str:
        """Return why what is there cannot be gone on with, if so."""
        if (change.encoder_key, change.dimension) != (encoder.key, encoder.dimension):
            return f"the encoder is now {encoder.key.revision}, it was {change.encoder_revision}"
        try:
            held = self._store(change).row_count(epoch=change.epoch)
        except StoreDamaged as error:
            return str(error).rstrip(".")
        return "" if held >= change.row_count else f"its file has {held:,} of {change.row_count:,} rows"

    def _settle(self, change: ModelChange) -> None:
        """Clear the rows that were written but never counted: pictures of theirs may get others."""
        store = self._store(change)
        if orphans := range(change.row_count, store.row_count(epoch=change.epoch)):
            outlive_half_commits()
            self._files.clear(store, change.epoch, orphans)
            self._count_rows(change, orphans.stop)

    def _discard(self, change: ModelChange) -> None:
        with transaction.atomic(durable=True):
            NextEmbedding.objects.all().delete()
            self._count_rows(change, 0)
        self._files.remove_epoch(self._store(change), change.epoch)

    def _begin(self, change: ModelChange, encoder: Encoder) -> ModelChange:
        change.encoder_key, change.dimension = encoder.key, encoder.dimension
        change.epoch, change.row_count = IndexState.objects.current().epoch + 1, 0
        store = self._store(change)
        self._files.remove_epoch(store, change.epoch)  # stale ones, of another change
        self._files.write_epoch(store, change.epoch, [])
        change.save()
        return change

    def _count_rows(self, change: ModelChange, row_count: int) -> None:
        change.row_count = row_count
        ModelChange.objects.update(row_count=row_count, heartbeat_at=timezone.now())
