"""Who sends a body: a member, or anybody who names a cookie as members have."""

from collections.abc import Callable
from importlib import import_module

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.db import DatabaseError, close_old_connections
from django.http import parse_cookie
from granian.rsgi import Scope

from gallery.errors import ServerBusy

from .rooms import RoomSize, ServingRoom

QUESTIONS = RoomSize(threads=1, waiting=200, wait_seconds=2)


class Senders:
    """Asks for the session or token behind a request, in a thread of its own: the loop waits for no database."""

    def __init__(self) -> None:
        self._room = ServingRoom("senders", QUESTIONS)

    def of(self, scope: Scope) -> "Sender":
        return Sender(self._room, session_key=_session_key(scope), token=_token(scope))


class Sender:
    """Whoever sends one body. The database is asked once at most, and only when it matters."""

    def __init__(self, room: ServingRoom, *, session_key: str, token: str) -> None:
        self._room = room
        self._session_key = session_key
        self._token = token
        self._is_member: bool | None = None

    async def is_member(self) -> bool:
        """Say whether a session that is signed in, or a valid token, was sent. Who cannot be looked up is none."""
        if self._is_member is None:
            self._is_member = await self._asked(self._has_session) or await self._asked(self._has_token)
        return self._is_member

    async def _asked(self, question: Callable[[], bool]) -> bool:
        try:
            return await (await self._room.begin(question))
        except (ServerBusy, DatabaseError):
            return False

    def _has_session(self) -> bool:
        if not self._session_key:
            return False
        close_old_connections()
        store = import_module(settings.SESSION_ENGINE).SessionStore
        return SESSION_KEY in store(self._session_key)

    def _has_token(self) -> bool:
        from gallery.models import ApiToken  # noqa: PLC0415 -- app ready

        if not self._token:
            return False
        close_old_connections()
        return ApiToken.objects.matching(self._token).exists()


def _session_key(scope: Scope) -> str:
    return parse_cookie(scope.headers.get("cookie", "")).get(settings.SESSION_COOKIE_NAME, "")


def _token(scope: Scope) -> str:
    scheme, _, token = scope.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""
