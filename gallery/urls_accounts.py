"""Accounts: our sign-up, and Django's own views for the rest, with our pages (the admin keeps its own)."""

from django.contrib.auth import views as auth
from django.urls import URLPattern, path

from gallery.forms.accounts import SignInForm
from gallery.views.accounts import PasswordChangeView, PasswordResetConfirmView, PasswordResetView, account, sign_up

PAGES = "gallery/accounts/"

urlpatterns: list[URLPattern] = [
    path("", account, name="account"),
    path("sign-up/", sign_up, name="sign-up"),
    path(
        "login/",
        auth.LoginView.as_view(
            authentication_form=SignInForm, redirect_authenticated_user=True, template_name=PAGES + "login.html"
        ),
        name="login",
    ),
    path("logout/", auth.LogoutView.as_view(), name="logout"),
    path(
        "password-change/",
        PasswordChangeView.as_view(),
        name="password_change",
    ),
    path(
        "password-change/done/",
        auth.PasswordChangeDoneView.as_view(template_name=PAGES + "password_change_done.html"),
        name="password_change_done",
    ),
    path(
        "password-reset/",
        PasswordResetView.as_view(),
        name="password_reset",
    ),
    path(
        "password-reset/done/",
        auth.PasswordResetDoneView.as_view(template_name=PAGES + "password_reset_done.html"),
        name="password_reset_done",
    ),
    path(
        "reset/<uidb64>/<token>/",
        PasswordResetConfirmView.as_view(),
        name="password_reset_confirm",
    ),
    path(
        "reset/done/",
        auth.PasswordResetCompleteView.as_view(template_name=PAGES + "password_reset_complete.html"),
        name="password_reset_complete",
    ),
]
