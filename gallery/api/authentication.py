"""Who acts: the owner of a token, `Authorization: Bearer TOKEN`, or of a session, or a visitor."""

from datetime import timedelta

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from gallery.models import Actor, ApiToken, Door, User

SCHEME = "Bearer"
NOTE_USE_EVERY = timedelta(minutes=1)  # a write per request would queue every reader behind SQLite's one writer


def actor_of(request: Request) -> Actor:
    return Actor.of(request.user, door=Door.API)


class BearerAuthentication(BaseAuthentication):
    """Finds the token's user. A wrong token is refused, never taken for an anonymous visitor."""

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        parts = get_authorization_header(request).split()
        if not parts or parts[0].lower() != SCHEME.lower().encode():
            return None
        if len(parts) != 2:
            raise AuthenticationFailed(_("The header must read: Authorization: Bearer TOKEN."))
        token = ApiToken.objects.matching(parts[1].decode("latin-1")).first()
        if token is None:
            raise AuthenticationFailed(_("This token is not valid. Make a new one and try again."))
        _note_use(token)
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        return SCHEME


def _note_use(token: ApiToken) -> None:
    now = timezone.now()
    before = now - NOTE_USE_EVERY
    if token.last_used_at is None or token.last_used_at < before:
        stale = ApiToken.objects.filter(Q(last_used_at__isnull=True) | Q(last_used_at__lt=before), pk=token.pk)
        stale.update(last_used_at=now)
