"""What the admin is called, and who signs in to it."""

from django.apps import apps
from django.contrib import admin
from django.contrib.admin.forms import AdminAuthenticationForm
from django.utils.translation import gettext_lazy as _

from gallery.forms.accounts import SignInForm


class CuratorSignInForm(AdminAuthenticationForm, SignInForm):
    """For staff only, with the user name in any case."""


admin.site.site_header = _("Image Search")
admin.site.site_title = _("Image Search")
admin.site.index_title = _("Curation")
admin.site.index_template = "admin/gallery/index.html"
admin.site.login_form = CuratorSignInForm
apps.get_app_config("axes").verbose_name = _("Protection of sign-in")  # “Axes” is the package's name, and tells nothing
