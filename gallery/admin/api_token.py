from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy

from gallery.models import ApiToken

from .base import GalleryAdmin


@admin.register(ApiToken)
class ApiTokenAdmin(GalleryAdmin[ApiToken]):
    """Tokens are made by `manage.py create_api_token`, which shows them once; here they can be revoked."""

    list_display = ["label", "user", "read_only", "created_at", "last_used_at"]
    list_filter = ["read_only", "created_at", "last_used_at"]
    list_select_related = ["user"]
    search_fields = ["name", "user__folded_username"]
    fields = ["name", "user", "read_only", "created_at", "last_used_at"]
    actions = ["delete_selected"]

    @admin.display(description=gettext_lazy("name"), ordering="name")
    def label(self, token: ApiToken) -> str:
        return str(token)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: ApiToken | None = None) -> bool:
        return False

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Nobody finds out a hash by asking whether it starts with this or that."""
        return not lookup.startswith("token_hash") and super().lookup_allowed(lookup, value, request)
