"""What the generator of the schema cannot see by itself of an operation."""

from typing import Any

from drf_spectacular.openapi import AutoSchema
from rest_framework.permissions import SAFE_METHODS

from .permissions import SignedIn

ID_SCHEMA = {"type": "integer", "format": "int64", "minimum": 1, "maximum": 10**18 - 1}
EMPTY_IS_NONE = {"allowEmptyValue": True}  # what a form sends where nothing is chosen


class ApiSchema(AutoSchema):
    def get_auth(self) -> list[dict[str, Any]]:
        """Everyone may read, and search, but for what is an account's own."""
        auth: list[dict[str, Any]] = super().get_auth()
        is_open = {} in auth or (self.method in SAFE_METHODS and SignedIn not in self.view.permission_classes)
        return [{}, *(scheme for scheme in auth if scheme)] if is_open else auth

    def _get_filter_parameters(self) -> list[dict[str, Any]]:
        filters = super()._get_filter_parameters()  # type: ignore[no-untyped-call]  # so far the library is untyped
        return [parameter | EMPTY_IS_NONE for parameter in filters]

    def _process_override_parameters(self, direction: Any = "request") -> dict[Any, Any]:
        found: dict[Any, Any] = super()._process_override_parameters(direction)  # type: ignore[no-untyped-call]
        number = found.get(("top", "query"))
        return found | {("top", "query"): number | EMPTY_IS_NONE} if number else found

    def _resolve_path_parameters(self, variables: list[str]) -> list[dict[str, Any]]:
        found = super()._resolve_path_parameters(variables)  # type: ignore[no-untyped-call]
        return [parameter | {"schema": ID_SCHEMA} if parameter["name"] == "id" else parameter for parameter in found]

    def _get_request_body(self, direction: Any = "request") -> dict[str, Any] | None:
        """Whatever is posted must be there, also where no single field must."""
        body: dict[str, Any] | None = super()._get_request_body(direction)  # type: ignore[no-untyped-call]
        return body | {"required": True} if body and self.method == "POST" else body
