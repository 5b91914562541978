"""The audit log: read by whoever holds the right to, changed by nobody."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from gallery.models import ActorKind, AuditEntry, User

from .audit_list import AuditChangeList, AuditPaginator
from .base import ReadOnlyAdmin
from .image_filters import OFFERED, Lookups, is_id


class WhoFilter(admin.SimpleListFilter):
    """Staff and whoever has no account; other accounts are found by search, and by the link at each of their names."""

    title = _("who")
    parameter_name = "who"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Lookups:
        staff = User.objects.filter(is_staff=True).order_by("username").values_list("pk", "username")[:OFFERED]
        nobody = [(kind.value, kind.label) for kind in ActorKind if kind is not ActorKind.MEMBER]
        return [*((str(pk), name) for pk, name in staff), *nobody]

    def queryset(self, request: HttpRequest, queryset: QuerySet[AuditEntry]) -> QuerySet[AuditEntry]:
        value = self.value()
        if value is None:
            return queryset
        if value in ActorKind.values:
            return queryset.filter(actor_kind=value)
        return queryset.filter(user=int(value)) if is_id(value) else queryset.none()


class KindFilter(admin.SimpleListFilter):
    title = _("kind of object")
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Lookups:
        models = [model for model in model_admin.admin_site._registry if model is not AuditEntry]
        return sorted((model._meta.label_lower, capfirst(str(model._meta.verbose_name))) for model in models)

    def queryset(self, request: HttpRequest, queryset: QuerySet[AuditEntry]) -> QuerySet[AuditEntry]:
        value = self.value()
        return queryset if value is None else queryset.filter(object_kind=value)


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin[AuditEntry]):
    list_display = ["at", "who", "door", "verb", "kind", "object_label", "what_changed"]
    list_filter = ["verb", KindFilter, "door", WhoFilter, "at"]
    list_per_page = 50
    show_full_result_count = False
    search_fields = ["object_label", "actor_name"]
    search_help_text = _("Name of the object as it was, or of whoever did it")
    date_hierarchy = "at"
    fields = ["at", "who", "door", "verb", "kind", "object_number", "object_label", "changes", "together"]

    paginator = AuditPaginator

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[AuditChangeList]:
        return AuditChangeList

    @admin.display(description=_("who"), ordering="actor_name")
    def who(self, entry: AuditEntry) -> str | SafeString:
        if entry.user_id is None:
            return entry.who
        return format_html('<a href="{}?who={}">{}</a>', _list_address(), str(entry.user_id), entry.who)

    @admin.display(description=_("kind of object"), ordering="object_kind")
    def kind(self, entry: AuditEntry) -> str:
        return entry.kind_label

    @admin.display(description=_("number of the object"))
    def object_number(self, entry: AuditEntry) -> str:
        return str(entry.object_id)

    @admin.display(description=_("what changed"))
    def what_changed(self, entry: AuditEntry) -> str:
        return ", ".join(change.label for change in entry.changes)

    @admin.display(description=_("what changed"))
    def changes(self, entry: AuditEntry) -> str:
        return render_to_string("admin/gallery/audit_changes.html", {"entry": entry})

    @admin.display(description=_("action"))
    def together(self, entry: AuditEntry) -> SafeString:
        words = _("All entries of this action")
        return format_html('<a href="{}?action={}">{}</a>', _list_address(), str(entry.action), words)


def _list_address() -> str:
    return reverse("admin:gallery_auditentry_changelist")
