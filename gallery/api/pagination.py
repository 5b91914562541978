"""Parts of a list: by cursor, or by number. A part that cannot be is an error, not the first one."""

from typing import Any

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from rest_framework import pagination
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import remove_query_param, replace_query_param

from gallery.image_pages import ImagePaginator
from gallery.models.cursor import MAX_CHARACTERS, Part, part_of, part_of_list
from gallery.search_index import search_index
from gallery.services.tags import TAG_ORDER

MAX_PAGE_SIZE = 200
MAX_DIGITS = 15
MAX_PAGE = 10**MAX_DIGITS - 1
Described = list[dict[str, Any]]
CURSOR = {
    "name": "cursor",
    "in": "query",
    "required": False,
    "description": "Where to go on, as `next` and `previous` have it; of a list with the same filters and order.",
    "schema": {"type": "string", "format": "cursor", "minLength": 1, "maxLength": MAX_CHARACTERS},
}


class ListPagination(pagination.PageNumberPagination):
    page_size = 50
    max_page_size = MAX_PAGE_SIZE
    page_size_query_param = "page_size"
    part: Part[Any] | None = None  # of a walk by cursor

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> Any:
        if "page" in request.query_params and "cursor" not in request.query_params:
            return super().paginate_queryset(queryset, request, view)
        self.part = self.part_of(
            queryset,
            size=self.get_page_size(request),
            cursor=request.query_params.get("cursor"),
            narrowed_by=_narrowing(request, view),
        )
        self.address = request.build_absolute_uri()
        self.count = self.count_of(queryset)
        return self.part.rows

    def part_of(self, rows: Any, **where: Any) -> Part[Any]:
        return part_of(rows, **where)

    def count_of(self, rows: Any) -> int:
        return int(rows.count())

    def get_paginated_response(self, data: Any) -> Response:
        if self.part is None:
            return super().get_paginated_response(data)
        addresses = {"next": self._address(self.part.next), "previous": self._address(self.part.previous)}
        return Response({"count": self.count, **addresses, "results": data})

    def _address(self, cursor: str | None) -> str | None:
        if cursor is None:
            return None
        return replace_query_param(remove_query_param(self.address, "page"), "cursor", cursor)

    def get_page_size(self, request: Request) -> int:
        asked = request.query_params.get("page_size")
        if asked is None:
            return self.page_size
        size = _whole_number(asked)
        if size is None or not 1 <= size <= MAX_PAGE_SIZE:
            raise ValidationError(
                {"page_size": [_("This must be a whole number from 1 to %(limit)s.") % {"limit": MAX_PAGE_SIZE}]}
            )
        return size

    def get_page_number(self, request: Request, paginator: Paginator[QuerySet[Any]]) -> int:
        asked = request.query_params.get("page")
        if asked is None:
            return 1
        if asked == "last":
            return paginator.num_pages
        number = _whole_number(asked)
        if number is None or number < 1:
            raise ValidationError({"page": [_("This must be a whole number from 1, or “last”.")]})
        return number

    def get_schema_operation_parameters(self, view: Any) -> Described:
        found: Described = super().get_schema_operation_parameters(view)
        for parameter in found:
            if parameter["name"] == "page_size":
                parameter["schema"] |= {"minimum": 1, "maximum": MAX_PAGE_SIZE, "default": self.page_size}
            if parameter["name"] == "page":
                either = [{"type": "integer"}, {"type": "string", "enum": ["last"]}]
                parameter["schema"] = {"oneOf": either, "minimum": 1, "maximum": MAX_PAGE}
        return [*found, CURSOR]


class ImageListPagination(ListPagination):
    """The same of pictures, which `search_index().lists` counts and takes out."""

    django_paginator_class = ImagePaginator

    def part_of(self, rows: Any, **where: Any) -> Part[Any]:
        return search_index().lists.part_of(rows, **where)

    def count_of(self, rows: Any) -> int:
        return search_index().lists.count(rows)


class TagListPagination(ListPagination):
    """The same of tags that are at hand already."""

    def part_of(self, rows: Any, **where: Any) -> Part[Any]:
        return part_of_list(rows, TAG_ORDER, **where)

    def count_of(self, rows: Any) -> int:
        return len(rows)


def _narrowing(request: Request, view: Any) -> list[str]:
    """Return what of a request says which rows its list has."""
    names = getattr(getattr(view, "filterset_class", None), "base_filters", ())
    given = [f"{name}={value}" for name in sorted(names) for value in request.query_params.getlist(name)]
    return [request.path, *given]


def _whole_number(text: str) -> int | None:
    is_one = text.isascii() and text.lstrip("-").isdigit() and len(text) <= MAX_DIGITS
    return int(text) if is_one else None
