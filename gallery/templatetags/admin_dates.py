"""Navigation by date above a list of the admin."""

from typing import Any

from django import template
from django.contrib.admin.templatetags.admin_list import date_hierarchy

register = template.Library()


@register.inclusion_tag("admin/date_hierarchy.html")
def dates_of(cl: Any) -> dict[str, Any]:
    """Show what Django shows, with what the list itself knows of its dates."""
    return date_hierarchy(cl.with_dates()) or {}
