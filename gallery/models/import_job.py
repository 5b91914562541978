from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class ImportJob(models.Model):
    """One run of an import: what it was asked to bring in, and what became of every file."""

    class Status(models.TextChoices):
        RUNNING = "running", _("running")
        FINISHED = "finished", _("finished")
        INTERRUPTED = "interrupted", _("interrupted: run it again")

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="import_jobs", verbose_name=_("owner")
    )
    source = models.TextField(_("source"))
    status = models.CharField(_("status"), max_length=12, choices=Status.choices, default=Status.RUNNING)
    total = models.PositiveIntegerField(_("files"), default=0)
    added = models.PositiveIntegerField(_("added"), default=0)
    duplicates = models.PositiveIntegerField(_("duplicates"), default=0)
    ignored = models.PositiveIntegerField(_("ignored"), default=0)
    failures = models.JSONField(_("failed files"), default=list, blank=True)
    skipped = models.JSONField(_("skipped files"), default=list, blank=True)
    changed = models.JSONField(_("changed files"), default=list, blank=True)
    started_at = models.DateTimeField(_("started"), auto_now_add=True)
    finished_at = models.DateTimeField(pgettext_lazy("when", "finished"), null=True, blank=True)

    class Meta:
        ordering = ["-started_at", "-pk"]
        verbose_name = _("import")
        verbose_name_plural = _("imports")
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=["running", "finished", "interrupted"]), name="import_job_status_known"
            ),
            models.CheckConstraint(condition=Q(total__gte=F("added") + F("duplicates")), name="import_job_counts_fit"),
        ]

    def __str__(self) -> str:
        return f"{self.source[:80]} ({self.get_status_display()})"


class ImportedImage(models.Model):
    """A picture that an import has brought in, until the audit entry of that import lists it.

    It is written in the picture's own transaction: an import that is killed forgets none. The picture itself may be
    gone again by then.
    """

    job = models.ForeignKey(ImportJob, models.CASCADE, related_name="imported")
    image_id = models.BigIntegerField()

    class Meta:
        verbose_name = _("imported picture")
        verbose_name_plural = _("imported pictures")
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.job_id}:{self.image_id}"
