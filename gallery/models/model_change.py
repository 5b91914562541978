from collections.abc import Iterator
from typing import Self

import numpy as np
import numpy.typing as npt
from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from gallery.encoders.base import EncoderKey
from gallery.errors import StoredError

from .image import Image


class ModelChangeQuerySet(models.QuerySet["ModelChange"]):
    def current(self) -> "ModelChange | None":
        """Return the change that is under way, or whose old files are still to be removed."""
        return self.filter(pk=1).first()

    def note_stop(self, error: StoredError | None) -> None:
        """Keep why the last run stopped; nothing when one begins."""
        self.update(error=error.code if error else "", kept_error=error.as_json() if error else None)

    def building(self) -> "ModelChange | None":
        """Return the change that has an epoch under construction."""
        return self.filter(pk=1, is_switched=False, dimension__gt=0).first()


class ModelChange(models.Model):
    """The one change of the model that is under way: the database's word on the epoch under construction.

    It is asked for with the encoder's name alone; whoever carries it out fills in what that encoder is. `row_count`
    are the rows of the new epoch's file that count. `error` is the code of why the last run stopped, `kept_error` what
    else is kept of that. `is_switched`: the index has moved, only the files of its old epoch are left.
    """

    encoder_id = models.CharField(_("encoder"), max_length=200)
    encoder_revision = models.CharField(_("encoder revision"), max_length=200, blank=True)
    dimension = models.PositiveIntegerField(_("dimension"), default=0)
    epoch = models.PositiveIntegerField(_("epoch"), default=0)
    row_count = models.PositiveBigIntegerField(_("rows"), default=0)
    is_switched = models.BooleanField(_("switched"), default=False)
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("asked by")
    )
    started_at = models.DateTimeField(_("started"), default=timezone.now)
    run_started_at = models.DateTimeField(_("this run started"), null=True, blank=True)
    run_started_with = models.PositiveBigIntegerField(_("pictures done before this run"), default=0)
    heartbeat_at = models.DateTimeField(_("last sign of life"), null=True, blank=True)
    error = models.CharField(_("why it stopped"), max_length=500, blank=True)
    kept_error = models.JSONField(null=True, editable=False)

    objects = ModelChangeQuerySet.as_manager()

    class Meta:
        verbose_name = _("model change")
        verbose_name_plural = _("model changes")
        default_permissions = ()
        constraints = [models.CheckConstraint(condition=models.Q(pk=1), name="model_change_is_one_row")]

    def __str__(self) -> str:
        return self.encoder_id

    @property
    def encoder_key(self) -> EncoderKey:
        return EncoderKey(self.encoder_id, self.encoder_revision)

    @encoder_key.setter
    def encoder_key(self, key: EncoderKey) -> None:
        self.encoder_id, self.encoder_revision = key.id, key.revision

    @property
    def failure(self) -> StoredError | None:
        """Return why the last run stopped, None if it did not."""
        return StoredError.with_code(self.error, self.kept_error) if self.error else None


class NextEmbeddingQuerySet(models.QuerySet["NextEmbedding"]):
    def embedded(self) -> Self:
        return self.filter(row__isnull=False)

    def failed(self) -> Self:
        return self.filter(row__isnull=True)

    def failures(self) -> Iterator[tuple[int, StoredError]]:
        """Yield the id and the reason of each picture that the next encoder has no vector for."""
        for failed in self.failed().iterator(chunk_size=1_000):
            yield failed.image_id, StoredError.with_code(failed.error, failed.kept_error)

    def in_rows(self, rows: range) -> Self:
        return self.filter(row__gte=rows.start, row__lt=rows.stop)

    def rows(self) -> npt.NDArray[np.int64]:
        """Return (n, 2) int64: row of the epoch under construction and image id, ascending by row."""
        pairs = self.embedded().order_by("row").values_list("row", "image_id")
        flat = (number for pair in pairs.iterator(chunk_size=100_000) for number in pair)
        return np.fromiter(flat, dtype=np.int64).reshape(-1, 2)


class NextEmbedding(models.Model):
    """A picture's row in the epoch under construction, or why the next encoder has none for it: a code, and the rest.

    The queue is this table's gaps: a searchable picture that is not in it is to be done.
    """

    image = models.OneToOneField(Image, models.CASCADE, primary_key=True, related_name="next_embedding")
    row = models.PositiveBigIntegerField(null=True, unique=True)
    error = models.CharField(max_length=500, blank=True)
    kept_error = models.JSONField(null=True)

    objects = NextEmbeddingQuerySet.as_manager()

    class Meta:
        verbose_name = _("next embedding")
        verbose_name_plural = _("next embeddings")
        default_permissions = ()
        constraints = [
            models.CheckConstraint(
                condition=models.Q(row__isnull=False, error="") | (models.Q(row__isnull=True) & ~models.Q(error="")),
                name="next_embedding_or_error",
            )
        ]

    def __str__(self) -> str:
        return str(self.image_id)

    @property
    def failure(self) -> StoredError | None:
        return StoredError.with_code(self.error, self.kept_error) if self.error else None
