"""Messages that carry an Undo button: the message remembers where the button posts to."""

from django.contrib import messages
from django.contrib.messages.storage.base import Message
from django.http import HttpRequest

PREFIX = "undo:"


def success_with_undo(request: HttpRequest, text: str, *, undo_url: str) -> None:
    """Tell on the next page what was done, with a button that posts to `undo_url`."""
    messages.success(request, text, extra_tags=PREFIX + undo_url)


def undo_url_of(message: Message) -> str:
    tags = message.extra_tags or ""
    return tags.removeprefix(PREFIX) if tags.startswith(PREFIX) else ""
