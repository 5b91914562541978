"""What goes when something is deleted, as numbers: rows that hang on it may be a hundred thousand."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any, TypeVar

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

M = TypeVar("M", bound=Model)


class CountedDeletion(admin.ModelAdmin[M]):
    """Names what is deleted, and counts what goes along; Django would list every row of it."""

    def going_along(self, request: HttpRequest, ids: Collection[int]) -> Mapping[type[Model], int]:
        """Return how many rows of other models go with these."""
        return {}

    def lacking_rights(self, request: HttpRequest, things: Collection[M], going: Iterable[type[Model]]) -> set[str]:
        """Return the names of what this person may not delete."""
        return {str(self.opts.verbose_name) for one in things if not self.has_delete_permission(request, one)}

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[Any], dict[str, int], set[str], list[Any]]:
        things = list(objs)
        going = {
            model: count for model, count in self.going_along(request, [one.pk for one in things]).items() if count
        }
        counts = {str(self.opts.verbose_name_plural): len(things)}
        counts |= {str(model._meta.verbose_name_plural): count for model, count in going.items()}
        return [str(one) for one in things], counts, self.lacking_rights(request, things, going), []
