"""Moving the library to another encoder, or through its own once more, while it is searched and written to."""

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
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
    ModelChangeRunning,
    ModelChangeUnderWay,
    NoModelChange,
    StoreBusy,
    StoredError,
)
from gallery.models import Actor, AuditVerb, Image, IndexState, Job, JobKind, ModelChange, NextEmbedding
from gallery.models.access import may_change_model
from gallery.search_index import search_index
from gallery.services.audit import Action, record
from gallery.services.long_work import cancel

from .claimed_images import embed_pending
from .encoder_in_use import encoder_of
from .model_change_run import ModelChangeReport, ModelChangeRun
from .waiting_images import Progress

LOCK_SECONDS = 10.0  # a cancelled run needs a moment to notice
STARTING_SECONDS = 60  # until a process that was begun must have its lock

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ModelChangeProgress:
    """What a person who waits wants to know. `seconds_left` is None while nobody can tell."""

    change: ModelChange
    done: int
    total: int
    failed: int
    is_running: bool
    seconds_left: float | None
    is_asked_for: bool = False  # a job of it waits, or has just been taken by a worker

    @property
    def is_starting(self) -> bool:
        """Somebody has begun it, but no process has got to work yet."""
        if self.is_asked_for and not self.is_running:
            return True
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
        begun = ModelChange.objects.filter(pk=change.pk)
        begun.update(heartbeat_at=timezone.now(), run_started_at=None)
        begun.note_stop(None)


def cancel_change(*, by: Actor) -> bool:
    """Give the change that is under way up; return whether there was one. The index is as it was.

    Raises PermissionDenied.
    """
    _refuse_strangers(by)
    cancel(Job.objects.of_kind(JobKind.MODEL_CHANGE).waiting(), by=by)
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
        is_asked_for=Job.objects.of_kind(JobKind.MODEL_CHANGE).under_way().exists(),
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
        report = _finish_switched(encoder_name)
        if report is None:
            if retry_failed and ModelChange.objects.current() is None:
                raise NoModelChange
            report = _carry_out(
                encoder_name, by=by, retry_failed=retry_failed, accept_failures=accept_failures, progress=progress
            )
    embed_pending()  # what nobody could embed meanwhile
    return report


def _finish_switched(encoder_name: str | None) -> ModelChangeReport | None:
    """Clean up after a run that died when the index had moved; return its report if that is all that was asked for."""
    change = ModelChange.objects.current()
    if change is None or not change.is_switched:
        return None
    search_index().next.finish()
    if encoder_name and _canonical(encoder_name) != change.encoder_id:
        return None
    return ModelChangeReport(encoder=change.encoder_id, rows=change.row_count, resumed=change.row_count)


def _carry_out(
    encoder_name: str | None, *, by: Actor, retry_failed: bool, accept_failures: bool, progress: Progress
) -> ModelChangeReport:
    """Do what was asked for, or what is asked for now; keep why it stopped, if it does."""
    was_asked_for = ModelChange.objects.exists()
    change = ask_for_change(encoder_name, by=by)
    try:
        encoder = _next_encoder(change, is_named=bool(encoder_name))
        run = ModelChangeRun(encoder, accept_failures=accept_failures, progress=progress)
        return run.until_switched(retry_failed=retry_failed)
    except ImageSearchError as error:
        ModelChange.objects.note_stop(StoredError.of(error))
        if not was_asked_for:
            ModelChange.objects.filter(dimension=0).delete()  # it never began: nobody has to give it up
        raise


def _next_encoder(change: ModelChange, *, is_named: bool) -> Encoder:
    """Return the encoder at the commit that the change began with; the index's own if nobody named another."""
    name, state = change.encoder_id, IndexState.objects.current()
    if change.encoder_revision:
        return get_encoder(name, pinned_options(name, change.encoder_revision))
    if not is_named and name == state.encoder_id:
        return encoder_of(state)
    return get_encoder(name)
