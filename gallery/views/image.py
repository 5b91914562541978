"""One picture: its page, its files, its labels, and its way into the trash and back."""

from pathlib import PurePath
from urllib.parse import urlencode

from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.cache import get_conditional_response, patch_cache_control
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from gallery.forms.image import ImageForm
from gallery.imaging import MIME_TYPES, SHOWN_BY_BROWSERS, THUMBNAIL_MIME_TYPE, THUMBNAIL_SIZES_PX
from gallery.models import Image
from gallery.services.curation import move_to_trash, relabel, restore
from gallery.services.media import open_original, open_thumbnail
from gallery.services.search import similar_images

from .access import (
    editable_image_or_403,
    trashed_image_or_404,
    visible_image_or_404,
    visible_or_trashed_image_or_404,
)
from .htmx import HtmxHttpRequest
from .undo import success_with_undo

CACHE_SECONDS = 3600  # a picture's bytes never change, but who may see them does
SIMILAR_COUNT = 8


@require_safe
def image(request: HttpRequest, pk: int) -> HttpResponse:
    picture = visible_image_or_404(request, pk)
    may_edit = Image.objects.editable_by(request.user).filter(pk=pk).exists()
    return render(request, "gallery/image.html", {"image": picture, "may_edit": may_edit})


def edit(request: HttpRequest, pk: int) -> HttpResponse:
    picture = editable_image_or_403(request, pk)
    form = ImageForm(request.POST) if request.method == "POST" else ImageForm.of(picture)
    if form.is_valid():
        relabel(picture, form.labels)
        return redirect(picture)
    status = 400 if form.is_bound else 200
    return render(request, "gallery/image_edit.html", {"image": picture, "form": form}, status=status)


@require_POST
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    picture = editable_image_or_403(request, pk)
    move_to_trash(Image.objects.filter(pk=picture.pk))
    success_with_undo(
        request,
        _("“%(name)s” is in the trash.") % {"name": picture.original_name},
        undo_url=reverse("image-restore", args=[pk]),
    )
    return redirect("library" if picture.owner_id == request.user.pk else "home")


@require_POST
def bring_back(request: HttpRequest, pk: int) -> HttpResponse:
    picture = trashed_image_or_404(request, pk)
    restore(Image.objects.filter(pk=picture.pk))
    return redirect(picture)


@require_safe
@vary_on_headers("HX-Request")
def similar(request: HtmxHttpRequest, pk: int) -> HttpResponse:
    """The strip of similar pictures below a picture; as a page of its own it is a search."""
    picture = visible_image_or_404(request, pk)
    if not request.htmx:
        return redirect(f"{reverse('search')}?{urlencode({'like': pk})}")
    page = similar_images(picture, user=request.user, top=SIMILAR_COUNT)
    return render(request, "gallery/image.html#similar", {"image": picture, "similar": page, "is_fetched": True})


@require_safe
def original(request: HttpRequest, pk: int) -> HttpResponseBase:
    picture = visible_image_or_404(request, pk)
    unchanged = _unchanged(request, etag=f'"{picture.sha256}"')
    if unchanged is not None:
        return unchanged
    response = FileResponse(
        open_original(picture),
        as_attachment="download" in request.GET or picture.format not in SHOWN_BY_BROWSERS,
        filename=picture.original_name,
        content_type=MIME_TYPES[picture.format],
    )
    return _cacheable(response, etag=f'"{picture.sha256}"')


@require_safe
def thumbnail(request: HttpRequest, pk: int, size: int) -> HttpResponseBase:
    if size not in THUMBNAIL_SIZES_PX:
        raise Http404
    picture = visible_or_trashed_image_or_404(request, pk)
    etag = f'"{picture.sha256}-{size}"'
    unchanged = _unchanged(request, etag=etag)
    if unchanged is not None:
        return unchanged
    name = f"{PurePath(picture.original_name).stem}-{size}.webp"
    response = FileResponse(open_thumbnail(picture, size), filename=name, content_type=THUMBNAIL_MIME_TYPE)
    return _cacheable(response, etag=etag)


def _unchanged(request: HttpRequest, *, etag: str) -> HttpResponseBase | None:
    """Return a 304 if the browser has these bytes already; asked only after access was decided."""
    answer = get_conditional_response(request, etag=etag)
    return None if answer is None else _cacheable(answer, etag=etag)


def _cacheable(response: HttpResponseBase, *, etag: str) -> HttpResponseBase:
    response.headers["ETag"] = etag
    patch_cache_control(response, private=True, max_age=CACHE_SECONDS)
    return response
