"""What belongs to a job, in rows of their own: what people want to know of, what it is about, what it brought in."""

from copy import copy
from typing import Self

import numpy as np
import numpy.typing as npt
from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from gallery.errors import StoredError

from .access import may_see_server_paths
from .actor import Actor
from .imported_names import imported_name, without_places
from .job import Job, JobKind


class JobItemQuerySet(models.QuerySet["JobItem"]):
    def failed(self) -> Self:
        return self.filter(kind=JobItem.Kind.FAILED)

    def skipped(self) -> Self:
        return self.filter(kind=JobItem.Kind.SKIPPED)

    def changed(self) -> Self:
        return self.filter(kind=JobItem.Kind.CHANGED)


class JobItem(models.Model):
    """One thing of a job that people want to know of: what failed or was left out and why, or what changed.

    `item` is what people call it: a file's path, a picture's name. `details` are small: the ids of pictures.
    """

    class Kind(models.TextChoices):
        FAILED = "failed", _("failed")
        SKIPPED = "skipped", _("skipped")
        CHANGED = "changed", pgettext_lazy("what was done", "changed")

    job = models.ForeignKey(Job, models.CASCADE, related_name="items")
    kind = models.CharField(_("kind"), max_length=12, choices=Kind.choices)
    item = models.TextField(_("item"))
    error = models.JSONField(_("reason"), null=True)  # StoredError.as_json
    details = models.JSONField(_("details"), default=dict)

    objects = JobItemQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        verbose_name = _("item of a job")
        verbose_name_plural = _("items of jobs")
        default_permissions = ()
        indexes = [models.Index(fields=["job", "kind"], name="job_item_of_kind")]

    def __str__(self) -> str:
        return self.item

    def told_to(self, actor: Actor) -> "JobItem":
        """Return the item as this person may read it, not to be saved; see `Job.told_to`."""
        if self.job.kind != JobKind.IMPORT or may_see_server_paths(actor):
            return self
        told, places = copy(self), self.job.places
        told.item, told.error = imported_name(self.item, places), without_places(self.error, places)
        return told

    @property
    def reason(self) -> StoredError | None:
        return StoredError.from_json(self.error) if self.error is not None else None


class JobSelection(models.Model):
    """The pictures that a bulk change is about, as they were chosen."""

    job = models.OneToOneField(Job, models.CASCADE, primary_key=True, related_name="selection")
    packed_ids = models.BinaryField()  # int64, little-endian, ascending

    class Meta:
        verbose_name = _("pictures of a bulk change")
        verbose_name_plural = _("pictures of bulk changes")
        default_permissions = ()

    def __str__(self) -> str:
        return str(self.job_id)

    @classmethod
    def of(cls, job: Job, image_ids: npt.NDArray[np.int64]) -> Self:
        return cls(job=job, packed_ids=np.sort(image_ids).astype("<i8").tobytes())

    @property
    def image_ids(self) -> npt.NDArray[np.int64]:
        """Return (n,) int64, ascending."""
        return np.frombuffer(bytes(self.packed_ids), dtype="<i8").astype(np.int64)


class ImportedImage(models.Model):
    """A picture that an import has brought in, until the audit entry of that import lists it.

    It is written in the picture's own transaction: an import that is killed forgets none. The picture itself may be
    gone again by then.
    """

    job = models.ForeignKey(Job, models.CASCADE, related_name="imported")
    image_id = models.BigIntegerField()

    class Meta:
        verbose_name = _("imported picture")
        verbose_name_plural = _("imported pictures")
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.job_id}:{self.image_id}"
