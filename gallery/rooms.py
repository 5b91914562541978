"""Which room of the server a request belongs to: whoever fills one is told to wait, the others do not notice."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from enum import StrEnum
from typing import Any, TypeVar

from django.conf import settings
from django.urls import Resolver404, resolve

View = TypeVar("View", bound=Callable[..., Any])


class Room(StrEnum):
    HEALTH = "health"
    PAGES = "pages"
    TEXT_SEARCH = "text_search"
    PICTURE_SEARCH = "picture_search"  # whatever decodes or encodes a picture to search with
    UPLOAD = "upload"
    DOWNLOAD = "download"  # originals, copies of them without metadata, thumbnails that were lost
    FILES = "files"  # thumbnails, previews, static files


_answered_in: ContextVar[Room | None] = ContextVar("answered_in", default=None)


class GoesOnElsewhere(BaseException):
    """Ends what a request has begun: the server begins it anew in another room.

    No failure: it passes whatever turns exceptions into answers, as KeyboardInterrupt does.
    """

    def __init__(self, room: Room) -> None:
        super().__init__(room)
        self.room = room


def in_room(room: Room, **by_method: Room) -> Callable[[View], View]:
    """Have the view's requests answered in this room, those of a method named here (`post=`) in another."""

    def declare(view: View) -> View:
        view.rooms = {"": room, **by_method}  # type: ignore[attr-defined]
        return view

    return declare


def room_of(method: str, path: str) -> Room:
    """Return the room of a request; what declares none, and what is not here, belongs to the pages."""
    if path.startswith(settings.STATIC_URL):
        return Room.FILES
    try:
        view = resolve(path).func
    except Resolver404:
        return Room.PAGES
    rooms: dict[str, Room] = getattr(_handler(view, method.lower()), "rooms", {})
    return rooms.get(method.lower(), rooms.get("", Room.PAGES))


@contextmanager
def answering_in(room: Room) -> Iterator[None]:
    """Let `go_on_in` move, within, the request that this room's thread answers."""
    token = _answered_in.set(room)
    try:
        yield
    finally:
        _answered_in.reset(token)


def go_on_in(room: Room) -> None:
    """Have the request go on in the room whose bounds are for what comes now, where it is answered in another one.

    Call it before anything is done that must not be done twice. Nothing happens outside of `answering_in`, as in a
    command. Raises GoesOnElsewhere.
    """
    if _answered_in.get() not in (None, room):
        raise GoesOnElsewhere(room)


def _handler(view: Any, method: str) -> Any:
    """Return the method of a class that answers, where the view is one of a class."""
    kind = getattr(view, "cls", None)
    if kind is None:
        return view
    actions = getattr(view, "actions", None) or {}
    return getattr(kind, actions.get("get" if method == "head" else method, method), kind)
