from django.http import HttpRequest

from gallery.models import User


class SignedInRequest(HttpRequest):
    """What a view behind `login_required` is given."""

    user: User
