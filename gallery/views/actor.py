"""Who comes through the doors for people: every page and the admin read `request.actor`."""

from collections.abc import Callable
from typing import cast

from django.http import HttpRequest, HttpResponseBase
from django.utils.functional import SimpleLazyObject

from gallery.models import Actor, Door

ADMIN = "admin"


class ActorRequest(HttpRequest):
    """A request as the middleware leaves it."""

    actor: Actor


class ActorMiddleware:
    """Names who acts, behind the authentication; a page that does not ask costs no query for it.

    The API knows its own: a token is read after all middleware.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        cast(ActorRequest, request).actor = SimpleLazyObject(lambda: _actor_of(request))  # type: ignore[assignment]
        return self.get_response(request)


def _actor_of(request: HttpRequest) -> Actor:
    match = request.resolver_match
    door = Door.ADMIN if match is not None and match.app_name == ADMIN else Door.PAGE
    return Actor.of(request.user, door=door)
