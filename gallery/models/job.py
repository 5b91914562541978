"""Long work as one kind of thing: imports, changes of the model, bulk changes, whatever takes more than a request."""

from copy import copy
from datetime import datetime
from math import ceil
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext, ngettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from gallery.errors import StoredError

from .access import Visibility, is_own_job, may_edit_job, may_see_job, may_see_server_paths
from .actor import Actor, ActorKind, Door
from .imported_names import imported_name, without_places


class JobKind(models.TextChoices):
    """An open list: a row of a kind that a version does not know is shown by its code."""

    IMPORT = "import", _("import")
    MODEL_CHANGE = "model_change", _("change of the model")
    BULK_CHANGE = "bulk_change", _("bulk change")


class BulkChange(models.TextChoices):
    """What a bulk change does to each of its pictures."""

    VISIBILITY = "visibility", _("change the visibility")
    ADD_TAGS = "add_tags", _("add tags")
    REMOVE_TAGS = "remove_tags", _("remove tags")
    TRASH = "trash", _("move to the trash")
    RESTORE = "restore", _("bring back from the trash")
    DELETE = "delete", _("delete forever")


class JobQuerySet(models.QuerySet["Job"]):
    def visible_to(self, actor: Actor) -> Self:
        return self.filter(may_see_job(actor))

    def editable_by(self, actor: Actor) -> Self:
        """Return those that the actor may cancel."""
        return self.filter(may_edit_job(actor))

    def own_of(self, actor: Actor) -> Self:
        """Return what a member began or what works in their library; nobody else has any."""
        return self.filter(is_own_job(actor))

    def of_kind(self, kind: str) -> Self:
        return self.filter(kind=kind)

    def under_way(self) -> Self:
        """Return what waits or runs."""
        return self.filter(status__in=Job.UNDER_WAY)

    def waiting(self) -> Self:
        return self.filter(status=Job.Status.WAITING)

    def running(self) -> Self:
        return self.filter(status=Job.Status.RUNNING)

    def due(self) -> Self:
        """Return what waits for a worker, the oldest first."""
        return self.waiting().filter(is_for_worker=True).order_by("pk")

    def ended_before(self, moment: datetime) -> Self:
        return self.exclude(status__in=Job.UNDER_WAY).filter(finished_at__lt=moment)

    def newest(self) -> Self:
        return self.order_by("-pk")


