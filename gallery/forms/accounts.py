from typing import Any

from django import forms
from django.contrib.auth import authenticate
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm, UserCreationForm
from django.contrib.auth.forms import UsernameField as DjangoUsernameField
from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.http import HttpRequest, QueryDict
from django.utils.translation import gettext_lazy as _

from gallery.models import Actor, User
from gallery.services.accounts import choose_originals, save_sign_up

from .original_choice import CHOICES, WHOLE, as_choice


class SignInForm(AuthenticationForm):
    """Takes a user name in any case: the accounts know no difference."""

    def clean_username(self) -> str:
        """Return the name as the account spells it, so that attempts are counted against one name."""
        typed: str = self.cleaned_data["username"]
        stored = User.objects.filter(username__iexact=typed).values_list("username", flat=True).first()
        return stored or typed


class CountedPasswordChangeForm(PasswordChangeForm):
    """Counts a wrong old password as a wrong sign-in: too many of them lock the account for this address."""

    def __init__(self, *args: Any, request: HttpRequest, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request = request

    def clean_old_password(self) -> str:
        typed: str = self.cleaned_data["old_password"]
        if authenticate(self.request, username=self.user.get_username(), password=typed) is None:
            raise ValidationError(self.error_messages["password_incorrect"], code="password_incorrect")
        return typed


class AccountForm(forms.Form):
    """What holds for everything in an account."""

    gives_whole_originals = forms.ChoiceField(
        label=_("The originals that others get"),
        choices=CHOICES,
        widget=forms.RadioSelect,
    )

    @classmethod
    def of(cls, user: User, data: QueryDict | None = None) -> "AccountForm":
        return cls(data, initial={"gives_whole_originals": as_choice(user.gives_whole_originals)})

    def save(self, user: User, *, by: Actor) -> None:
        choose_originals(user, gives_whole=self.cleaned_data["gives_whole_originals"] == WHOLE, by=by)


class SignUpForm(UserCreationForm[User]):
    class Meta:
        model = User
        fields = ("username", "email")
        field_classes = {"username": DjangoUsernameField}
        help_texts = {"email": _("Optional. It is used to reset a forgotten password, and for nothing else.")}

    def save_account(self, *, by: Actor) -> User | None:
        """Return the new account; None, with an error on the form, if the name was taken a moment ago."""
        try:
            return save_sign_up(self.instance, self.save, by=by)
        except ValidationError as error:
            self.add_error(None, error)
            return None
        except IntegrityError:
            self.add_error("username", ValidationError(_("A user with that username already exists.")))
            return None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["email"].widget.attrs["autocomplete"] = "email"
