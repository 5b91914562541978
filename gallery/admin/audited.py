"""What is changed in the admin is written into the audit log, which is where an object's history is read, too.

Django's own log stays empty. What a service changes it writes down itself.
"""

from collections.abc import Iterable
from typing import Any, TypeVar, cast

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.contrib.admin.views.main import PAGE_VAR
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db import transaction
from django.db.models import Model, QuerySet
from django.forms import ModelForm
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.text import capfirst
from django.utils.translation import gettext

from gallery.models import Actor, AuditEntry, AuditVerb
from gallery.services.audit import CHANGES_AT_A_TIME, Action, record_added, record_difference, recording, snapshots
from gallery.views.actor import ActorRequest

M = TypeVar("M", bound=Model)
ENTRIES_PER_PAGE = 100
SNAPSHOT_ATTRIBUTE = "snapshots_before"  # of the request: an admin object serves many at a time


def actor_of(request: HttpRequest) -> Actor:
    """Return the member of staff as verbs want to know him: the middleware has named the door."""
    return cast(ActorRequest, request).actor


def is_snapshot_taken(request: HttpRequest) -> bool:
    """Say whether a change that is under way saves the object's form."""
    return hasattr(request, SNAPSHOT_ATTRIBUTE)


class AuditedAdmin(admin.ModelAdmin[M]):
    object_history_template = "admin/gallery/object_history.html"
    deletion_verb = AuditVerb.DELETED

    def save_form(self, request: HttpRequest, form: ModelForm[M], change: bool) -> M:
        """Look at what the database has before anything is saved: links to other objects are saved last."""
        if change:
            setattr(request, SNAPSHOT_ATTRIBUTE, snapshots(self.model, [form.instance.pk], for_change=True))
        saved: M = super().save_form(request, form, change)
        return saved

    def log_addition(self, request: HttpRequest, obj: M, message: Any) -> None:  # type: ignore[override]
        record_added(Action(actor_of(request)), obj)

    def log_change(self, request: HttpRequest, obj: M, message: Any) -> None:  # type: ignore[override]
        before = getattr(request, SNAPSHOT_ATTRIBUTE)
        after = snapshots(self.model, [obj.pk])
        record_difference(Action(actor_of(request)), AuditVerb.CHANGED, self.model, before, after)

    def log_deletions(self, request: HttpRequest, queryset: Iterable[M]) -> list[Any]:
        """Nothing: Django calls this before the deletion, and not always in its transaction."""
        return []

    def delete_model(self, request: HttpRequest, obj: M) -> None:
        self.delete_queryset(request, self.model._default_manager.filter(pk=obj.pk))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[M]) -> None:
        ids = list(queryset.order_by("pk").values_list("pk", flat=True))
        action = Action(actor_of(request))
        for start in range(0, len(ids), CHANGES_AT_A_TIME):
            some = ids[start : start + CHANGES_AT_A_TIME]
            with transaction.atomic(), recording(action, self.deletion_verb, self.model, some):
                self.model._default_manager.filter(pk__in=some).delete()

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the entries about one object to whoever may see it; tell nobody else whether there is one."""
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        thing = self.get_object(request, unquote(object_id))
        if thing is None:
            raise Http404
        if not self.has_view_or_change_permission(request, thing):
            raise PermissionDenied
        return TemplateResponse(
            request, self.object_history_template, self._history(request, thing) | (extra_context or {})
        )

    def _history(self, request: HttpRequest, thing: M) -> dict[str, Any]:
        paginator = Paginator(AuditEntry.objects.about(thing).newest(), ENTRIES_PER_PAGE)
        page = paginator.get_page(request.GET.get(PAGE_VAR, 1))
        return {
            **self.admin_site.each_context(request),
            "title": gettext("Change history: %s") % thing,
            "subtitle": None,
            "entries": page,
            "page_range": paginator.get_elided_page_range(page.number),
            "page_var": PAGE_VAR,
            "module_name": str(capfirst(self.opts.verbose_name_plural)),
            "object": thing,
            "opts": self.opts,
            "preserved_filters": self.get_preserved_filters(request),
        }
