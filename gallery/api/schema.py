"""OpenAPI: what the generator cannot see by itself, and the page that shows the schema."""

from collections.abc import Collection
from typing import Any

from csp.constants import SELF, UNSAFE_INLINE
from csp.decorators import csp_update
from django.conf import settings
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.csrf import ensure_csrf_cookie
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.renderers import (
    OpenApiJsonRenderer,
    OpenApiJsonRenderer2,
    OpenApiYamlRenderer,
    OpenApiYamlRenderer2,
)
from drf_spectacular.settings import spectacular_settings
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # registers itself
    target_class = "gallery.api.authentication.BearerAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        return {"type": "http", "scheme": "bearer", "description": "Made with: manage.py create_api_token USER"}


class SchemaView(SpectacularAPIView):
    """JSON, which every reader of YAML understands too; YAML for those who ask for it."""

    renderer_classes = [OpenApiJsonRenderer2, OpenApiJsonRenderer, OpenApiYamlRenderer, OpenApiYamlRenderer2]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuse a language or version that there is not: it would reach headers and the file's name unchecked."""
        super().initial(request, *args, **kwargs)
        _require(request, "lang", dict(settings.LANGUAGES))
        _require(request, "version", [spectacular_settings.VERSION])

    def _get_version_parameter(self, request: Request) -> None:
        """There is one version, so neither the schema nor its file is named after one that is asked for."""


def _require(request: Request, name: str, choices: Collection[str]) -> None:
    """Raises ValidationError for a value that is sent and is none of these."""
    value = request.query_params.get(name)
    if value and value not in choices:
        raise ValidationError({name: [_("It must be one of: %(choices)s.") % {"choices": ", ".join(choices)}]})


# Swagger UI sets style attributes; its scripts come from our own static files, so only styles are let in.
@method_decorator([ensure_csrf_cookie, csp_update({"style-src": [SELF, UNSAFE_INLINE]})], name="dispatch")
class DocsView(SpectacularSwaggerSplitView):
    url_name = "api:schema"
    metadata_class = None  # OPTIONS is refused: a page has no template for it
