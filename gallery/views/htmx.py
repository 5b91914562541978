from django_htmx.middleware import HtmxDetails

from .actor import ActorRequest


class HtmxHttpRequest(ActorRequest):
    """A request as the htmx middleware leaves it: `htmx` is true when htmx asks for a part of a page."""

    htmx: HtmxDetails
