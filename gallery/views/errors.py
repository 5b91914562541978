"""Error pages: 400, 403, 404, 413, 429, 500 and whatever status an error of ours carries.

An error of the server may come from the database or the templates' context, so its page asks for neither.
"""

import logging
from typing import Any

from django.core.exceptions import RequestDataTooBig, TooManyFilesSent
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.html import escape
from django.utils.translation import gettext as _

from gallery.conf import gallery
from gallery.error_messages import for_visitors, retry_headers, sentence
from gallery.errors import ImageSearchError, TooManyFiles

logger = logging.getLogger(__name__)


def status_page(request: HttpRequest, status: int, message: str = "", *, code: str = "") -> HttpResponse:
    """Return the page of this status; `message` says more than the status does."""
    context = {"status": status, "message": message, "code": code}
    if status >= 500 or not hasattr(request, "user"):
        return HttpResponse(_bare_page(context), status=status)
    return render(request, "gallery/error.html", context, status=status)


def _bare_page(context: dict[str, Any]) -> str:
    """Return a page that needs no request, no database and, if the templates fail too, no template."""
    try:
        return render_to_string("gallery/error_bare.html", context)
    except Exception:
        logger.exception("The error page itself failed.")
        return f"<!doctype html><title>{context['status']}</title><p>{context['status']}. {escape(context['message'])}"


def error_page(request: HttpRequest, error: ImageSearchError) -> HttpResponse:
    page = status_page(request, error.http_status, sentence(for_visitors(error)), code=error.code)
    for name, value in retry_headers(error).items():
        page.headers[name] = value
    return page


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if isinstance(exception, TooManyFilesSent):
        return error_page(request, TooManyFiles(limit=gallery().max_upload_files))
    if isinstance(exception, RequestDataTooBig):
        return status_page(request, 413)
    return status_page(request, 400)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    return status_page(request, 403)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return status_page(
        request,
        403,
        _("This form was too old or came from elsewhere, so nothing was done. Go back, reload, try again."),
    )


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return status_page(request, 404)


def server_error(request: HttpRequest) -> HttpResponse:
    return status_page(request, 500)


def too_many_sign_ins(request: HttpRequest, credentials: dict[str, Any], *args: Any, **kwargs: Any) -> HttpResponse:
    return status_page(
        request,
        429,
        _("Too many attempts to sign in. Wait a quarter of an hour, or reset your password."),
        code="too_many_sign_ins",
    )
