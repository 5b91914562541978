"""The page that shows which models there are, which one is in use and whose weights are on this machine."""

from django.contrib.admin import ModelAdmin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _

from gallery.models import IndexState
from gallery.services.embedding.encoder_models import model_states


def encoders(admin: ModelAdmin[IndexState], request: HttpRequest) -> HttpResponse:
    """Show the page to whoever may see the index's state. It changes nothing: commands download and change models."""
    if not admin.has_view_permission(request):
        raise PermissionDenied
    context = {
        **admin.admin_site.each_context(request),
        "title": _("Encoders"),
        "opts": admin.opts,
        "media": admin.media,
        "commands": [
            ("manage.py encoders download NAME", _("bring a model to this machine; it may be stopped and run again")),
            ("manage.py encoders check NAME", _("load it and try it out")),
            ("manage.py reindex --encoder NAME", _("encode the whole library with it; searches go on meanwhile")),
        ],
        "states": model_states(),
        "index": IndexState.objects.current(),
    }
    return TemplateResponse(request, "admin/gallery/encoders.html", context)
