from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path

from gallery.models import IndexState

from .base import ReadOnlyAdmin
from .encoders import encoders

COLUMNS = ["encoder_id", "encoder_revision", "dimension", "row_count", "epoch", "version", "updated_at"]


@admin.register(IndexState)
class IndexStateAdmin(ReadOnlyAdmin[IndexState]):
    list_display = [*COLUMNS]
    fields = [*COLUMNS]

    def get_urls(self) -> list[URLPattern]:
        page = self.admin_site.admin_view(self.encoders)
        return [path("encoders/", page, name="gallery_indexstate_encoders"), *super().get_urls()]

    def encoders(self, request: HttpRequest) -> HttpResponse:
        with self.telling_errors(request):
            return encoders(self, request)
        return redirect("admin:index")
