"""One picture: its page, its files, its labels, and its way into the trash and back."""

from dataclasses import replace
from urllib.parse import urlencode

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from gallery.forms.image import ImageForm
from gallery.image_access import (
    editable_image_or_403,
    trashed_image_or_404,
    visible_image_or_404,
    visible_or_trashed_image_or_404,
)
from gallery.media_responses import original_response, thumbnail_response
from gallery.models import Favourite, Image, RecognisedText, RecognisedThings
from gallery.models.access import may_choose_original, others_get_whole_original
from gallery.recognised import not_read_yet, recognised, written
from gallery.rooms import Room, in_room
from gallery.services.curation import move_to_trash, relabel, restore
from gallery.services.favourites import add_favourite, remove_favourite
from gallery.services.search import similar_images

from .actor import ActorRequest
from .arriving import following
from .htmx import HtmxHttpRequest
from .undo import success_with_undo

SIMILAR_COUNT = 8


@require_safe
def image(request: ActorRequest, pk: int) -> HttpResponse:
    image = visible_image_or_404(request.actor, pk)
    may_edit = Image.objects.editable_by(request.actor).contains(image)
    read = RecognisedText.objects.told_of(image)
    lines = read.lines if read is not None else ()
    page = {
        "image": image,
        "may_edit": may_edit,
        "is_favourite": bool(Favourite.objects.among([image.pk], request.actor)),
        "may_choose_original": may_choose_original(request.actor, image),
        "others_get_whole_original": others_get_whole_original(image),
        "recognised": recognised(RecognisedThings.objects.told_of(image) or ()),
        "written": written(lines, width_px=image.width_px, height_px=image.height_px),
        "text_error": read.error if read is not None else None,
        "not_read_yet": not_read_yet() if read is None and may_edit else "",
        "arriving": replace(following([image]), is_refreshed=True) if image.is_pending else None,
    }
    return render(request, "gallery/image.html", page)


def edit(request: ActorRequest, pk: int) -> HttpResponse:
    image = editable_image_or_403(request.actor, pk)
    form = ImageForm.of(image, request.POST if request.method == "POST" else None, by=request.actor)
    if form.is_valid():
        relabel(image, form.labels, by=request.actor)
        return redirect(image)
    status = 400 if form.is_bound else 200
    return render(request, "gallery/image_edit.html", {"image": image, "form": form}, status=status)


@require_POST
def delete(request: ActorRequest, pk: int) -> HttpResponse:
    image = editable_image_or_403(request.actor, pk)
    move_to_trash(Image.objects.filter(pk=image.pk), by=request.actor)
    success_with_undo(
        request,
        _("“%(name)s” is in the trash.") % {"name": image.original_name},
        undo_url=reverse("image-restore", args=[pk]),
    )
    return redirect("library" if image.owner_id == request.user.pk else "home")


@require_POST
def bring_back(request: ActorRequest, pk: int) -> HttpResponse:
    image = trashed_image_or_404(request.actor, pk)
    restore(Image.objects.filter(pk=image.pk), by=request.actor)
    return redirect(image)


@require_POST
def favourite(request: ActorRequest, pk: int) -> HttpResponse:
    """Give a star, or take it away, as the button says that was pressed."""
    image = visible_image_or_404(request.actor, pk)
    change = remove_favourite if request.POST.get("is") == "not" else add_favourite
    change(image, by=request.actor)
    return redirect(image)


@in_room(Room.TEXT_SEARCH)
@require_safe
@vary_on_headers("HX-Request")
def similar(request: HtmxHttpRequest, pk: int) -> HttpResponse:
    """The strip of similar pictures below a picture; as a page of its own it is a search."""
    image = visible_image_or_404(request.actor, pk)
    if not request.htmx:
        return redirect(f"{reverse('search')}?{urlencode({'like': pk})}")
    page = similar_images(image, by=request.actor, top=SIMILAR_COUNT)
    return render(request, "gallery/image.html#similar", {"image": image, "similar": page, "is_fetched": True})


@in_room(Room.DOWNLOAD)
@require_safe
def original(request: ActorRequest, pk: int) -> HttpResponseBase:
    return original_response(request, visible_image_or_404(request.actor, pk), by=request.actor)


@in_room(Room.FILES)
@require_safe
def thumbnail(request: ActorRequest, pk: int, size: int, sha256: str | None = None) -> HttpResponseBase:
    return thumbnail_response(request, visible_or_trashed_image_or_404(request.actor, pk), size, sha256=sha256)
