from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_lazy

from gallery.error_messages import stored_sentence
from gallery.errors import StoredError
from gallery.models import ImportJob

from .base import ReadOnlyAdmin

SHOWN_FILES = 500


@admin.register(ImportJob)
class ImportJobAdmin(ReadOnlyAdmin[ImportJob]):
    list_display = ["source", "owner", "status", "total", "added", "duplicates", "failed", "started_at", "finished_at"]
    list_filter = ["status", "started_at"]
    list_select_related = ["owner"]
    search_fields = ["source", "owner__folded_username"]
    date_hierarchy = "started_at"
    fields = [
        "source",
        "owner",
        "status",
        "total",
        "added",
        "duplicates",
        "ignored",
        "started_at",
        "finished_at",
        "failure_table",
        "skipped_table",
        "changed_table",
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[ImportJob]:
        return super().get_queryset(request).select_related("owner")

    @admin.display(description=gettext_lazy("failed"))
    def failed(self, job: ImportJob) -> int:
        return len(job.failures)

    @admin.display(description=gettext_lazy("failed files"))
    def failure_table(self, job: ImportJob) -> str | SafeString:
        return self._table([(each["path"], each["error"]) for each in job.failures], gettext("Why it failed"))

    @admin.display(description=gettext_lazy("skipped files"))
    def skipped_table(self, job: ImportJob) -> str | SafeString:
        return self._table([(each["path"], each["reason"]) for each in job.skipped], gettext("Why it was left out"))

    @admin.display(description=gettext_lazy("changed files"))
    def changed_table(self, job: ImportJob) -> str | SafeString:
        """Show pictures by their ids: they may be gone, and whoever sees the import need not be allowed to see them."""
        if not job.changed:
            return gettext("None.")
        rows = ((each["path"], each["id"], each["previous_id"]) for each in job.changed[:SHOWN_FILES])
        return format_html(
            "<table><thead><tr><th>{}</th><th>{}</th><th>{}</th></tr></thead>{}</table>{}",
            gettext("File"),
            gettext("Picture now"),
            gettext("Picture before"),
            format_html_join("", "<tr><td>{}</td><td>{}</td><td>{}</td></tr>", rows),
            self._rest(len(job.changed) - SHOWN_FILES),
        )

    def _table(self, files: Sequence[tuple[str, Any]], heading: str) -> str | SafeString:
        if not files:
            return gettext("None.")
        rows = ((path, stored_sentence(StoredError.from_json(reason))) for path, reason in files[:SHOWN_FILES])
        return format_html(
            "<table><thead><tr><th>{}</th><th>{}</th></tr></thead>{}</table>{}",
            gettext("File"),
            heading,
            format_html_join("", "<tr><td>{}</td><td>{}</td></tr>", rows),
            self._rest(len(files) - SHOWN_FILES),
        )

    def _rest(self, count: int) -> str:
        return gettext("and %d more") % count if count > 0 else ""
