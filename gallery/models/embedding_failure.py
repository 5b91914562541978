from collections.abc import Iterable
from itertools import islice

from django.db import models, transaction
from django.utils.translation import gettext_lazy as _

from gallery.errors import StoredError

from .image import Image

KEPT_AT_A_TIME = 500


class EmbeddingFailureQuerySet(models.QuerySet["EmbeddingFailure"]):
    def fail(self, image_id: int, error: StoredError) -> None:
        """Take a picture out of the queue with the reason, unless it is searchable by now."""
        waiting = Image.objects.filter(pk=image_id, embedding_row__isnull=True)
        with transaction.atomic():
            if waiting.update(embed_error=error.code, embed_deaths=0):
                self.replace_all([(image_id, error)])

    def replace_all(self, failures: Iterable[tuple[int, StoredError]]) -> None:
        """Keep the reasons of pictures, by id, whose `embed_error` is set beside this; call it in that transaction."""
        rest = iter(failures)
        while some := list(islice(rest, KEPT_AT_A_TIME)):
            self.filter(pk__in=[image_id for image_id, _error in some]).delete()
            self.bulk_create(self.model(image_id=image_id, error=error.as_json()) for image_id, error in some)


class EmbeddingFailure(models.Model):
    """Why a picture could not be embedded, such that every reader can be told in their language.

    It counts while the picture's `embed_error` is the code in it: what cleared or replaced that need not delete it.
    """

    image = models.OneToOneField(Image, models.CASCADE, primary_key=True, related_name="embedding_failure")
    error = models.JSONField()  # StoredError.as_json

    objects = EmbeddingFailureQuerySet.as_manager()

    class Meta:
        verbose_name = _("embedding failure")
        verbose_name_plural = _("embedding failures")
        default_permissions = ()

    def __str__(self) -> str:
        return str(self.error["message"])
