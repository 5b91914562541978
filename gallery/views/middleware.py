"""The pages' one door for errors, and the limit on what a request may carry."""

import logging
from collections.abc import Callable
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse

from gallery.conf import gallery
from gallery.doors import known_error
from gallery.errors import FileTooLarge

from .errors import error_page, status_page

logger = logging.getLogger(__name__)
FORM_BYTES = 1_000_000  # what a form may add to its files
GetResponse = Callable[[HttpRequest], HttpResponse]


class RequestSizeMiddleware:
    """Refuses a request that is too large before a byte of it is read."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        settings = gallery()
        limit = settings.max_upload_bytes * settings.max_upload_files + FORM_BYTES
        try:
            length = int(request.META.get("CONTENT_LENGTH") or 0)
        except ValueError:
            length = 0
        if length > limit:
            return error_page(request, FileTooLarge(size_bytes=length, limit_bytes=limit))
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
            logger.error("%s %s: %s", request.method, request.path, error)
        return error_page(request, error)
