"""The pages' one door for errors, and the limit on what a request may carry."""

import logging
from collections.abc import Callable
from http import HTTPStatus

from django.contrib.auth import SESSION_KEY
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from gallery.conf import gallery
from gallery.error_messages import known_error
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
        length = _length_bytes(request)
        limit = gallery().max_upload_bytes * 4 // 3 + FORM_BYTES  # a program may send base64: four bytes for three
        if length > limit and _takes_many_files(request):
            limit = gallery().max_upload_bytes * gallery().max_upload_files + FORM_BYTES
        if length > limit:
            return error_page(request, FileTooLarge(size_bytes=length, limit_bytes=limit))
        return self.get_response(request)


def _length_bytes(request: HttpRequest) -> int:
    try:
        return int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        return 0


def _takes_many_files(request: HttpRequest) -> bool:
    """Only the upload form does, for those who are signed in: a stranger fills no disk with what nobody will keep."""
    return request.path_info == reverse("upload") and SESSION_KEY in request.session


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
