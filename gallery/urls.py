from django.contrib.auth import views as auth_views
from django.urls import URLPattern, URLResolver, path
from django.views.generic import RedirectView

from gallery.forms.accounts import SignInForm
from gallery.views import accounts, home, image, search

soon = RedirectView.as_view(pattern_name="home")

accounts_urlpatterns: list[URLPattern | URLResolver] = [
    path("accounts/sign-up/", accounts.sign_up, name="sign-up"),
    path(
        "accounts/login/",
        auth_views.LoginView.as_view(authentication_form=SignInForm, redirect_authenticated_user=True),
        name="login",
    ),
    path("accounts/logout/", auth_views.LogoutView.as_view(), name="logout"),
    path("accounts/password-change/", auth_views.PasswordChangeView.as_view(), name="password_change"),
    path("accounts/password-change/done/", auth_views.PasswordChangeDoneView.as_view(), name="password_change_done"),
    path("accounts/password-reset/", auth_views.PasswordResetView.as_view(), name="password_reset"),
    path("accounts/password-reset/done/", auth_views.PasswordResetDoneView.as_view(), name="password_reset_done"),
    path(
        "accounts/reset/<uidb64>/<token>/",
        auth_views.PasswordResetConfirmView.as_view(),
        name="password_reset_confirm",
    ),
    path("accounts/reset/done/", auth_views.PasswordResetCompleteView.as_view(), name="password_reset_complete"),
]

urlpatterns: list[URLPattern | URLResolver] = [
    path("", home.home, name="home"),
    path("search/", search.search, name="search"),
    path("search/picture/<uuid:pk>/", search.query_picture, name="query-picture"),
    path("images/<int:pk>/", image.image, name="image"),
    path("images/<int:pk>/edit/", image.edit, name="image-edit"),
    path("images/<int:pk>/delete/", image.delete, name="image-delete"),
    path("images/<int:pk>/restore/", image.bring_back, name="image-restore"),
    path("images/<int:pk>/similar/", image.similar, name="image-similar"),
    path("images/<int:pk>/original/", image.original, name="image-original"),
    path("images/<int:pk>/thumbnail/<int:size>/", image.thumbnail, name="image-thumbnail"),
    # Each of these four lines is replaced when its page lands.
    path("upload/", soon, name="upload"),
    path("library/", soon, name="library"),
    path("library/clear/", soon, name="library-clear"),
    path("trash/", soon, name="trash"),
    *accounts_urlpatterns,
]
