from collections.abc import Sequence
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext, gettext_lazy, ngettext

from gallery.error_messages import stored_sentence
from gallery.models import Job, JobItem, JobQuerySet
from gallery.models.access import is_curator
from gallery.services.long_work import cancel

from .audited import actor_of
from .base import ReadOnlyAdmin

SHOWN_ITEMS = 500


@admin.register(Job)
class JobAdmin(ReadOnlyAdmin[Job]):
    actions = ("cancel",)
    list_display = ["title", "owner", "who", "status", "total", "done", "failed", "asked_at", "finished_at"]
    list_filter = ["kind", "status", "asked_at"]
    list_select_related = ["owner", "asked_by"]
    search_fields = ["subject", "owner__folded_username"]
    date_hierarchy = "asked_at"
    fields = [
        "title",
        "subject",
        "owner",
        "who",
        "door",
        "status",
        "why",
        "total",
        "done",
        "failed",
        "counts",
        "asked_at",
        "started_at",
        "heartbeat_at",
        "finished_at",
        "cancel_asked_at",
        "holder",
        "failed_table",
        "skipped_table",
        "changed_table",
    ]

    def has_cancel_permission(self, request: HttpRequest) -> bool:
        return is_curator(actor_of(request), "change", of="job")

    @admin.action(description=gettext_lazy("Cancel"), permissions=["cancel"])
    def cancel(self, request: HttpRequest, jobs: JobQuerySet) -> None:
        count = cancel(jobs, by=actor_of(request))
        text = ngettext("%(count)s job is cancelled.", "%(count)s jobs are cancelled.", count)
        self.message_user(request, text % {"count": count}, messages.SUCCESS if count else messages.WARNING)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Job]:
        return super().get_queryset(request).select_related("owner", "asked_by")

    @admin.display(description=gettext_lazy("job"))
    def title(self, job: Job) -> str:
        return capfirst(job.title)

    @admin.display(description=gettext_lazy("asked by"))
    def who(self, job: Job) -> str:
        return str(job.actor)

    @admin.display(description=gettext_lazy("why it stopped"))
    def why(self, job: Job) -> str:
        return stored_sentence(job.failure)

    @admin.display(description=gettext_lazy("of these"))
    def counts(self, job: Job) -> str:
        names = {"added": gettext("added"), "duplicates": gettext("duplicates"), "ignored": gettext("ignored")}
        return ", ".join(f"{label}: {job.details[name]}" for name, label in names.items() if name in job.details)

    @admin.display(description=gettext_lazy("failed items"))
    def failed_table(self, job: Job) -> str | SafeString:
        return self._table(job, JobItem.Kind.FAILED, gettext("Why it failed"))

    @admin.display(description=gettext_lazy("skipped items"))
    def skipped_table(self, job: Job) -> str | SafeString:
        return self._table(job, JobItem.Kind.SKIPPED, gettext("Why it was left out"))

    @admin.display(description=gettext_lazy("changed items"))
    def changed_table(self, job: Job) -> str | SafeString:
        """Show pictures by their ids: they may be gone, and whoever sees the job need not be allowed to see them."""
        items = job.items.changed()
        rows = [(each.item, each.details["id"], each.details["previous_id"]) for each in items[:SHOWN_ITEMS]]
        headings = (gettext("File"), gettext("Picture now"), gettext("Picture before"))
        return _table(headings, rows, items.count())

    def _table(self, job: Job, kind: str, heading: str) -> str | SafeString:
        items = job.items.filter(kind=kind)
        rows = [(each.item, stored_sentence(each.reason)) for each in items[:SHOWN_ITEMS]]
        return _table((gettext("Item"), heading), rows, items.count())


def _table(headings: Sequence[str], rows: Sequence[Sequence[Any]], count: int) -> str | SafeString:
    if not rows:
        return gettext("None.")
    more = count - len(rows)
    return format_html(
        "<table><thead><tr>{}</tr></thead>{}</table>{}",
        format_html_join("", "<th>{}</th>", ((heading,) for heading in headings)),
        format_html_join(
            "", "<tr>{}</tr>", ((format_html_join("", "<td>{}</td>", ((each,) for each in row)),) for row in rows)
        ),
        gettext("and %d more") % more if more > 0 else "",
    )
