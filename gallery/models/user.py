from typing import Any

from django.contrib.auth import models as auth_models
from django.contrib.auth.models import AbstractUser, AnonymousUser
from django.core.exceptions import ValidationError
from django.db import connection, models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from gallery.text.folding import folded, folded_lines
from gallery.text.name_looks import has_invisible_characters, look_of, mixed_scripts

OTHER_NAMES = ("first_name", "last_name", "email")
LOOK_CHARACTERS = 450  # of a name of 150; a look may be longer than its name


class UserManager(auth_models.UserManager["User"]):
    def create_superuser(
        self, username: str, email: str | None = None, password: str | None = None, **others: Any
    ) -> "User":
        """Make an administrator. Django's command judges no name but whether this very one is taken.

        Raises ValidationError.
        """
        user = self.model(username=self.model.normalize_username(username))
        user.clean()
        user.validate_constraints()
        return super().create_superuser(username, email, password, **others)


class User(AbstractUser):
    """An account. Names that differ only in case would be mistaken for each other, so they are one name.

    Names that look alike are refused where a person chooses one. Tokens end with the password that was theirs, and with
    the account: whoever saves it, by whichever door.
    """

    look = models.CharField(max_length=LOOK_CHARACTERS, blank=True, default="", editable=False, db_index=True)
    gives_whole_originals = models.BooleanField(
        _("others get whole originals"),
        default=False,
        db_default=False,
        help_text=_("Unless a picture says otherwise. Off: they get originals without position and other metadata."),
    )
    quota_pictures = models.PositiveIntegerField(
        _("pictures at most"),
        null=True,
        blank=True,
        help_text=_("With those in the trash. Empty: as many as the site's settings say. 0: no limit."),
    )
    quota_mb = models.PositiveIntegerField(
        _("megabytes at most"),
        null=True,
        blank=True,
        help_text=_("Of their files, with those in the trash. Empty: as many as the site's settings say. 0: no limit."),
    )
    folded_username = models.TextField(_("folded user name"), default="", editable=False)
    folded_names = models.TextField(_("folded names"), default="", editable=False)  # the others, a line each

    objects = UserManager()  # type: ignore[misc]  # the one of AbstractUser is of any account

    class Meta(AbstractUser.Meta):
        constraints = [
            models.UniqueConstraint(
                Lower("username"),
                name="user_username_ignoring_case",
                violation_error_message=_("A user with that username already exists."),
            ),
        ]

    def save(self, *args: Any, update_fields: Any = None, **kwargs: Any) -> None:
        ends_tokens = not self._state.adding and (self._has_new_password or not self.is_active)
        super().save(*args, update_fields=self._with_made_of_names(update_fields), **kwargs)
        if ends_tokens:
            self.api_tokens.all().delete()
        self._password_removed = False

    def _with_made_of_names(self, fields: Any) -> Any:
        """Set what is made of the names if they are saved; return what is saved then."""
        if fields is not None and {"username", *OTHER_NAMES}.isdisjoint(fields):
            return fields
        self.folded_username = folded(self.username)
        self.folded_names = folded_lines(*(getattr(self, name) for name in OTHER_NAMES))
        self.look = look_of(self.username)[:LOOK_CHARACTERS]
        return None if fields is None else {*fields, "folded_username", "folded_names", "look"}

    _password_removed = False

    @property
    def _has_new_password(self) -> bool:
        """Not one that is only hashed anew when somebody signs in."""
        return self._password is not None or self._password_removed  # type: ignore[attr-defined]  # Django's own

    def set_unusable_password(self) -> None:
        super().set_unusable_password()
        self._password_removed = True

    def clean(self) -> None:
        """Refuse a new name that one would take for another's, or cannot read; names that there are stay.

        In the transaction that saves the name, nobody takes one that looks like it meanwhile.
        """
        super().clean()
        if not self.username or User.objects.filter(pk=self.pk, username=self.username).exists():
            return
        _require_readable(self.username)
        _wait_for_others(self.username)
        alike = User.objects.filter(look=look_of(self.username)[:LOOK_CHARACTERS]).exclude(pk=self.pk)
        if alike.exclude(username__iexact=self.username).exists():  # of the same name the constraint tells
            sentence = _("This user name is taken, or looks too much like one that is. Choose another one.")
            raise ValidationError({"username": ValidationError(sentence, code="looks_taken")})


def _wait_for_others(name: str) -> None:
    """Let one transaction at a time go on with names of one look; SQLite lets only one write anyway."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"look {look_of(name)}"])


def _require_readable(name: str) -> None:
    if has_invisible_characters(name):
        sentence = _("This user name has characters that nobody sees. Type it again by hand.")
        raise ValidationError({"username": ValidationError(sentence, code="invisible")})
    if scripts := mixed_scripts(name):
        sentence = _("This user name mixes letters of several scripts (%(scripts)s). Use those of one.")
        values = {"scripts": ", ".join(scripts)}
        raise ValidationError({"username": ValidationError(sentence, code="mixed_scripts", params=values)})
    if name and not look_of(name):
        sentence = _("This user name has no letters or digits. Use some.")
        raise ValidationError({"username": ValidationError(sentence, code="no_letters")})


AnyUser = User | AnonymousUser
