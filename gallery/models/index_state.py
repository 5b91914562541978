from typing import Self

from django.db import models
from django.utils.translation import gettext_lazy as _

from gallery.encoders.base import EncoderKey


class IndexStateQuerySet(models.QuerySet["IndexState"]):
    def current(self) -> "IndexState":
        """Return the one row, making it on an empty database."""
        state, _created = self.get_or_create(pk=1)
        return state

    def locked(self) -> "IndexState":
        """Return the one row, locked until the transaction ends (on SQLite the transaction itself is the lock)."""
        self.current()
        return self.select_for_update().get(pk=1)

    def versions(self) -> Self:
        return self.filter(pk=1)


class IndexState(models.Model):
    """Which vectors are committed: the database's word on the `.npy` file.

    `version` grows with every change of the index; a reader that knows it knows whether its own view is current.
    `replaced_setting` is the encoder that IMAGESEARCH_ENCODER named when somebody moved the index to another one all
    the same: while it still says so, the index is right. `next_encoder_id` lets processes load a model in time.
    """

    epoch = models.PositiveIntegerField(_("epoch"), default=1)
    version = models.PositiveBigIntegerField(_("version"), default=0)
    encoder_id = models.CharField(_("encoder"), max_length=200, blank=True)
    encoder_revision = models.CharField(_("encoder revision"), max_length=200, blank=True)
    dimension = models.PositiveIntegerField(_("dimension"), default=0)
    row_count = models.PositiveBigIntegerField(_("rows"), default=0)
    replaced_setting = models.CharField(_("setting that a reindex went against"), max_length=200, blank=True)
    next_encoder_id = models.CharField(_("encoder it moves to soon"), max_length=200, blank=True)
    updated_at = models.DateTimeField(_("changed"), auto_now=True)

    objects = IndexStateQuerySet.as_manager()

    class Meta:
        verbose_name = _("index state")
        verbose_name_plural = _("index state")
        constraints = [models.CheckConstraint(condition=models.Q(pk=1), name="index_state_is_one_row")]

    def __str__(self) -> str:
        return f"{self.encoder_id or '-'} · {self.row_count} × {self.dimension} · v{self.version}"

    @property
    def has_encoder(self) -> bool:
        return bool(self.encoder_id)

    @property
    def encoder_key(self) -> EncoderKey:
        return EncoderKey(self.encoder_id, self.encoder_revision)

    @encoder_key.setter
    def encoder_key(self, key: EncoderKey) -> None:
        self.encoder_id, self.encoder_revision = key.id, key.revision
