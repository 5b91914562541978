import secrets

from django.db import models
from django.utils.translation import gettext_lazy as _


class AccessStateQuerySet(models.QuerySet["AccessState"]):
    def current(self) -> "AccessState":
        """Return the versions, of which `version` is another one after every change of what a queryset of searchable
        pictures can give.

        Read it before the pictures, never after them. Inside a transaction that has written, it says nothing: the
        change may be rolled back, and PostgreSQL moves the number only at the commit. An empty database gets a random
        first number, so that none ever stands for two contents.
        """
        state = self.filter(pk=1).first()
        if state is None:
            state, _created = self.get_or_create(pk=1, defaults={"version": secrets.randbits(62)})
        return state


class AccessState(models.Model):
    """The version of who may see what, and of all else that filters ask about; `access_triggers` move it.

    What made each version is in `AccessChange`. `mark` is drawn anew with each: two databases of one past, as after one
    was restored, come to the same versions, never to the same marks. `departures` counts how often pictures left their
    rows of the index: a search beside that is done again.
    """

    version = models.PositiveBigIntegerField(_("version"))
    mark = models.BigIntegerField(_("mark of the version"), null=True)
    departures = models.PositiveBigIntegerField(_("departures"), db_default=0)

    objects = AccessStateQuerySet.as_manager()

    class Meta:
        verbose_name = _("access state")
        verbose_name_plural = _("access state")
        default_permissions = ()  # the database alone changes it
        constraints = [models.CheckConstraint(condition=models.Q(pk=1), name="access_state_is_one_row")]

    def __str__(self) -> str:
        return f"v{self.version}"
