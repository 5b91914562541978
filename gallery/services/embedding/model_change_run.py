"""One process's work on a change of the model: encode the library into the next epoch, then move the index to it."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from gallery.conf import gallery
from gallery.encoders.abilities import Look
from gallery.encoders.base import Encoder
from gallery.encoders.looking import rows_of
from gallery.encoders.registry import AUTO, canonical_name
from gallery.errors import ImageSearchError, PicturesUnreadable, StoredError, TooManyLosses
from gallery.models import Image, IndexState, NextEmbedding
from gallery.search_index import search_index

from .encoder_deaths import count_deaths
from .trial import encode_and_try
from .waiting_images import ImageFailure, Progress, commit_good_vectors, keeping_things

LOSSES_ALWAYS_ACCEPTED = 10
LOSSES_ACCEPTED_SHARE = 0.05
ANNOUNCED_SHARE = 0.1  # of the pictures, left to do when serving processes begin to load the next encoder
LISTED_FAILURES = 1_000


@dataclass(frozen=True, slots=True)
class ModelChangeReport:
    """`rows` are those of the index now; `resumed` pictures were there when this run began.

    `failures` names the first of the `failed` pictures.
    """

    encoder: str = ""
    rows: int = 0
    resumed: int = 0
    started_over: bool = False
    failed: int = 0
    failures: tuple[ImageFailure, ...] = ()


class ModelChangeRun:
    """Hold the lock of the change: one at a time."""

    def __init__(self, encoder: Encoder, *, accept_failures: bool, progress: Progress) -> None:
        self._encoder = encoder
        self._accept_failures = accept_failures
        self._progress = progress
        self._next_epoch = search_index().next
        self._deferred: dict[int, str] = {}
        self._left = 0  # pictures to do, as far as known
        self._announced_at = 0.0  # of these left

    def until_switched(self, *, retry_failed: bool) -> ModelChangeReport:
        """Encode all that is searchable and move the index. Raises what `change_model` raises."""
        opened = self._next_epoch.open(self._encoder)
        if retry_failed:
            self._next_epoch.retry_failures()
        count_deaths()
        self._progress(opened.done)
        self._left = Image.objects.not_in_next_epoch().count()
        self._announced_at = max(10 * gallery().embed_batch_size, ANNOUNCED_SHARE * (opened.done + self._left))
        failed_ids = self._work()
        return ModelChangeReport(
            encoder=self._encoder.key.id,
            rows=IndexState.objects.current().row_count,
            resumed=opened.done,
            started_over=opened.is_anew,
            failed=len(failed_ids),
            failures=_failures(failed_ids[:LISTED_FAILURES]),
        )

    def _work(self) -> list[int]:
        """Encode round by round what came meanwhile, the last few while writers wait; return the ids that failed.

        Each round may leave a few more, so that it ends also where pictures come as fast as they are encoded.
        """
        hardly_any = gallery().embed_batch_size
        while True:
            self._deferred.clear()
            for batch in self._to_do():
                self._embed(batch)
            with self._next_epoch.lock():
                if Image.objects.not_in_next_epoch().count() - len(self._deferred) <= hardly_any:
                    return self._switch()
            hardly_any += gallery().embed_batch_size

    def _to_do(self) -> Iterator[list[Image]]:
        """Yield batches, suspects last."""
        to_do = Image.objects.not_in_next_epoch()
        for some in (to_do.unsuspected(), to_do.suspects()):
            last_id = 0
            while batch := list(some.filter(pk__gt=last_id)[: gallery().embed_batch_size]):
                yield batch
                last_id = batch[-1].pk

    def _embed(self, batch: Sequence[Image]) -> None:
        self._announce()
        for encoded in encode_and_try(batch, self._encoder):
            self._fail(encoded.failed)
            self._deferred |= {image.pk: reason for image, reason in encoded.deferred}
            if encoded.images:
                self._fail(commit_good_vectors(encoded.images, encoded.looks, self._add).refused)
        self._left -= len(batch)
        self._progress(len(batch))

    def _add(self, image_ids: list[int], looks: list[Look]) -> int:
        keep = keeping_things(image_ids, looks, self._encoder.key)
        return self._next_epoch.add(image_ids, rows_of(looks), encoder=self._encoder, beside=keep)

    def _fail(self, failed: Iterable[tuple[Image, ImageSearchError]]) -> None:
        for image, error in failed:
            self._next_epoch.fail(image.pk, StoredError.of(error), encoder=self._encoder)

    def _announce(self) -> None:
        """Tell serving processes which encoder comes, near the end: until then its memory would be wasted."""
        if self._left <= self._announced_at:
            name = self._encoder.key.id
            IndexState.objects.exclude(next_encoder_id=name).update(next_encoder_id=name)

    def _switch(self) -> list[int]:
        """Under the lock, so that nothing comes any more. Return the ids that failed."""
        self._refuse_unreadable()
        for batch in self._to_do():
            self._embed(batch)
        self._refuse_unreadable()
        self._refuse_losses()
        failed_ids = list(NextEmbedding.objects.failed().values_list("image_id", flat=True))
        self._next_epoch.switch(self._encoder, replaced_setting=self._replaced_setting())
        return failed_ids

    def _refuse_unreadable(self) -> None:
        if self._deferred:
            raise PicturesUnreadable(count=len(self._deferred), reason=next(iter(self._deferred.values())))

    def _refuse_losses(self) -> None:
        count = Image.objects.searchable().count()
        limit = max(LOSSES_ALWAYS_ACCEPTED, int(count * LOSSES_ACCEPTED_SHARE))
        lost = Image.objects.searchable().filter(next_embedding__row__isnull=True).count()
        if lost > limit and not self._accept_failures:
            raise TooManyLosses(failed=lost, count=count, encoder=self._encoder.key.id, limit=limit)

    def _replaced_setting(self) -> str:
        """Return the setting against which the index moves: what IMAGESEARCH_ENCODER names, here or, as it was right
        until now, elsewhere.
        """
        name, state, setting = self._encoder.key.id, IndexState.objects.current(), gallery().encoder
        if setting != AUTO and (named := canonical_name(setting)) != name:
            return named
        return state.encoder_id if state.encoder_id != name else state.replaced_setting


def _failures(image_ids: Sequence[int]) -> tuple[ImageFailure, ...]:
    failed = Image.objects.failed().filter(pk__in=image_ids).select_related("embedding_failure").order_by("pk")
    return tuple(ImageFailure(image.pk, image.original_name, image.failure) for image in failed if image.failure)
