"""Pages of a list. A page that cannot be is an error, not the first page."""

from typing import Any

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from rest_framework import pagination
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

MAX_PAGE_SIZE = 200
MAX_DIGITS = 15
MAX_PAGE = 10**MAX_DIGITS - 1
Described = list[dict[str, Any]]


class PageNumberPagination(pagination.PageNumberPagination):
    page_size = 50
    max_page_size = MAX_PAGE_SIZE
    page_size_query_param = "page_size"

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
        return found


def _whole_number(text: str) -> int | None:
    is_one = text.isascii() and text.lstrip("-").isdigit() and len(text) <= MAX_DIGITS
    return int(text) if is_one else None
