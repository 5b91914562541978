from gallery.models import User

from .htmx import HtmxHttpRequest


class SignedInRequest(HtmxHttpRequest):
    """What a view behind `login_required` is given."""

    user: User
