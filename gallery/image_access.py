"""The only door to one picture, for pages and programs.

May not see: 404, as if it did not exist. May see but not change or delete: 403.
"""

from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.shortcuts import get_object_or_404

from .models import Actor, Image


def visible_image_or_404(actor: Actor, pk: int | str) -> Image:
    return get_object_or_404(Image.objects.visible_to(actor).for_listing(), pk=pk)


def editable_image_or_403(actor: Actor, pk: int | str) -> Image:
    image = visible_image_or_404(actor, pk)
    if not Image.objects.editable_by(actor).contains(image):
        raise PermissionDenied
    return image


def deletable_image_or_403(actor: Actor, pk: int | str) -> Image:
    image = visible_image_or_404(actor, pk)
    if not Image.objects.deletable_by(actor).contains(image):
        raise PermissionDenied
    return image


def trashed_image_or_404(actor: Actor, pk: int | str) -> Image:
    """A picture in the trash exists only for those who may bring it back."""
    return get_object_or_404(Image.objects.editable_by(actor).trashed(), pk=pk)


def visible_or_trashed_image_or_404(actor: Actor, pk: int | str) -> Image:
    """Also what lies in one's own trash: its page shows small pictures."""
    try:
        return visible_image_or_404(actor, pk)
    except Http404:
        return trashed_image_or_404(actor, pk)
