"""The only door to a picture. May not see: 404, as if it did not exist. May see but not change: 403."""

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest
from django.shortcuts import get_object_or_404

from gallery.models import Image


def visible_image_or_404(request: HttpRequest, pk: int) -> Image:
    return get_object_or_404(Image.objects.visible_to(request.user).for_listing(), pk=pk)


def editable_image_or_403(request: HttpRequest, pk: int) -> Image:
    image = visible_image_or_404(request, pk)
    if not Image.objects.editable_by(request.user).filter(pk=pk).exists():
        raise PermissionDenied
    return image


def trashed_image_or_404(request: HttpRequest, pk: int) -> Image:
    """A picture in the trash exists only for those who may bring it back."""
    return get_object_or_404(Image.objects.editable_by(request.user).filter(trashed_at__isnull=False), pk=pk)


def visible_or_trashed_image_or_404(request: HttpRequest, pk: int) -> Image:
    """Also what lies in one's own trash: its page shows small pictures."""
    try:
        return visible_image_or_404(request, pk)
    except Http404:
        return trashed_image_or_404(request, pk)
