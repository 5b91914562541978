from typing import Any

from django.contrib.auth.models import AbstractUser, AnonymousUser
from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from gallery.text.folding import folded, folded_lines

OTHER_NAMES = ("first_name", "last_name", "email")


class User(AbstractUser):
    """An account. Names that differ only in case would be mistaken for each other, so they are one name."""

    gives_whole_originals = models.BooleanField(
        _("others get whole originals"),
        default=False,
        db_default=False,
        help_text=_("Unless a picture says otherwise. Off: they get originals without position and other metadata."),
    )
    folded_username = models.TextField(_("folded user name"), default="", editable=False)
    folded_names = models.TextField(_("folded names"), default="", editable=False)  # the others, a line each

    class Meta(AbstractUser.Meta):
        constraints = [
            models.UniqueConstraint(
                Lower("username"),
                name="user_username_ignoring_case",
                violation_error_message=_("A user with that username already exists."),
            ),
        ]

    def save(self, *args: Any, **kwargs: Any) -> None:
        fields = kwargs.get("update_fields")
        if fields is None or not {"username", *OTHER_NAMES}.isdisjoint(fields):
            self.folded_username = folded(self.username)
            self.folded_names = folded_lines(*(getattr(self, name) for name in OTHER_NAMES))
            kwargs["update_fields"] = None if fields is None else {*fields, "folded_username", "folded_names"}
        super().save(*args, **kwargs)


AnyUser = User | AnonymousUser