class Job(models.Model):
    """One piece of long work: what it is, who began it, how far it came and how it ended.

    `owner` is whose library it works in, None where it is the site's. `asked_by` with `actor_kind` and `door` says who
    began it. `subject` is what it works at, as data: an import's paths, an encoder's name, tags. `details` are small
    and of its kind. `is_for_worker`: a worker carries it out; else the command that made it does. A run holds the lock
    of its row for as long as it lives, so that one that was killed is known (`services/long_work.py`). `tries` counts
    the runs that began it.
    """

    class Status(models.TextChoices):
        WAITING = "waiting", _("waiting")
        RUNNING = "running", _("running")
        FINISHED = "finished", _("finished")
        FAILED = "failed", _("failed")
        CANCELLED = "cancelled", _("cancelled")
        INTERRUPTED = "interrupted", _("interrupted")

    UNDER_WAY = (Status.WAITING, Status.RUNNING)
    STOPPED = (Status.FAILED, Status.CANCELLED, Status.INTERRUPTED)

    kind = models.CharField(_("kind"), max_length=32, choices=JobKind.choices)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, null=True, blank=True, related_name="jobs", verbose_name=_("owner")
    )
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("asked by")
    )
    actor_kind = models.CharField(
        _("kind of actor"), max_length=16, choices=ActorKind.choices, default=ActorKind.OPERATOR
    )
    door = models.CharField(_("door"), max_length=16, choices=Door.choices, default=Door.COMMAND)
    subject = models.TextField(_("what it works at"), blank=True)
    status = models.CharField(_("status"), max_length=12, choices=Status.choices, default=Status.WAITING)
    is_for_worker = models.BooleanField(_("carried out by a worker"), default=False)
    tries = models.PositiveSmallIntegerField(_("runs"), default=0)
    total = models.PositiveBigIntegerField(_("total"), default=0)
    done = models.PositiveBigIntegerField(_("done"), default=0)
    failed = models.PositiveBigIntegerField(_("failed"), default=0)
    per_second = models.FloatField(_("per second"), null=True, blank=True)  # over the last minute
    asked_at = models.DateTimeField(_("asked for"), default=timezone.now)
    started_at = models.DateTimeField(_("started"), null=True, blank=True)
    heartbeat_at = models.DateTimeField(_("last sign of life"), null=True, blank=True)
    finished_at = models.DateTimeField(pgettext_lazy("when", "finished"), null=True, blank=True)
    cancel_asked_at = models.DateTimeField(_("cancelling asked for"), null=True, blank=True)
    holder = models.CharField(_("process"), max_length=300, blank=True)
    error = models.JSONField(_("why it stopped"), null=True, blank=True)  # StoredError.as_json
    details = models.JSONField(_("details"), default=dict, blank=True)

    objects = JobQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        verbose_name = _("job")
        verbose_name_plural = _("jobs")
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    status__in=["waiting", "running", "finished", "failed", "cancelled", "interrupted"],
                ),
                name="job_status_known",
            ),
            models.CheckConstraint(condition=Q(total__gte=F("done")), name="job_counts_fit"),
        ]
        indexes = [
            models.Index(fields=["status"], condition=Q(status__in=["waiting", "running"]), name="job_under_way"),
        ]

    def __str__(self) -> str:
        return f"{self.title} ({self.get_status_display()})"

    @property
    def actor(self) -> Actor:
        """Return who began it, as it was asked for."""
        return Actor(ActorKind(self.actor_kind), Door(self.door), self.asked_by)

    def told_to(self, actor: Actor) -> "Job":
        """Return the job as this person may read it, not to be saved: of an import's paths the names alone."""
        if self.kind != JobKind.IMPORT or may_see_server_paths(actor):
            return self
        told, places = copy(self), self.places
        told.subject = "\n".join(imported_name(place, places) for place in places)
        told.error = without_places(self.error, places)
        return told

    @property
    def places(self) -> list[str]:
        """Return what an import works at, path by path."""
        return self.subject.split("\n")

    @property
    def title(self) -> str:
        """Say in the reader's language what it does, and to what."""
        about = self.about
        return gettext("%(what)s: %(subject)s") % {"what": self.what, "subject": about} if about else self.what

    @property
    def what(self) -> str:
        """Say in the reader's language what it does."""
        change = self.details.get("change", "")
        if self.kind == JobKind.BULK_CHANGE and change in BulkChange.values:
            return str(BulkChange(change).label)
        return str(self.get_kind_display())

    @property
    def about(self) -> str:
        """Say what it works at, in the reader's language where that is a choice of ours."""
        if self.details.get("change") == BulkChange.VISIBILITY and self.subject in Visibility.values:
            return str(Visibility(self.subject).label)
        return self.first_subject

    @property
    def first_subject(self) -> str:
        return self.subject.partition("\n")[0][:200]

    @property
    def is_under_way(self) -> bool:
        return self.status in self.UNDER_WAY

    @property
    def is_running(self) -> bool:
        return self.status == self.Status.RUNNING

    @property
    def is_cancelling(self) -> bool:
        """Say whether it is to stop, and has not yet."""
        return self.is_running and self.cancel_asked_at is not None

    @property
    def failure(self) -> StoredError | None:
        """Return why it stopped, None if nothing was wrong."""
        return StoredError.from_json(self.error) if self.error is not None else None

    @property
    def percent(self) -> int | None:
        """Return how much is done, None while nobody knows how much there is."""
        return min(100, self.done * 100 // self.total) if self.total else None

    @property
    def seconds_left(self) -> float | None:
        """Return how long the rest takes at the speed of the last minute, None where nobody can tell."""
        if not self.is_running or not self.per_second or not self.total:
            return None
        return (self.total - self.done) / self.per_second

    @property
    def time_left(self) -> str:
        """Say in the reader's language how long the rest takes, "" where nobody can tell."""
        return time_left(self.seconds_left)

    @property
    def can_go_on(self) -> bool:
        """Say whether it ended before it was done, and a worker may go on with the rest."""
        return self.is_for_worker and self.status in self.STOPPED


def time_left(seconds: float | None) -> str:
    """Say in the reader's language how long something takes yet, "" where nobody can tell."""
    if seconds is None:
        return ""
    minutes = ceil(seconds / 60)
    if minutes <= 1:
        return gettext("less than a minute left")
    if minutes < 120:
        return ngettext("about %d minute left", "about %d minutes left", minutes) % minutes
    hours = round(minutes / 60)
    return ngettext("about %d hour left", "about %d hours left", hours) % hours
