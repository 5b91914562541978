"""The API's one door for errors: whatever happens, the answer is {"code", "message", "details"}."""

import logging
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation, TooManyFilesSent
from django.http import Http404
from django.utils.translation import gettext as _
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from gallery.conf import gallery
from gallery.error_messages import Body, body_of, error_body, known_error, retry_headers
from gallery.errors import ImageSearchError, SeveralFiles

logger = logging.getLogger(__name__)


def body_of_status(status: int) -> Body:
    """An answer that says no more than its status."""
    messages = {
        400: _("This request is not valid."),
        403: _("You may not do this."),
        404: _("There is nothing at this address."),
        413: _("This request is too large."),
        429: _("Too many requests. Wait a moment and try again."),
    }
    code = HTTPStatus(status).name.lower() if status < 500 else "error"
    return error_body(code, messages.get(status) or _(ImageSearchError.message))


def exception_handler(error: Exception, context: dict[str, Any]) -> Response:
    set_rollback()
    if isinstance(error, TooManyFilesSent):  # counted no further
        error = SeveralFiles(field="file", count=gallery().max_upload_files + 1, limit=1)
    if isinstance(error, exceptions.APIException):
        return _framework_response(error)
    if isinstance(error, Http404):
        return Response(body_of_status(404), status=404)
    if isinstance(error, PermissionDenied):
        return _framework_response(exceptions.PermissionDenied())
    if isinstance(error, RequestDataTooBig):
        return Response(body_of_status(413), status=413)
    if isinstance(error, SuspiciousOperation):
        return Response(body_of_status(400), status=400)
    return _own_response(error, context)


def _own_response(error: Exception, context: dict[str, Any]) -> Response:
    known = known_error(error)
    request = context["request"]
    if known is None:
        logger.error("%s %s failed.", request.method, request.path, exc_info=error)
        return Response(body_of_status(500), status=500)
    if known.http_status >= 500:
        told = {"refusal": known.code, "request": request._request}
        logger.error("%s %s: %s", request.method, request.path, known, extra=told)
    return Response(body_of(known), status=known.http_status, headers=retry_headers(known))


def _framework_response(error: exceptions.APIException) -> Response:
    headers = {}
    if challenge := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    if wait := getattr(error, "wait", None):
        headers["Retry-After"] = str(int(wait))
    return Response(_framework_body(error), status=error.status_code, headers=headers)


def _framework_body(error: exceptions.APIException) -> Body:
    if isinstance(error, exceptions.ValidationError):
        return error_body("invalid", _validation_message(error.detail), _by_field(error.detail))
    if isinstance(error, exceptions.NotFound):
        return body_of_status(404)
    return error_body(str(error.get_codes()), str(error.detail))


def _by_field(detail: Any) -> Body:
    return detail if isinstance(detail, dict) else {"non_field_errors": detail}


def _validation_message(detail: Any) -> str:
    """Name the fields and say the first thing that is wrong with each."""
    parts = [f"{field}: {_first(problems)}" for field, problems in _by_field(detail).items()]
    return " ".join(parts)


def _first(problems: Any) -> str:
    while isinstance(problems, list | dict) and problems:
        problems = next(iter(problems.values() if isinstance(problems, dict) else problems))
    return str(problems)
