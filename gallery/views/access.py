"""The only door to a picture. May not see: 404, as if it did not exist. May see but not change: 403."""

from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.shortcuts import get_object_or_404

from gallery.models import Image

from .actor import ActorRequest


def visible_image_or_404(request: ActorRequest, pk: int) -> Image:
    return get_object_or_404(Image.objects.visible_to(request.actor).for_listing(), pk=pk)


def editable_image_or_403(request: ActorRequest, pk: int) -> Image:
    image = visible_image_or_404(request, pk)
    if not Image.objects.editable_by(request.actor).contains(image):
        raise PermissionDenied
    return image


def trashed_image_or_404(request: ActorRequest, pk: int) -> Image:
    """A picture in the trash exists only for those who may bring it back."""
    return get_object_or_404(Image.objects.editable_by(request.actor).trashed(), pk=pk)


def visible_or_trashed_image_or_404(request: ActorRequest, pk: int) -> Image:
    """Also what lies in one's own trash: its page shows small pictures."""
    try:
        return visible_image_or_404(request, pk)
    except Http404:
        return trashed_image_or_404(request, pk)
