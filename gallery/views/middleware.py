"""The pages' one door for errors, and the limit on what a request may carry."""

import logging
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from django.contrib.auth import SESSION_KEY
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from gallery.conf import gallery
from gallery.error_messages import known_error
from gallery.multipart_forms import FormParser
from gallery.request_size import refusal

from .errors import error_page, status_page

logger = logging.getLogger(__name__)
GetResponse = Callable[[HttpRequest], HttpResponse]


class RequestSizeMiddleware:
    """Refuses a request that cannot be read, or is too large, before a byte of it is."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        refused = refusal(request, max_files=_max_files(request))
        return error_page(request, refused) if refused is not None else self.get_response(request)


def _max_files(request: HttpRequest) -> int:
    """Only the upload form takes many, once signed in: a stranger fills no disk with what nobody will keep."""
    takes_many = request.path_info == reverse("upload") and SESSION_KEY in request.session
    return gallery().max_upload_files if takes_many else 1


class FormMiddleware:
    """Has forms with files read by the parser that loses no file for its name."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        def parse_file_upload(meta: Any, post_data: Any) -> Any:
            return FormParser(meta, post_data, request.upload_handlers, request.encoding).parse()

        request.parse_file_upload = parse_file_upload  # type: ignore[method-assign,assignment]
        return self.get_response(request)


class ErrorPageMiddleware:
    """Turns every error that a person can act on, and a refused method, into a page with its sentence and status."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if response.status_code != HTTPStatus.METHOD_NOT_ALLOWED or response.content:
            return response
        page = status_page(request, response.status_code)
        page.headers["Allow"] = response.headers["Allow"]
        return page

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        error = known_error(exception)
        if error is None:
            return None
        if error.http_status >= 500:
            told = {"refusal": error.code, "request": request}
            logger.error("%s %s: %s", request.method, request.path, error, extra=told)
        return error_page(request, error)
