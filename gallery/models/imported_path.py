import hashlib
import os
from collections.abc import Collection

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from gallery.errors import shown

from .image import Image


class ImportedPathQuerySet(models.QuerySet["ImportedPath"]):
    def remember(self, path: bytes, image: Image) -> None:
        """Note that this file holds this picture now, in the transaction of whatever is said of the picture."""
        digest = hashlib.sha256(path).hexdigest()
        row = self.model(owner_id=image.owner_id, path_sha256=digest, path=path, image=image)
        self.bulk_create([row], update_conflicts=True, unique_fields=["owner", "path_sha256"], update_fields=["image"])

    def known(self, paths: Collection[bytes], *, owner_id: int) -> set[bytes]:
        """Return those of some hundred paths at which the owner has imported a picture."""
        by_digest = {hashlib.sha256(path).hexdigest(): path for path in paths}
        digests = self.filter(owner=owner_id, path_sha256__in=by_digest).values_list("path_sha256", flat=True)
        return {by_digest[digest] for digest in digests}

    def image_at(self, path: bytes, *, owner_id: int) -> Image | None:
        """Return the owner's picture that this file held when it was imported last, in the trash or not."""
        digest = hashlib.sha256(path).hexdigest()
        found = self.filter(owner=owner_id, path_sha256=digest).select_related("image").first()
        return found.image if found is not None else None


class ImportedPath(models.Model):
    """Which picture a file on a disk held when it was imported last, so that an edited file is known again.

    It goes away with its picture: a file that is imported after that is a new one.
    """

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", db_index=False)
    path_sha256 = models.CharField(max_length=64)  # a path may be too long for an index, and of any bytes
    path = models.BinaryField()
    image = models.ForeignKey(Image, models.CASCADE, related_name="imported_paths")

    objects = ImportedPathQuerySet.as_manager()

    class Meta:
        verbose_name = _("imported path")
        verbose_name_plural = _("imported paths")
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["owner", "path_sha256"], name="imported_path_once_per_owner")]

    def __str__(self) -> str:
        return shown(os.fsdecode(bytes(self.path)))
