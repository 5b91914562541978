from django.conf import settings
from django.db import models, transaction
from django.db.models import Count, F, Sum

from .image import Image


class LibraryUseQuerySet(models.QuerySet["LibraryUse"]):
    def change(self, owner_id: int, *, images: int, size_bytes: int) -> "LibraryUse":
        """Add what came to a library, or take away what went (below 0); return what it holds then, owner along.

        Call it last in the transaction that changes the pictures: the row is locked until its end, and whoever has it
        waits for nothing else. Then what it returns is exact, however many bring pictures in at once.
        """
        changed = self.filter(owner=owner_id).update(
            images=F("images") + images, size_bytes=F("size_bytes") + size_bytes
        )
        if not changed and not self._begin(owner_id):  # somebody else began it a moment ago
            return self.change(owner_id, images=images, size_bytes=size_bytes)
        return self.select_related("owner").get(owner=owner_id)

    def of(self, owner_id: int) -> "LibraryUse":
        """Return what a library holds, owner along; counted once where that was never asked."""
        use = self.select_related("owner").filter(owner=owner_id).first()
        if use is not None:
            return use
        with transaction.atomic():
            return self.change(owner_id, images=0, size_bytes=0)

    def _begin(self, owner_id: int) -> bool:
        """Count the pictures that are there, those of this transaction among them; say whether that was done here.

        Whoever else brings some in waits for the row before they commit, and adds theirs.
        """
        _use, created = self.get_or_create(owner_id=owner_id)
        if created:
            self.filter(owner=owner_id).update(**self._totals(owner_id))
        return created

    def _totals(self, owner_id: int) -> dict[str, int]:
        pictures = Image.objects.filter(owner=owner_id)
        return pictures.aggregate(images=Count("pk"), size_bytes=Sum("size_bytes", default=0))


class LibraryUse(models.Model):
    """How much one account's library holds, the trash included: each picture counts with its original's bytes."""

    owner = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="library_use")
    images = models.BigIntegerField(default=0)
    size_bytes = models.BigIntegerField(default=0)

    objects = LibraryUseQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.owner_id}: {self.images}"
