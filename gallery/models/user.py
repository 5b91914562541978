from django.contrib.auth.models import AbstractUser, AnonymousUser
from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _


class User(AbstractUser):
    """An account. Names that differ only in case would be mistaken for each other, so they are one name."""

    gives_whole_originals = models.BooleanField(
        _("others get whole originals"),
        default=False,
        db_default=False,
        help_text=_("Unless a picture says otherwise. Off: they get originals without position and other metadata."),
    )

    class Meta(AbstractUser.Meta):
        constraints = [
            models.UniqueConstraint(
                Lower("username"),
                name="user_username_ignoring_case",
                violation_error_message=_("A user with that username already exists."),
            ),
        ]


AnyUser = User | AnonymousUser
