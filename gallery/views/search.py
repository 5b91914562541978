"""Searching by words, by a picture sent along, by a picture that is here, and by all of these together."""

import logging
from urllib.parse import urlencode
from uuid import UUID

from django.db import OperationalError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe
from django.views.decorators.vary import vary_on_headers

from gallery.client_address import counted_client
from gallery.error_messages import sentence
from gallery.errors import (
    InvalidInput,
    InvalidPicture,
    NotSearchable,
    QueryPictureForgotten,
    UnknownImage,
)
from gallery.forms.saved_search import query_to_keep
from gallery.forms.search import PictureSearchForm, SearchForm
from gallery.image_access import visible_image_or_404
from gallery.media_responses import preview_response
from gallery.models import Actor, Image, QueryPicture
from gallery.rooms import Room, in_room
from gallery.search_index import search_index
from gallery.services.facets import facets_of
from gallery.services.limits import asking_with, searching_with_picture
from gallery.services.query_pictures import remember_picture
from gallery.services.saved_searches import remember_search
from gallery.services.search import find_images, list_images

from .htmx import HtmxHttpRequest
from .kept_searches import KeptSearches
from .paging import page_of
from .search_mistake import SearchMistake
from .search_page import Answer, Blank, Found, Listed, NotComparable, NothingFound, Refused, SearchPage

logger = logging.getLogger(__name__)


@vary_on_headers("HX-Request")
@in_room(Room.TEXT_SEARCH, post=Room.PICTURE_SEARCH)
@require_http_methods(["GET", "HEAD", "POST"])
def search(request: HtmxHttpRequest) -> HttpResponse:
    return _search_with_upload(request) if request.method == "POST" else _search(request)


def _search(request: HtmxHttpRequest) -> HttpResponse:
    form = SearchForm(request.GET)
    if not form.is_asked:
        return _page(request, form, Blank(KeptSearches.of(request.actor)))
    if not form.is_valid():
        if "picture" in form.errors or "like" in form.errors:
            raise Http404
        mistake = SearchMistake.of(form.mistake, form.text) if form.mistake else None
        return _page(request, form, Refused(form.sentences, mistake=mistake))
    with asking_with(form.request, by=request.actor, client=counted_client(request)):
        answer = _answer(request, form)
    page = _page(request, form, answer)
    if not isinstance(answer, Refused | NotComparable) and not form.is_continued:
        _remember(form, request.actor)  # last: what was seen of the database counts until somebody writes
    return page


def _remember(form: SearchForm, actor: Actor) -> None:
    """Note what was asked. A search is answered also where the database cannot be written just now."""
    try:
        remember_search(query_to_keep(form), by=actor)
    except OperationalError as error:
        logger.warning("A search of %s is not among their last ones, the database is busy: %s", actor, error)


def _answer(request: HtmxHttpRequest, form: SearchForm) -> Answer:
    try:
        return _listed(request, form) if form.is_listing else _found(request, form)
    except NotSearchable as error:
        if "start" in error.details:
            return Refused([sentence(error)], error.http_status, SearchMistake.of(error, form.text))
        return NotComparable(visible_image_or_404(request.actor, error.details["image_id"]), error.http_status)
    except InvalidInput as error:
        if "start" in error.details:  # it is about a part of what was typed
            return Refused([sentence(error)], error.http_status, SearchMistake.of(error, form.text))
        if isinstance(error, UnknownImage):
            raise Http404 from error
        raise


def _listed(request: HtmxHttpRequest, form: SearchForm) -> Listed:
    images = list_images(form.request, by=request.actor)
    count = search_index().lists.count(images)
    return Listed(page_of(images, request), count, facets_of(form.request, by=request.actor))


def _found(request: HtmxHttpRequest, form: SearchForm) -> Found | NothingFound:
    results = find_images(form.request, by=request.actor, with_facets=not form.is_continued)
    return Found(results) if results.results else NothingFound(results)


def _search_with_upload(request: HtmxHttpRequest) -> HttpResponse:
    """Keep the picture and go to its results, so that they have a link, with all else that is asked for beside it."""
    asked = SearchForm(request.POST)
    form = PictureSearchForm(request.POST, request.FILES)
    if not form.is_valid():
        return _page(request, asked, Refused([str(error) for error in form.errors["picture"]]))
    file = form.cleaned_data["picture"]
    try:
        with searching_with_picture(by=request.actor, client=counted_client(request)):
            picture = remember_picture(file, name=file.name or "")
    except InvalidPicture as error:
        return _page(request, asked, Refused([sentence(error)], status=error.http_status))
    return redirect(f"{reverse('search')}?{urlencode([*asked.beside_picture, ('picture', picture.pk)])}")


@in_room(Room.FILES)
@require_safe
def query_picture(request: HttpRequest, pk: UUID) -> HttpResponseBase:
    """What somebody searched with; its random address is the permission."""
    try:
        return preview_response(request, QueryPicture.objects.get(pk=pk))
    except QueryPicture.DoesNotExist:
        raise QueryPictureForgotten from None


def _page(request: HtmxHttpRequest, form: SearchForm, answer: Answer) -> HttpResponse:
    page = SearchPage(form, answer, waiting=_waiting(request.actor))
    status = answer.status if isinstance(answer, Refused | NotComparable) else 200
    if request.htmx and form.is_continued and isinstance(answer, Found):
        is_within = request.htmx.target == "more-less-likely"
        return render(request, "gallery/search/more.html", {"page": page, "is_within_less_likely": is_within})
    return render(request, "gallery/search.html", {"page": page}, status=status)


def _waiting(actor: Actor) -> int:
    """How many of the visitor's own pictures no search can find yet."""
    return Image.objects.library_of(actor).waiting().count()  # they are few and have an index: no need to read them
