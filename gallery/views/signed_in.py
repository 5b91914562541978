from gallery.models import User

from .actor import ActorRequest


class SignedInRequest(ActorRequest):
    """What a view behind `login_required` is given."""

    user: User
