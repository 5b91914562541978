import uuid
from datetime import datetime
from typing import Self

from django.db import models
from django.utils.translation import gettext_lazy as _

from gallery.encoders.base import EncoderKey


class QueryPictureQuerySet(models.QuerySet["QueryPicture"]):
    def created_before(self, moment: datetime) -> Self:
        return self.filter(created_at__lt=moment)

    def beyond(self, count: int) -> Self:
        """All but the newest `count`."""
        newest = list(self.order_by("-created_at", "pk").values_list("pk", flat=True)[: count + 1])
        return self.exclude(pk__in=newest[:count]) if len(newest) > count else self.none()


class QueryPicture(models.Model):
    """A picture somebody searches with, kept for a while so that the result page has a link.

    The link is a random id: whoever is given it sees the query and, of the results, what they may see themselves.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(_("file name"), max_length=255, blank=True)
    preview = models.BinaryField()  # WebP, a few dozen kB
    vector = models.BinaryField()  # float32, little-endian, of the encoder below
    encoder_id = models.CharField(max_length=200)
    encoder_revision = models.CharField(max_length=200)
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    objects = QueryPictureQuerySet.as_manager()

    class Meta:
        verbose_name = _("query picture")
        verbose_name_plural = _("query pictures")

    def __str__(self) -> str:
        return self.name or str(self.pk)

    @property
    def encoder_key(self) -> EncoderKey:
        return EncoderKey(self.encoder_id, self.encoder_revision)
