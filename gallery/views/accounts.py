"""Signing up, and Django's own views of passwords, whose changes are audited; for the rest see urls_accounts.py."""

from collections.abc import Callable
from functools import partial
from typing import Any, cast

from django.contrib import messages
from django.contrib.auth import login, views
from django.contrib.auth.decorators import login_required
from django.contrib.auth.forms import PasswordChangeForm, PasswordResetForm, SetPasswordForm
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from gallery.client_address import counted_client
from gallery.conf import gallery
from gallery.forms.accounts import AccountForm, CountedPasswordChangeForm, SignUpForm
from gallery.jobs import begin_sending_links
from gallery.models import ActKind, CountedAct, User
from gallery.services.accounts import changing_password
from gallery.services.limits import sent_bytes_of
from gallery.services.quotas import quota_of

from .actor import ActorRequest
from .errors import status_page
from .signed_in import SignedInRequest

BACKEND = "django.contrib.auth.backends.ModelBackend"


@sensitive_post_parameters("password1", "password2")
def sign_up(request: HttpRequest) -> HttpResponse:
    if not gallery().sign_up_open:
        return status_page(request, 403, _("Sign-up is closed on this site. Ask its operator for an account."))
    if request.user.is_authenticated:
        return redirect("home")
    if request.method == "POST" and not _is_within(ActKind.SIGN_UP, request, gallery().sign_ups_per_hour):
        return _too_many_sign_ups(request)
    form = SignUpForm(request.POST or None)
    user = form.save_account(by=cast(ActorRequest, request).actor) if form.is_valid() else None
    if user is None:
        return render(request, "gallery/accounts/sign_up.html", {"form": form}, status=400 if form.errors else 200)
    login(request, user, backend=BACKEND)
    messages.success(request, _("Welcome, %(name)s. Your account is ready.") % {"name": user.get_username()})
    return redirect("home")


def _is_within(kind: ActKind, request: HttpRequest, limit: int) -> bool:
    """Count what this client does; one whose address is unknown is not told from others, so not counted."""
    client = counted_client(request)
    return client is None or CountedAct.objects.seconds_to_wait(kind, client, limit=limit) == 0


def _too_many_sign_ups(request: HttpRequest) -> HttpResponse:
    page = status_page(
        request, 429, _("Too many accounts were asked for from your address. Wait an hour and try again.")
    )
    page.headers["Retry-After"] = str(int(ActKind.SIGN_UP.period.total_seconds()))
    return page


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def account(request: SignedInRequest) -> HttpResponse:
    """What holds for all pictures of an account where they do not say otherwise, and how much is used."""
    form = AccountForm.of(request.user, request.POST if request.method == "POST" else None)
    if form.is_valid():
        form.save(request.user, by=request.actor)
        messages.success(request, _("Your account is changed."))
        return redirect("account")
    page = {"form": form, "quota": quota_of(request.user), "sent_bytes": sent_bytes_of(request.user)}
    return render(request, "gallery/accounts/account.html", page, status=400 if form.is_bound else 200)


class PasswordChangeView(views.PasswordChangeView):
    form_class = CountedPasswordChangeForm
    template_name = "gallery/accounts/password_change.html"

    def get_form_kwargs(self) -> dict[str, Any]:
        return super().get_form_kwargs() | {"request": self.request}

    def form_valid(self, form: PasswordChangeForm) -> HttpResponse:
        with changing_password(form.user, by=cast(ActorRequest, self.request).actor):
            return super().form_valid(form)


class AnsweredFirst(HttpResponseRedirect):
    """Does its work once it has been sent, so that the work's time is not in the answer's."""

    def __init__(self, address: str, work: Callable[[], None]) -> None:
        super().__init__(address)
        self.work = work

    def close(self) -> None:
        is_first, work = not self.closed, self.work
        super().close()
        if is_first:
            work()


class PasswordResetView(views.PasswordResetView):
    """Answers alike, and as fast, whether an account has the address, and whether a mail is still allowed."""

    template_name = "gallery/accounts/password_reset.html"

    def form_valid(self, form: PasswordResetForm) -> HttpResponse:
        done = reverse("password_reset_done")
        if not _is_within(ActKind.RESET_BY_CLIENT, self.request, gallery().resets_per_client_per_hour):
            return redirect(done)
        send = partial(
            begin_sending_links,
            form.cleaned_data["email"],
            domain=self.request.get_host(),
            is_https=self.request.is_secure(),
            language=get_language() or "",
        )
        return AnsweredFirst(done, send)


class PasswordResetConfirmView(views.PasswordResetConfirmView):
    template_name = "gallery/accounts/password_reset_confirm.html"

    def form_valid(self, form: "SetPasswordForm[User]") -> HttpResponse:
        with changing_password(form.user, by=cast(ActorRequest, self.request).actor):
            return super().form_valid(form)
