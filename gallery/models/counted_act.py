from datetime import timedelta

from django.db import models, transaction
from django.utils import timezone
from django.utils.crypto import salted_hmac

PERIOD = timedelta(hours=1)


class ActKind(models.TextChoices):
    """What is allowed so many times an hour."""

    SIGN_UP = "sign_up"
    RESET_BY_CLIENT = "reset_by_client"
    RESET_MAIL = "reset_mail"


class CountedActQuerySet(models.QuerySet["CountedAct"]):
    def count_one(self, kind: ActKind, who: str, *, limit: int) -> bool:
        """Count one act of `who` and say whether it is within the limit of an hour; 0 is no limit.

        The hour begins with the first act. Who has reached the limit is not counted on.
        """
        if limit == 0:
            return True
        began_after = timezone.now() - PERIOD
        with transaction.atomic():
            self.filter(began_at__lte=began_after).delete()
            act, created = self.select_for_update().get_or_create(kind=kind, who=_digest(who))
            if not created:
                self.filter(pk=act.pk, count__lt=limit).update(count=models.F("count") + 1)
        return created or act.count < limit


def _digest(who: str) -> str:
    """Return what stands for an address: addresses of people are not kept for this."""
    return salted_hmac("gallery.counted_act", who, algorithm="sha256").hexdigest()


class CountedAct(models.Model):
    """How often somebody did something in the hour that began with the first time."""

    kind = models.CharField(max_length=20, choices=ActKind.choices)
    who = models.CharField(max_length=64)
    began_at = models.DateTimeField(default=timezone.now, db_index=True)
    count = models.PositiveIntegerField(default=1)

    objects = CountedActQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["kind", "who"], name="counted_act_kind_who")]

    def __str__(self) -> str:
        return f"{self.kind} {self.count}"
