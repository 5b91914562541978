"""What happens to an API request outside the views: it, too, is answered in the API's one shape."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase, JsonResponse

from gallery.error_messages import body_of, retry_headers
from gallery.request_size import refusal

from .errors import body_of_status

API_PATH = "/api/"
GetResponse = Callable[[HttpRequest], HttpResponseBase]


class ApiErrorMiddleware:
    """Refuses a request that cannot be read before a byte of it is, and turns error pages into JSON."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not request.path_info.startswith(API_PATH):
            return self.get_response(request)
        refused = refusal(request)
        if refused is not None:
            return JsonResponse(body_of(refused), status=refused.http_status, headers=retry_headers(refused))
        return _as_json(self.get_response(request))


def _as_json(response: HttpResponseBase) -> HttpResponseBase:
    is_page = response.headers.get("Content-Type", "").startswith("text/html")
    if response.status_code < 400 or not is_page:
        return response
    return JsonResponse(body_of_status(response.status_code), status=response.status_code)
