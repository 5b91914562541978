"""Several pictures at once: which are ticked, whether all of them may be changed, and how to take that back."""

import secrets
from collections.abc import Iterable, Sequence
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest
from django.urls import reverse

from gallery.models import Image, ImageQuerySet

from .actor import ActorRequest

SESSION_KEY = "undo"
ACTIONS_KEPT = 10
MAX_ID_DIGITS = 18  # what a database's 64-bit integer holds for certain


def ticked_ids(values: Iterable[str]) -> list[int]:
    """Return the ids that a form sent, each once. Raises Http404 for what cannot be an id."""
    texts = list(values)
    if any(not (text.isascii() and text.isdecimal()) or len(text) > MAX_ID_DIGITS for text in texts):
        raise Http404
    return list(dict.fromkeys(int(text) for text in texts))


def changeable_images(request: ActorRequest, ids: Sequence[int]) -> ImageQuerySet:
    """Return these pictures if the user may change every one of them, in one answer for all.

    One that may not be seen: 404. One that may be seen but not changed: 403.
    """
    changeable = Image.objects.editable_by(request.actor).live().filter(pk__in=ids)
    if changeable.count() == len(ids):
        return changeable
    if Image.objects.visible_to(request.actor).filter(pk__in=ids).count() == len(ids):
        raise PermissionDenied
    raise Http404


def trashed_images(request: ActorRequest, ids: Sequence[int]) -> ImageQuerySet:
    """Return these pictures if all of them lie in the user's trash; else 404."""
    trashed = Image.objects.in_trash_of(request.actor).filter(pk__in=ids)
    if trashed.count() != len(ids):
        raise Http404
    return trashed


def remember_for_undo(request: HttpRequest, action_id: UUID) -> str:
    """Keep the action in the session and return where to post to bring back what it moved to the trash."""
    token = secrets.token_urlsafe(8)
    actions = {**request.session.get(SESSION_KEY, {}), token: str(action_id)}
    request.session[SESSION_KEY] = dict(list(actions.items())[-ACTIONS_KEPT:])
    return f"{reverse('trash-restore')}?undo={token}"


def take_undo(request: HttpRequest, token: str) -> UUID | None:
    """Return and forget the action kept under this token, None if there is none any more."""
    actions = dict(request.session.get(SESSION_KEY, {}))
    kept = actions.pop(token, None)
    request.session[SESSION_KEY] = actions
    return UUID(kept) if isinstance(kept, str) else None  # sessions of former versions kept lists of pictures
