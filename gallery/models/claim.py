"""Who works on which waiting picture, so that no two encode one."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Self

from django.db import connection, models, transaction
from django.utils import timezone

from .image import Image

CLAIM = timedelta(seconds=45)  # renewed while its holder lives; a holder on another machine that died keeps it as long
NOBODY = ""  # what cannot be done now is nobody's, and is left alone as long as a claim lasts


class ClaimQuerySet(models.QuerySet["Claim"]):
    def held(self) -> Self:
        """Return the claims that count now."""
        return self.filter(expires_at__gt=timezone.now())

    def expired_before(self, moment: datetime) -> Self:
        return self.filter(expires_at__lt=moment)

    def of(self, holder: str) -> Self:
        return self.filter(holder=holder)

    def free(self, candidates: models.QuerySet[Image], *, with_put_off: bool = False) -> models.QuerySet[Image]:
        """Return those of these pictures that nobody has, `with_put_off` those too that are left alone for a while."""
        held = self.held().exclude(holder=NOBODY) if with_put_off else self.held()
        return candidates.filter(~models.Exists(held.filter(image_id=models.OuterRef("pk"))))

    def take(self, candidates: models.QuerySet[Image], *, holder: str, count: int) -> list[Image]:
        """Make the first `count` of `candidates` that nobody holds this holder's, and return them.

        Never called within a transaction: what it promises holds once it is committed.
        """
        taken: list[Image] = []
        while len(taken) < count and (image_ids := self._claimed(candidates, count - len(taken), holder=holder)):
            waiting = list(candidates.filter(pk__in=image_ids).order_by("pk"))
            done = set(image_ids) - {image.pk for image in waiting}  # by others, a moment ago
            self.release(done, holder=holder)
            taken += waiting
        return taken

    def add(self, image_ids: Collection[int], *, holder: str) -> None:
        """Claim pictures, leaving alone those that somebody has."""
        until = _end()
        claims = [self.model(image_id=image_id, holder=holder, expires_at=until) for image_id in image_ids]
        self.bulk_create(claims, ignore_conflicts=True, batch_size=500)

    def renew(self, holder: str) -> None:
        self.of(holder).update(expires_at=_end())

    def release(self, image_ids: Collection[int], *, holder: str) -> None:
        self.of(holder).filter(image_id__in=image_ids).delete()

    def put_off(self, image_ids: Collection[int], *, holder: str) -> None:
        """Leave pictures that cannot be done now alone for a while; whoever claims them then tries again."""
        self.of(holder).filter(image_id__in=image_ids).update(holder=NOBODY, expires_at=_end())

    @transaction.atomic
    def _claimed(self, candidates: models.QuerySet[Image], count: int, *, holder: str) -> list[int]:
        """Claim free pictures and return the ids of those that this holder, not another at the same time, got."""
        while image_ids := self._free_ids(candidates, count):
            self.filter(image_id__in=image_ids, expires_at__lte=timezone.now()).delete()
            self.add(image_ids, holder=holder)
            if own := list(self.of(holder).filter(image_id__in=image_ids).values_list("image_id", flat=True)):
                return own
        return []

    def _free_ids(self, candidates: models.QuerySet[Image], count: int) -> list[int]:
        free = self.free(candidates).order_by("pk")
        if connection.features.has_select_for_update_skip_locked:
            free = free.select_for_update(of=("self",), skip_locked=True, no_key=True)
        return list(free.values_list("pk", flat=True)[:count])


class Claim(models.Model):
    """A picture that somebody works on until `expires_at`. It outlives neither its work nor, for long, its holder.

    Not tied to the picture's row: a picture that is deleted meanwhile leaves a claim that expires.
    """

    image_id = models.BigIntegerField(primary_key=True)
    holder = models.CharField(max_length=64, db_index=True)
    expires_at = models.DateTimeField(db_index=True)

    objects = ClaimQuerySet.as_manager()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.image_id}: {self.holder}"


def _end() -> datetime:
    return timezone.now() + CLAIM
