"""What the admin's templates ask about the audit log."""

from typing import Any

from django import template
from django.contrib.admin.models import LogEntry
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext

from gallery.models import AuditEntry, AuditVerb, User
from gallery.models.audit_entry import AuditEntryQuerySet

LISTED = 20

register = template.Library()


@register.simple_tag
def audit_entries_by(user: User, count: int) -> AuditEntryQuerySet:
    """Return what this user did last."""
    return AuditEntry.objects.by_user(user).newest()[:count]


@register.filter
def audited_value(value: Any) -> str:
    """Return a value as people read it; of long lists the beginning."""
    if value is None or value in ("", [], {}):
        return "–"
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    if not isinstance(value, list):
        return str(value)
    rest = len(value) - LISTED
    shown = [_item(each) for each in value[:LISTED]]
    return ", ".join([*shown, *([gettext("and %d more") % rest] if rest > 0 else [])])


def _item(value: Any) -> str:
    """Return an item of a list; a pair is the first and the last id of a run."""
    if isinstance(value, dict):
        return ": ".join(map(str, value.values()))
    return "–".join(map(str, value)) if isinstance(value, list) else str(value)


@register.filter
def admin_log_message(message: str) -> str:
    """Return what Django's own log of the admin said, from before there was an audit log."""
    return LogEntry(change_message=message).get_change_message()


@register.filter
def audited_object_url(entry: AuditEntry) -> str:
    """Return where the admin shows the object, if it has such a page; a deleted object has none."""
    if entry.verb == AuditVerb.DELETED:
        return ""
    try:
        return reverse(f"admin:{entry.object_kind.replace('.', '_')}_change", args=[entry.object_id])
    except NoReverseMatch:
        return ""
