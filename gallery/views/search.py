"""Searching by words, by a picture sent along, and by a picture that is here."""

from dataclasses import dataclass
from io import BytesIO
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.cache import patch_cache_control
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from gallery.doors import sentence
from gallery.errors import InvalidPicture
from gallery.forms.search import PictureSearchForm, SearchForm, View
from gallery.imaging import THUMBNAIL_MIME_TYPE
from gallery.models import Image, QueryPicture
from gallery.models.user import AnyUser
from gallery.services.search import ResultPage, find_images, query_of, remember_picture, similar_images

from .access import visible_image_or_404
from .paging import page_of


@dataclass(frozen=True, slots=True)
class Found:
    """What a search page shows: results of a search, or the list of a tag; and the picture that was asked with."""

    results: ResultPage | None = None
    like: Image | None = None
    picture: QueryPicture | None = None


@require_http_methods(["GET", "HEAD", "POST"])
def search(request: HttpRequest) -> HttpResponse:
    return _search_with_upload(request) if request.method == "POST" else _search(request)


def _search(request: HttpRequest) -> HttpResponse:
    form = SearchForm(request.GET)
    if not form.is_asked:
        return _page(request, form if "top" in request.GET or "view" in request.GET else SearchForm({}))
    if not form.is_valid():
        if "picture" in form.errors or "like" in form.errors:
            raise Http404
        return _page(request, form, errors=form.sentences, status=400)
    if form.is_tag_list:
        images = Image.objects.visible_to(request.user).tagged(form.tag_keys).newest().for_listing()
        return _page(request, form, page=page_of(images, request))
    return _page(request, form, found=_find(request, form))


def _find(request: HttpRequest, form: SearchForm) -> Found:
    if form.cleaned_data["picture"]:
        picture = _query_picture(form.cleaned_data["picture"])
        query = query_of(picture).narrowed(tag_keys=form.tag_keys)
        return Found(find_images(query, user=request.user, top=form.top), picture=picture)
    if form.cleaned_data["like"]:
        like = visible_image_or_404(request, form.cleaned_data["like"])
        return Found(similar_images(like, user=request.user, top=form.top), like=like)
    query = form.query.narrowed(tag_keys=form.tag_keys)
    return Found(find_images(query, user=request.user, top=form.top))


def _search_with_upload(request: HttpRequest) -> HttpResponse:
    """Keep the picture and go to its results, so that they have a link."""
    form = PictureSearchForm(request.POST, request.FILES)
    if not form.is_valid():
        return _page(request, SearchForm({}), errors=form.errors["picture"], status=400)
    file = form.cleaned_data["picture"]
    try:
        picture = remember_picture(file, name=file.name or "")
    except InvalidPicture as error:
        return _page(request, SearchForm({}), errors=[sentence(error)], status=error.http_status)
    return redirect(f"{reverse('search')}?{urlencode({'picture': picture.pk})}")


@require_safe
def query_picture(request: HttpRequest, pk: UUID) -> HttpResponseBase:
    """What somebody searched with; its random address is the permission."""
    preview = BytesIO(bytes(_query_picture(pk).preview))
    response = FileResponse(preview, content_type=THUMBNAIL_MIME_TYPE)
    patch_cache_control(response, private=True, max_age=3600)
    return response


def _query_picture(pk: UUID) -> QueryPicture:
    try:
        return get_object_or_404(QueryPicture, pk=pk)
    except Http404:
        raise Http404(_("The picture of this search is no longer kept. Choose it again.")) from None


def _page(
    request: HttpRequest, form: SearchForm, *, found: Found | None = None, status: int = 200, **context: Any
) -> HttpResponse:
    """Render the whole page, or for htmx the part below the box."""
    results = found.results.results if found and found.results else ()
    context |= {
        "form": form,
        "found": found,
        "search_text": request.GET.get("q", ""),
        "is_table": form.is_valid() and form.view == View.TABLE,
        "above": [result for result in results if result.confident is not False],
        "below": [result for result in results if result.confident is False],
        "waiting": _waiting(request.user),
    }
    return render(request, "gallery/search.html", context, status=status)


def _waiting(user: AnyUser) -> int:
    """How many of the visitor's own pictures no search can find yet."""
    return Image.objects.live().filter(owner_id=user.pk).pending().count() if user.is_authenticated else 0
