"""Inputs of forms that a page has hundreds of: Django renders three templates for each."""

from collections.abc import Mapping
from typing import Any

from django.forms.renderers import BaseRenderer, get_default_renderer
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

INPUTS = {f"django/forms/widgets/{kind}.html" for kind in ("hidden", "number", "checkbox")}
ERRORS = "django/forms/errors/list/ul.html"


class QuickInputs(BaseRenderer):
    """Writes plain inputs, and the errors of what has none, as Django's templates do; leaves all else to them."""

    def render(self, template_name: str, context: dict[str, Any], request: HttpRequest | None = None) -> str:
        if template_name in INPUTS:
            return _input(context["widget"])
        if template_name == ERRORS and not context["errors"]:
            return ""
        return get_default_renderer().render(template_name, context, request)


def attributes(values: Mapping[str, Any]) -> SafeString:
    """Write attributes as Django's templates do, in their order: True as a name alone, False not at all."""
    parts = (
        format_html(" {}", name) if value is True else format_html(' {}="{}"', name, str(value))
        for name, value in values.items()
        if value is not False
    )
    return format_html_join("", "{}", ((part,) for part in parts))


def _input(widget: dict[str, Any]) -> SafeString:
    value = {} if widget["value"] is None else {"value": str(widget["value"])}
    return format_html(
        "<input{}>", attributes({"type": widget["type"], "name": widget["name"]} | value | widget["attrs"])
    )
