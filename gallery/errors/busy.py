"""What is well, but at work for others just now."""

from .base import ImageSearchError, gettext_noop


class ServerBusy(ImageSearchError):
    """Nothing was begun: the same request may do a little later."""

    code = "server_busy"
    http_status = 503
    retry_after_seconds = 5
    message = gettext_noop("The site is busy with the requests of others. Nothing was done; try again in a moment.")


class BodyTooSlow(ImageSearchError):
    """Nothing was begun, as the request did not come whole in time."""

    code = "body_too_slow"
    http_status = 408
    message = gettext_noop("This request came too slowly, so nothing was done with it. Try again.")
