"""What may be kept of an answer that does not say so itself."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.utils.cache import patch_cache_control


class PrivateByDefaultMiddleware:
    """Lets nobody between keep an answer, and nobody at all what a member was shown.

    Pictures' files, static files and probes say for themselves what may be kept.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if not response.has_header("Cache-Control"):
            is_personal = settings.SESSION_COOKIE_NAME in request.COOKIES or "Authorization" in request.headers
            patch_cache_control(response, private=True, **{"no_store" if is_personal else "no_cache": True})
        return response
