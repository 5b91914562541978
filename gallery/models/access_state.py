import secrets

from django.db import models
from django.utils.translation import gettext_lazy as _


class AccessStateQuerySet(models.QuerySet["AccessState"]):
    def current_version(self) -> int:
        """Return a number that is another one after every change of what a queryset of searchable pictures can give.

        Read it before the pictures, never after them. Inside a transaction that has written, it says nothing: the
        change may be rolled back, and PostgreSQL moves the number only at the commit. An empty database gets a random
        first number, so that none ever stands for two contents.
        """
        version = self.filter(pk=1).values_list("version", flat=True).first()
        if version is None:
            state, _created = self.get_or_create(pk=1, defaults={"version": secrets.randbits(62)})
            return state.version
        return version

    def bump(self) -> None:
        """Move the version by hand, for a change that no trigger sees."""
        self.filter(pk=1).update(version=models.F("version") + 1)


class AccessState(models.Model):
    """The version of who may see what, and of all else that filters ask about; `access_triggers` move it."""

    version = models.PositiveBigIntegerField(_("version"))

    objects = AccessStateQuerySet.as_manager()

    class Meta:
        verbose_name = _("access state")
        verbose_name_plural = _("access state")
        default_permissions = ()  # the database alone changes it
        constraints = [models.CheckConstraint(condition=models.Q(pk=1), name="access_state_is_one_row")]

    def __str__(self) -> str:
        return f"v{self.version}"
