from collections.abc import Collection, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy

from gallery.byte_amounts import bytes_in_words
from gallery.models import Actor, Album, AuditVerb, Image, User
from gallery.services.accounts import delete_accounts, ending_tokens
from gallery.services.audit import Action, record

from .audited import actor_of, is_snapshot_taken
from .base import WholeDeletionAdmin, lists_for
from .counted_deletion import CountedDeletion
from .counted_list import CountedChangeList, Counts
from .image_filters import is_id

RIGHTS = ("is_staff", "is_superuser", "groups", "user_permissions")


@admin.register(User)
class UserAdmin(CountedDeletion[User], WholeDeletionAdmin[User], DjangoUserAdmin[User]):
    """Only administrators give rights, and only they change or delete accounts of staff: no one lifts himself up."""

    list_display = ["username", "email", "is_active", "is_staff", "image_count", "storage", "date_joined"]
    search_fields = ["folded_username", "folded_names"]
    list_filter = ["is_active", "is_staff", "is_superuser", "groups", "date_joined"]
    counted = ("image_count", "size_bytes")

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> Any:
        """Django's own, and how much the account may keep."""
        fieldsets = super().get_fieldsets(request, obj)
        limits = (gettext_lazy("Limits"), {"fields": ("quota_pictures", "quota_mb")})
        return fieldsets if obj is None else (*fieldsets, limits)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[CountedChangeList]:
        return CountedChangeList

    def counts(self, request: HttpRequest, ids: Collection[int]) -> Counts:
        totals = lists_for(request).owner_totals(Image.objects.all())
        return {
            "image_count": {owner: total.images for owner, total in totals.items()},
            "size_bytes": {owner: total.size_bytes for owner, total in totals.items()},
        }

    @admin.display(description=gettext_lazy("pictures"), ordering="image_count")
    def image_count(self, user: User) -> int:
        count: int = user.image_count  # type: ignore[attr-defined]
        return count

    @admin.display(description=gettext_lazy("storage"), ordering="size_bytes")
    def storage(self, user: User) -> str:
        return bytes_in_words(user.size_bytes)  # type: ignore[attr-defined]

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> list[str]:
        dates = ["last_login", "date_joined"]
        return dates if request.user.is_superuser else [*dates, *RIGHTS]

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return super().has_change_permission(request, obj) and self._is_within_reach(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Nobody deletes the account he is signed in with, so that one administrator always remains."""
        if obj is not None and obj.pk == request.user.pk:
            return False
        return super().has_delete_permission(request, obj) and self._is_within_reach(request, obj)

    def _is_within_reach(self, request: HttpRequest, obj: User | None) -> bool:
        return obj is None or request.user.is_superuser or not (obj.is_staff or obj.is_superuser)

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:
        with transaction.atomic(), _ending_tokens_of(id, by=actor_of(request)):
            return super().user_change_password(request, id, form_url)

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        """Tokens end with an account that is closed."""
        with transaction.atomic(), ending_tokens(obj.pk, action=Action(actor_of(request))):
            super().save_model(request, obj, form, change)

    def log_change(self, request: HttpRequest, obj: User, message: Any) -> None:  # type: ignore[override]
        if is_snapshot_taken(request):
            super().log_change(request, obj, message)
        else:  # the page of the password saves nothing else
            record(Action(actor_of(request)), AuditVerb.PASSWORD_CHANGED, obj)

    def delete_wholly(self, objects: QuerySet[User], *, by: Actor) -> None:
        delete_accounts([user.pk for user in objects], by=by)

    def going_along(self, request: HttpRequest, ids: Collection[int]) -> Mapping[type[Model], int]:
        """Tokens and the notes about imports go with the account, without a word."""
        pictures = lists_for(request).count(Image.objects.filter(owner__in=ids))
        return {Image: pictures, Album: Album.objects.filter(owner__in=ids).count()}

    def lacking_rights(self, request: HttpRequest, things: Collection[User], going: Iterable[type[Model]]) -> set[str]:
        """Pictures and albums need the right to delete them."""
        closed = [model for model in going if not self.admin_site.get_model_admin(model).has_delete_permission(request)]
        return super().lacking_rights(request, things, going) | {str(model._meta.verbose_name) for model in closed}


def _ending_tokens_of(object_id: str, *, by: Actor) -> AbstractContextManager[None]:
    """Write down which tokens end, for an account that the address names; whether there is one, Django says."""
    return ending_tokens(int(object_id), action=Action(by)) if is_id(object_id) else nullcontext()
