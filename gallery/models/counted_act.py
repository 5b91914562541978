from datetime import timedelta
from math import ceil

from django.db import IntegrityError, models, transaction
from django.utils import timezone
from django.utils.crypto import salted_hmac

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


class ActKind(models.TextChoices):
    """What is allowed so many times, or so much of, in a period."""

    SIGN_UP = "sign_up"
    RESET_BY_CLIENT = "reset_by_client"
    RESET_MAIL = "reset_mail"
    PICTURE_SEARCH = "picture_search"
    UPLOADED_BYTES = "uploaded_bytes"

    @property
    def period(self) -> timedelta:
        return MINUTE if self is ActKind.PICTURE_SEARCH else HOUR


class CountedActQuerySet(models.QuerySet["CountedAct"]):
    def seconds_to_wait(self, kind: ActKind, who: str, *, limit: int, amount: int = 1) -> int:
        """Count what `who` does and return 0; where the limit of the period is reached, count nothing and return after
        how many seconds the next period may begin. A limit of 0 is none.

        The period begins with the first act. Who is below the limit is let through whatever the amount, so that nothing
        is too large for ever. No lock is held but for one statement, and none by whoever is refused.
        """
        if limit == 0:
            return 0
        acts = self.filter(kind=kind, who=_digest(who))
        while True:
            now = timezone.now()
            act = acts.first()
            if act is None:
                if self._begin(kind, who, amount):
                    return 0
            elif act.began_at + kind.period <= now:
                if acts.filter(began_at=act.began_at).update(began_at=now, count=amount):
                    return 0
            elif act.count >= limit:
                return ceil((act.began_at + kind.period - now).total_seconds())
            elif acts.filter(began_at=act.began_at, count__lt=limit).update(count=models.F("count") + amount):
                return 0

    def counted(self, kind: ActKind, who: str) -> int:
        """Return how much of the period that runs is used up."""
        act = self.filter(kind=kind, who=_digest(who), began_at__gt=timezone.now() - kind.period).first()
        return 0 if act is None else act.count

    def over(self) -> "CountedActQuerySet":
        """Return what no period needs any more."""
        return self.filter(began_at__lte=timezone.now() - HOUR)

    def _begin(self, kind: ActKind, who: str, amount: int) -> bool:
        """Say whether the period was begun here; where somebody else did so meanwhile, nothing is counted.

        What no period needs any more goes then, so that nobody is kept for longer.
        """
        self.model.objects.over().delete()
        try:
            with transaction.atomic():
                self.create(kind=kind, who=_digest(who), count=amount)
        except IntegrityError:
            return False
        return True


def _digest(who: str) -> str:
    """Return what stands for an address: addresses of people are not kept for this."""
    return salted_hmac("gallery.counted_act", who, algorithm="sha256").hexdigest()


class CountedAct(models.Model):
    """How often somebody did something, or how much of it, in the period that began with the first time."""

    kind = models.CharField(max_length=20, choices=ActKind.choices)
    who = models.CharField(max_length=64)
    began_at = models.DateTimeField(default=timezone.now, db_index=True)
    count = models.PositiveBigIntegerField(default=1)

    objects = CountedActQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["kind", "who"], name="counted_act_kind_who")]

    def __str__(self) -> str:
        return f"{self.kind} {self.count}"
