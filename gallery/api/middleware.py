"""What happens to an API request outside the views: it, too, is answered in the API's one shape."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse

from gallery.conf import gallery
from gallery.errors import FileTooLarge

from .errors import body_of, body_of_status

API_PATH = "/api/"
FORM_BYTES = 1_000_000  # what a form may add to its one file
GetResponse = Callable[[HttpRequest], HttpResponseBase]


class ApiErrorMiddleware:
    """Refuses a request that is too large before a byte of it is read, and turns error pages into JSON."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not request.path_info.startswith(API_PATH):
            return self.get_response(request)
        refusal = _refusal(request)
        return refusal if refusal is not None else _as_json(self.get_response(request))


def _refusal(request: HttpRequest) -> HttpResponse | None:
    limit = gallery().max_upload_bytes * 4 // 3 + FORM_BYTES  # base64 takes four bytes for three
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not length.isdigit() or int(length) <= limit:
        return None
    error = FileTooLarge(size_bytes=int(length), limit_bytes=gallery().max_upload_bytes)
    return JsonResponse(body_of(error), status=error.http_status)


def _as_json(response: HttpResponseBase) -> HttpResponseBase:
    is_page = response.headers.get("Content-Type", "").startswith("text/html")
    if response.status_code < 400 or not is_page:
        return response
    return JsonResponse(body_of_status(response.status_code), status=response.status_code)
