"""Signing up, and Django's own views of passwords, whose changes are audited; for the rest see urls_accounts.py."""

from typing import cast

from django.contrib import messages
from django.contrib.auth import login, views
from django.contrib.auth.forms import PasswordChangeForm, SetPasswordForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters

from gallery.conf import gallery
from gallery.forms.accounts import SignUpForm
from gallery.models import User
from gallery.services.accounts import changing_password

from .actor import ActorRequest
from .errors import status_page

BACKEND = "django.contrib.auth.backends.ModelBackend"


@sensitive_post_parameters("password1", "password2")
def sign_up(request: HttpRequest) -> HttpResponse:
    if not gallery().sign_up_open:
        return status_page(request, 403, _("Sign-up is closed on this site. Ask its operator for an account."))
    if request.user.is_authenticated:
        return redirect("home")
    form = SignUpForm(request.POST or None)
    user = form.save_account(by=cast(ActorRequest, request).actor) if form.is_valid() else None
    if user is None:
        return render(request, "gallery/accounts/sign_up.html", {"form": form}, status=400 if form.errors else 200)
    login(request, user, backend=BACKEND)
    messages.success(request, _("Welcome, %(name)s. Your account is ready.") % {"name": user.get_username()})
    return redirect("home")


class PasswordChangeView(views.PasswordChangeView):
    template_name = "gallery/accounts/password_change.html"

    def form_valid(self, form: PasswordChangeForm) -> HttpResponse:
        with changing_password(form.user, by=cast(ActorRequest, self.request).actor):
            return super().form_valid(form)


class PasswordResetConfirmView(views.PasswordResetConfirmView):
    template_name = "gallery/accounts/password_reset_confirm.html"

    def form_valid(self, form: "SetPasswordForm[User]") -> HttpResponse:
        with changing_password(form.user, by=cast(ActorRequest, self.request).actor):
            return super().form_valid(form)
