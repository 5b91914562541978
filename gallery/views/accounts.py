"""Signing up. Signing in and out and passwords are Django's own views with our pages: see urls.py."""

from django.contrib import messages
from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters

from gallery.conf import gallery
from gallery.forms.accounts import SignUpForm

from .errors import status_page

BACKEND = "django.contrib.auth.backends.ModelBackend"


@sensitive_post_parameters("password1", "password2")
def sign_up(request: HttpRequest) -> HttpResponse:
    if not gallery().sign_up_open:
        return status_page(request, 403, _("Sign-up is closed on this site. Ask its operator for an account."))
    if request.user.is_authenticated:
        return redirect("home")
    form = SignUpForm(request.POST or None)
    user = form.save_account() if form.is_valid() else None
    if user is None:
        return render(request, "gallery/accounts/sign_up.html", {"form": form}, status=400 if form.errors else 200)
    login(request, user, backend=BACKEND)
    messages.success(request, _("Welcome, %(name)s. Your account is ready.") % {"name": user.get_username()})
    return redirect("home")
