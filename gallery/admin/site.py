"""What the admin is called, and who signs in to it."""

from typing import Any

from django.apps import apps
from django.contrib import admin
from django.contrib.admin.forms import AdminAuthenticationForm, AdminPasswordChangeForm
from django.contrib.contenttypes.models import ContentType
from django.contrib.contenttypes.views import shortcut
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from gallery.forms.accounts import CountedPasswordChangeForm, SignInForm
from gallery.views.accounts import PasswordChangeView


class CuratorSignInForm(AdminAuthenticationForm, SignInForm):
    """For staff only, with the user name in any case."""


class CuratorPasswordChangeForm(CountedPasswordChangeForm, AdminPasswordChangeForm):
    """As on the site's own page, with the admin's fields."""


def change_own_password(request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponseBase:
    """The admin's page, with what the site's own does: wrong passwords count, tokens end, the change is audited."""
    request.current_app = admin.site.name
    view = PasswordChangeView.as_view(
        form_class=CuratorPasswordChangeForm,
        template_name="registration/password_change_form.html",
        success_url=reverse("admin:password_change_done"),
        extra_context={**admin.site.each_context(request), **(extra_context or {})},
    )
    return view(request)


@admin.site.admin_view
def view_on_site(request: HttpRequest, content_type_id: str, object_id: str) -> HttpResponse:
    """Lead to an object's page whoever may see it; tell nobody else whether there is one. Raises Http404."""
    kind = ContentType.objects.filter(pk=content_type_id).first() if content_type_id.isdecimal() else None
    model = None if kind is None else kind.model_class()
    its_admin = None if model is None else admin.site._registry.get(model)
    thing = None if its_admin is None else its_admin.get_object(request, object_id)
    if its_admin is None or thing is None or not its_admin.has_view_or_change_permission(request, thing):
        raise Http404
    return shortcut(request, content_type_id, object_id)


admin.site.password_change = change_own_password  # type: ignore[method-assign,assignment]
admin.site.site_header = _("Image Search")
admin.site.site_title = _("Image Search")
admin.site.index_title = _("Curation")
admin.site.index_template = "admin/gallery/index.html"
admin.site.login_form = CuratorSignInForm
apps.get_app_config("axes").verbose_name = _("Protection of sign-in")  # “Axes” is the package's name, and tells nothing
