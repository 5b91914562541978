"""Moving the library to another encoder, or through its own once more, while it is searched and written to."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils import timezone

from gallery.conf import gallery
from gallery.durable.file_lock import FileLock
from gallery.encoders.base import Encoder
from gallery.encoders.registry import AUTO, canonical_name, choose_encoder_name, get_encoder, pinned_options
from gallery.errors import (
    ImageSearchError,
    InvalidVector,
    ModelChangeRunning,
    ModelChangeUnderWay,
    NoModelChange,
    PicturesUnreadable,
    StoreBusy,
    TooManyLosses,
)
from gallery.models import Actor, AuditVerb, Image, IndexState, ModelChange, NextEmbedding
from gallery.models.access import may_change_model
from gallery.search_index import search_index
from gallery.services.audit import Action, record

from .encoder_deaths import count_deaths
from .encoder_in_use import encoder_of
from .isolated_batches import encode_batch
from .waiting_images import Progress, embed_pending

LOCK_SECONDS = 10.0  # a cancelled run needs a moment to notice
LOSSES_ALWAYS_ACCEPTED = 10
LOSSES_ACCEPTED_SHARE = 0.05
ANNOUNCED_SHARE = 0.1  # of the pictures, left to do when serving processes begin to load the next encoder
LISTED_FAILURES = 1_000
STARTING_SECONDS = 60  # until a process that was begun must have its lock

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class ModelChangeReport:
    """`rows` are those of the index now; `resumed` pictures were there when this run began."""

    encoder: str = ""
    rows: int = 0
    resumed: int = 0
    started_over: bool = False
    failed: int = 0
    failures: list[dict[str, str | int]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class ModelChangeProgress:
    """What a person who waits wants to know. `seconds_left` is None while nobody can tell."""

    change: ModelChange
    done: int
    total: int
    failed: int
    is_running: bool
    seconds_left: float | None

    @property
    def is_starting(self) -> bool:
        """Somebody has begun it, but its process has not got to work yet."""
        begun = self.change.heartbeat_at
        if self.is_running or self.change.error or begun is None or self.change.run_started_at:
            return False
        return timezone.now() - begun < timedelta(seconds=STARTING_SECONDS)

    @property
    def percent(self) -> int:
        return 100 if not self.total else min(100, self.done * 100 // self.total)


# Asking


def ask_for_change(encoder_name: str | None, *, by: Actor) -> ModelChange:
    """Note that the library shall move to an encoder; by default the one it is moving to, or else its present one.

    Raises UnknownEncoder, ModelChangeUnderWay, PermissionDenied.
    """
    _refuse_strangers(by)
    wanted = _canonical(encoder_name) if encoder_name else ""
    search_index().next.finish()  # of a change that is over, whose run died at the very end
    change = ModelChange.objects.current()
    if change is None:
        name = wanted or _present_name()
        change = _asked_for(name, by=by)
    if wanted not in ("", change.encoder_id):
        raise ModelChangeUnderWay(encoder=change.encoder_id)
    return change


def _asked_for(encoder_name: str, *, by: Actor) -> ModelChange:
    with transaction.atomic():
        change, created = ModelChange.objects.get_or_create(
            pk=1, defaults={"encoder_id": encoder_name, "asked_by": by.user}
        )
        if created:
            _record(AuditVerb.MODEL_ASKED_FOR, change, by=by)
    return change


def _record(verb: AuditVerb, change: ModelChange, *, by: Actor, switches: dict[str, bool] | None = None) -> None:
    """Write an audit entry about the index: which model it has, and which one it is to have."""
    state = IndexState.objects.current()
    after = {"encoder_id": change.encoder_id} | {name: True for name, is_set in (switches or {}).items() if is_set}
    record(Action(by), verb, state, label=change.encoder_id, before={"encoder_id": state.encoder_id}, after=after)


def _canonical(encoder_name: str) -> str:
    return choose_encoder_name(encoder_name) if encoder_name == AUTO else canonical_name(encoder_name)


def _present_name() -> str:
    state = IndexState.objects.current()
    return state.encoder_id if state.has_encoder else choose_encoder_name(gallery().encoder)


def note_begin(change: ModelChange, *, by: Actor, **switches: bool) -> None:
    """Note that somebody is about to carry the change out, for the first time or again. Raises PermissionDenied."""
    _refuse_strangers(by)
    with transaction.atomic():
        if change.heartbeat_at is not None:
            _record(AuditVerb.MODEL_CONTINUED, change, by=by, switches=switches)
        ModelChange.objects.filter(pk=change.pk).update(error="", heartbeat_at=timezone.now(), run_started_at=None)


def cancel_change(*, by: Actor) -> bool:
    """Give the change that is under way up; return whether there was one. The index is as it was.

    Raises PermissionDenied.
    """
    _refuse_strangers(by)
    return search_index().next.cancel(beside=lambda change: _record(AuditVerb.MODEL_CANCELLED, change, by=by))


def _refuse_strangers(by: Actor) -> None:
    if not may_change_model(by):
        raise PermissionDenied


def change_progress() -> ModelChangeProgress | None:
    change = ModelChange.objects.filter(is_switched=False).first()
    if change is None:
        return None
    done = NextEmbedding.objects.count()
    total = done + Image.objects.not_in_next_epoch().count()
    is_running = change_is_running()
    seconds_left = None
    if is_running and change.run_started_at and done > change.run_started_with:
        elapsed = (timezone.now() - change.run_started_at).total_seconds()
        seconds_left = elapsed / (done - change.run_started_with) * (total - done)
    return ModelChangeProgress(
        change=change,
        done=done,
        total=total,
        failed=NextEmbedding.objects.failed().count(),
        is_running=is_running,
        seconds_left=seconds_left,
    )


def change_is_running() -> bool:
    """Say whether a process works on a change: it holds a lock as long as it lives."""
    try:
        with _run_lock(0.0):
            return False
    except StoreBusy:
        return True


def _run_lock(timeout_seconds: float) -> FileLock:
    return FileLock(gallery().locks_dir / "reindex.lock", timeout_seconds=timeout_seconds)


@contextmanager
def _only_run() -> Iterator[None]:
    with ExitStack() as held:
        try:
            held.enter_context(_run_lock(LOCK_SECONDS))
        except StoreBusy:
            raise ModelChangeRunning from None
        yield


# Doing


def change_model(
    encoder_name: str | None = None,
    *,
    by: Actor,
    retry_failed: bool = False,
    accept_failures: bool = False,
    progress: Progress = lambda _count: None,
) -> ModelChangeReport:
    """Embed the whole library into a new epoch and move to it; may be killed and run again, and goes on.

    Searches go on in the old epoch until the one moment of the switch; what is uploaded meanwhile is embedded into
    both. Pictures that the next encoder cannot read lose their place in the search, with the reason; if these are
    more than a few, nothing is switched unless `accept_failures` says so.
    Raises UnknownEncoder, EncoderUnavailable, ModelChangeUnderWay, ModelChangeRunning, ModelChangeCancelled,
    NoModelChange, PicturesUnreadable, TooManyLosses, PermissionDenied: the index is then as it was.
    """
    _refuse_strangers(by)
    if encoder_name:
        _canonical(encoder_name)  # a name that does not exist is said before anything else
    with _only_run():
        change = ModelChange.objects.current()
        if change is not None and change.is_switched:
            report = _finish_switched(change, encoder_name)
            if report is not None:
                embed_pending()
                return report
        if retry_failed and ModelChange.objects.current() is None:
            raise NoModelChange
        was_asked_for = ModelChange.objects.exists()
        change = ask_for_change(encoder_name, by=by)
        try:
            report = _Run(change, is_named=bool(encoder_name), accept_failures=accept_failures, progress=progress).run(
                retry_failed=retry_failed
            )
        except ImageSearchError as error:
            ModelChange.objects.update(error=str(error)[:500])
            if not was_asked_for:
                ModelChange.objects.filter(dimension=0).delete()  # it never began: nobody has to give it up
            raise
    embed_pending()  # what nobody could embed meanwhile
    return report


def _finish_switched(change: ModelChange, encoder_name: str | None) -> ModelChangeReport | None:
    """Clean up after a run that died when the index had moved; return its report if that is all that was asked for."""
    search_index().next.finish()
    if encoder_name and _canonical(encoder_name) != change.encoder_id:
        return None
    return ModelChangeReport(encoder=change.encoder_id, rows=change.row_count, resumed=change.row_count)


class _Run:
    """One process's work on a change."""

    def __init__(self, change: ModelChange, *, is_named: bool, accept_failures: bool, progress: Progress) -> None:
        self.change = change
        self.is_named = is_named
        self.accept_failures = accept_failures
        self.progress = progress
        self.deferred: dict[int, str] = {}

    def run(self, *, retry_failed: bool) -> ModelChangeReport:
        self.encoder = self._load_encoder()
        next_epoch = search_index().next
        opened = next_epoch.open(self.encoder)
        if retry_failed:
            next_epoch.retry_failures()
        count_deaths()
        self.progress(opened.done)
        self.left = Image.objects.not_in_next_epoch().count()
        self.announced_at = max(10 * gallery().embed_batch_size, ANNOUNCED_SHARE * (opened.done + self.left))
        self._work_until_switched()
        failures = _failures(self.failed_ids)
        return ModelChangeReport(
            encoder=self.encoder.key.id,
            rows=IndexState.objects.current().row_count,
            resumed=opened.done,
            started_over=opened.is_anew,
            failed=len(self.failed_ids),
            failures=failures,
        )

    def _load_encoder(self) -> Encoder:
        """Return the encoder at the commit that the change began with; the index's own if nobody named another."""
        name, state = self.change.encoder_id, IndexState.objects.current()
        if self.change.encoder_revision:
            return get_encoder(name, pinned_options(name, self.change.encoder_revision))
        if not self.is_named and name == state.encoder_id:
            return encoder_of(state)
        return get_encoder(name)

    def _work_until_switched(self) -> None:
        """Encode round by round what came meanwhile; the last few while writers wait.

        Each round may leave a few more, so that it ends also where pictures come as fast as they are encoded.
        """
        hardly_any = gallery().embed_batch_size
        while True:
            self.deferred.clear()
            for batch in self._to_do():
                self._embed(batch)
            with search_index().next.lock():
                if Image.objects.not_in_next_epoch().count() - len(self.deferred) <= hardly_any:
                    self._switch()
                    return
            hardly_any += gallery().embed_batch_size

    def _to_do(self) -> Iterator[list[Image]]:
        last_id, size = 0, gallery().embed_batch_size
        while batch := list(Image.objects.not_in_next_epoch().filter(pk__gt=last_id)[:size]):
            yield batch
            last_id = batch[-1].pk

    def _embed(self, batch: Sequence[Image]) -> None:
        self._announce()
        encoded = encode_batch(batch, self.encoder)
        next_epoch = search_index().next
        for image, error in encoded.failed:
            next_epoch.fail(image.pk, str(error), encoder=self.encoder)
        self.deferred |= {image.pk: reason for image, reason in encoded.deferred}
        places = list(range(len(encoded.images)))
        while places:
            ids = [encoded.images[place].pk for place in places]
            try:
                next_epoch.add(ids, encoded.matrix[places], encoder=self.encoder)
                break
            except InvalidVector as error:
                culprit = error.details.get("image_id")
                if culprit not in ids:
                    raise
                next_epoch.fail(int(culprit), str(error), encoder=self.encoder)
                places.remove(next(place for place in places if encoded.images[place].pk == culprit))
        self.left -= len(batch)
        self.progress(len(batch))

    def _announce(self) -> None:
        """Tell serving processes which encoder comes, near the end: until then its memory would be wasted."""
        if self.left <= self.announced_at:
            IndexState.objects.exclude(next_encoder_id=self.encoder.key.id).update(next_encoder_id=self.encoder.key.id)

    def _switch(self) -> None:
        """Under the lock, so that nothing comes any more."""
        if self.deferred:
            raise PicturesUnreadable(count=len(self.deferred), reason=next(iter(self.deferred.values())))
        for batch in self._to_do():
            self._embed(batch)
        if self.deferred:
            raise PicturesUnreadable(count=len(self.deferred), reason=next(iter(self.deferred.values())))
        self._refuse_losses()
        self.failed_ids = list(NextEmbedding.objects.failed().values_list("image_id", flat=True))
        search_index().next.switch(self.encoder, replaced_setting=self._replaced_setting())

    def _refuse_losses(self) -> None:
        count = Image.objects.searchable().count()
        limit = max(LOSSES_ALWAYS_ACCEPTED, int(count * LOSSES_ACCEPTED_SHARE))
        lost = Image.objects.searchable().filter(next_embedding__row__isnull=True).count()
        if lost > limit and not self.accept_failures:
            raise TooManyLosses(failed=lost, count=count, encoder=self.encoder.key.id, limit=limit)

    def _replaced_setting(self) -> str:
        """Return the setting against which the index moves: what IMAGESEARCH_ENCODER names, here or, as it was right
        until now, elsewhere.
        """
        state, setting = IndexState.objects.current(), gallery().encoder
        if setting != AUTO and (named := canonical_name(setting)) != self.encoder.key.id:
            return named
        return state.encoder_id if state.encoder_id != self.encoder.key.id else state.replaced_setting


def _failures(image_ids: Sequence[int]) -> list[dict[str, str | int]]:
    failed = Image.objects.failed().filter(pk__in=list(image_ids[:LISTED_FAILURES])).order_by("pk")
    return [{"id": image.pk, "name": image.original_name, "error": image.embed_error} for image in failed]
