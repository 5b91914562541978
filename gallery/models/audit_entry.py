"""What people changed. Entries are written once, beside the change itself, and stay when what they name is gone."""

from dataclasses import dataclass
from typing import Any, NoReturn, Self
from uuid import UUID

from django.apps import apps
from django.conf import settings
from django.core.exceptions import FieldDoesNotExist
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from .actor import ActorKind, Door
from .user import User

MAX_LABEL_CHARACTERS = 255
VALUE_LABELS = {
    "search_status": _("search status"),
    "places": _("pictures in an album"),
    "merged": _("merged tags"),
    "into": _("became part of"),
    "duplicates": _("duplicates"),
    "failures": _("failed files"),
    "failed": _("failed"),
    "ids": _("ids of the pictures"),
    "note": _("note"),
}


FORMER_KINDS = {"gallery.importjob": "gallery.job"}  # entries keep what a kind of object was called then


class AuditVerb(models.TextChoices):
    """What was done; what it was done to says `object_kind`."""

    ADDED = "added", _("added")
    CHANGED = "changed", pgettext_lazy("what was done", "changed")
    DELETED = "deleted", _("deleted")
    TAGGED = "tagged", _("tags added")
    UNTAGGED = "untagged", _("tags removed")
    SHOWN_TO = "shown_to", _("visibility changed")
    TRASHED = "trashed", _("moved to the trash")
    RESTORED = "restored", _("brought back from the trash")
    RETRIED = "retried", _("tried again")
    EMBEDDED_AGAIN = "embedded_again", _("sent to be embedded again")
    MERGED = "merged", _("merged")
    IMPORTED = "imported", _("imported")
    SIGNED_UP = "signed_up", _("signed up")
    PASSWORD_CHANGED = "password_changed", _("password changed")
    TOKEN_ISSUED = "token_issued", _("token issued")
    MODEL_ASKED_FOR = "model_asked_for", _("change of the model asked for")
    MODEL_CONTINUED = "model_continued", _("change of the model continued")
    MODEL_CANCELLED = "model_cancelled", _("change of the model given up")


@dataclass(frozen=True, slots=True)
class ChangedValue:
    """One line of an entry as people read it; None is what was not there."""

    name: str
    label: str
    before: Any
    after: Any


class AuditEntryQuerySet(models.QuerySet["AuditEntry"]):
    def about(self, thing: models.Model) -> Self:
        kind = thing._meta.label_lower
        former = [each for each, now in FORMER_KINDS.items() if now == kind]
        return self.filter(object_kind__in=[kind, *former], object_id=thing.pk)

    def by_user(self, user: User) -> Self:
        return self.filter(user=user)

    def of_images(self, verb: AuditVerb) -> Self:
        return self.filter(object_kind="gallery.image", verb=verb)

    def of_action(self, action_id: UUID) -> Self:
        return self.filter(action=action_id)

    def newest(self) -> Self:
        return self.order_by("-pk")

    def update(self, **values: Any) -> NoReturn:
        raise TypeError("Audit entries are not changed.")

    def delete(self) -> NoReturn:
        raise TypeError("Audit entries are not deleted.")


class AuditEntry(models.Model):
    """Who did what to one object, when and through which door.

    `before` and `after` hold only what differs, never a secret. What belongs together, such as a bulk change, carries
    one `action`. `user` is empty for whoever has no account, or none any more; `actor_name` is the name as it was.
    """

    at = models.DateTimeField(_("when"), default=timezone.now, db_index=True, editable=False)
    action = models.UUIDField(_("action"), db_index=True, editable=False)
    actor_kind = models.CharField(_("kind of actor"), max_length=16, choices=ActorKind.choices, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        editable=False,
        related_name="+",
        verbose_name=_("account"),
    )
    actor_name = models.CharField(_("name"), max_length=150, blank=True, editable=False)
    door = models.CharField(_("door"), max_length=16, choices=Door.choices, editable=False)
    verb = models.CharField(_("what was done"), max_length=24, choices=AuditVerb.choices, editable=False)
    object_kind = models.CharField(_("kind of object"), max_length=100, editable=False)
    object_id = models.BigIntegerField(_("number of the object"), editable=False)
    object_label = models.CharField(_("object"), max_length=MAX_LABEL_CHARACTERS, blank=True, editable=False)
    before = models.JSONField(_("before"), default=dict, encoder=DjangoJSONEncoder, editable=False)
    after = models.JSONField(_("after"), default=dict, encoder=DjangoJSONEncoder, editable=False)

    objects = AuditEntryQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        verbose_name = _("audit entry")
        verbose_name_plural = _("audit log")
        default_permissions = ("view",)
        indexes = [
            models.Index(fields=["object_kind", "object_id", "id"], name="audit_entry_object"),
            models.Index(fields=["verb", "door", "actor_kind", "user"], name="audit_entry_what"),  # counts by filters
        ]

    def __str__(self) -> str:
        return f"{self.who}: {self.get_verb_display()}: {self.object_label}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise TypeError("Audit entries are not changed.")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise TypeError("Audit entries are not deleted.")

    @property
    def who(self) -> str:
        return self.actor_name or str(ActorKind(self.actor_kind).label)

    @property
    def kind_label(self) -> str:
        """Return what people call the kind of object; its code where the program no longer knows it."""
        model = self._model()
        return self.object_kind if model is None else str(model._meta.verbose_name)

    @property
    def changes(self) -> list[ChangedValue]:
        """Return what differs, value by value."""
        names = [*self.before, *(name for name in self.after if name not in self.before)]
        return [ChangedValue(name, self._label_of(name), self.before.get(name), self.after.get(name)) for name in names]

    def _model(self) -> type[models.Model] | None:
        try:
            return apps.get_model(FORMER_KINDS.get(self.object_kind, self.object_kind))
        except LookupError:
            return None

    def _label_of(self, name: str) -> str:
        if name in VALUE_LABELS:
            return str(VALUE_LABELS[name])
        model = self._model()
        try:
            field: Any = name if model is None else model._meta.get_field(name)
        except FieldDoesNotExist:
            return name
        return str(getattr(field, "verbose_name", name))
