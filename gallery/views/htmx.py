from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails


class HtmxHttpRequest(HttpRequest):
    """A request as the htmx middleware leaves it: `htmx` is true when htmx asks for a part of a page."""

    htmx: HtmxDetails
