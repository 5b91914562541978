"""What a list of pictures can be narrowed to and ordered by."""

from typing import Any

from django.forms import MultipleChoiceField
from django_filters import rest_framework as filters
from django_filters.fields import ChoiceField
from drf_spectacular.utils import extend_schema_field
from rest_framework.exceptions import NotAuthenticated

from gallery.imaging import FORMATS, LABELS
from gallery.models import ImageQuerySet, Visibility
from gallery.text.tag_names import parse_tags, tag_key

from .authentication import actor_of

ORDERINGS = (
    ("created_at", "created_at"),
    ("taken_at", "taken_at"),
    ("original_name", "name"),
    ("size_bytes", "size_bytes"),
)


class StableOrderingFilter(filters.OrderingFilter):  # type: ignore[misc]  # the library has no types
    """Equal values keep one order, so that no picture is on two pages or on none."""

    def filter(self, queryset: ImageQuerySet, value: list[str] | None) -> ImageQuerySet:
        if not value:
            return queryset.newest()
        return queryset.order_by(*(self.get_ordering_value(name) for name in value), "-pk")


class FormatField(ChoiceField):  # type: ignore[misc]
    """`png` is `PNG`, and what people call a format is it too: `heic` is `HEIF`."""

    def to_python(self, value: Any) -> str:
        name = str(super().to_python(value)).upper()
        return next((known for known, label in LABELS.items() if label.upper() == name), name)


class FormatFilter(filters.ChoiceFilter):  # type: ignore[misc]
    field_class = FormatField


class TagsField(MultipleChoiceField):
    """`?tag=cat&tag=red` as well as `?tag=cat,red`; any tag may be asked for."""

    def to_python(self, value: Any) -> list[str]:
        return parse_tags(super().to_python(value))

    def valid_value(self, value: str) -> bool:
        return True


@extend_schema_field({"type": "array", "items": {"type": "string"}})
class TagsFilter(filters.MultipleChoiceFilter):  # type: ignore[misc]
    field_class = TagsField

    def filter(self, queryset: ImageQuerySet, value: list[str]) -> ImageQuerySet:
        return queryset.tagged(tag_key(name) for name in value)


class ImageFilter(filters.FilterSet):  # type: ignore[misc]
    tag = TagsFilter(help_text="Only pictures with all of these tags; repeat it, or separate them with commas.")
    format = FormatFilter(choices=[(name, name) for name in FORMATS])
    visibility = filters.ChoiceFilter(choices=Visibility.choices)
    owner = filters.ChoiceFilter(
        choices=[("me", "me")], method="filter_owner", help_text="`me`: only pictures of your own."
    )
    md5 = filters.CharFilter(field_name="md5", lookup_expr="iexact", max_length=32)
    q = filters.CharFilter(method="filter_text", max_length=200, help_text="Part of the name or the description.")
    ordering = StableOrderingFilter(fields=ORDERINGS)

    def filter_owner(self, queryset: ImageQuerySet, name: str, value: str) -> ImageQuerySet:
        actor = actor_of(self.request)
        if actor.user is None:
            raise NotAuthenticated
        return queryset.owned_by(actor)

    def filter_text(self, queryset: ImageQuerySet, name: str, value: str) -> ImageQuerySet:
        return queryset.mentioning(value)
