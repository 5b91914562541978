"""Which room of the server a request belongs to: whoever fills one is told to wait, the others do not notice."""

from collections.abc import Callable
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
    DOWNLOAD = "download"  # originals, and copies of them without metadata
    FILES = "files"  # thumbnails, previews, static files


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


def _handler(view: Any, method: str) -> Any:
    """Return the method of a class that answers, where the view is one of a class."""
    kind = getattr(view, "cls", None)
    if kind is None:
        return view
    actions = getattr(view, "actions", None) or {}
    return getattr(kind, actions.get("get" if method == "head" else method, method), kind)
