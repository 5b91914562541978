from django.contrib import admin

from gallery.models import IndexState

from .base import ReadOnlyAdmin

COLUMNS = ["encoder_id", "encoder_revision", "dimension", "row_count", "epoch", "version", "updated_at"]


@admin.register(IndexState)
class IndexStateAdmin(ReadOnlyAdmin[IndexState]):
    list_display = [*COLUMNS]
    fields = [*COLUMNS]
