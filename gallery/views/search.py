"""Searching by words, by a picture sent along, and by a picture that is here."""

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from gallery.error_messages import sentence
from gallery.errors import ImageSearchError, InvalidPicture, gettext_noop
from gallery.forms.search import PictureSearchForm, SearchForm
from gallery.image_access import visible_image_or_404
from gallery.media_responses import preview_response
from gallery.models import Actor, Image, QueryPicture
from gallery.services.query_pictures import query_of, remember_picture
from gallery.services.search import ResultPage, find_images, similar_images

from .actor import ActorRequest
from .paging import page_of


class QueryPictureForgotten(ImageSearchError):
    code = "query_picture_forgotten"
    http_status = 404
    message = gettext_noop("The picture of this search is no longer kept. Choose it again.")


@require_http_methods(["GET", "HEAD", "POST"])
def search(request: ActorRequest) -> HttpResponse:
    return _search_with_upload(request) if request.method == "POST" else _search(request)


def _search(request: ActorRequest) -> HttpResponse:
    form = SearchForm(request.GET)
    if not form.is_asked:
        return _page(request, form)
    if not form.is_valid():
        if "picture" in form.errors or "like" in form.errors:
            raise Http404
        return _page(request, form, errors=form.sentences, status=400)
    if form.is_tag_list:
        tagged = Image.objects.visible_to(request.actor).tagged(form.tag_keys)
        return _page(request, form, page=page_of(tagged.newest().for_listing(), request))
    return _page(request, form, **_find(request, form))


def _find(request: ActorRequest, form: SearchForm) -> dict[str, Any]:
    """Return the results, and what was asked with."""
    user, top = request.user, form.result_count
    if form.cleaned_data["picture"]:
        picture = _query_picture(form.cleaned_data["picture"])
        query = query_of(picture).narrowed(tag_keys=form.tag_keys)
        return _results(find_images(query, user=user, top=top)) | {"picture": picture}
    if form.cleaned_data["like"]:
        like = visible_image_or_404(request.actor, form.cleaned_data["like"])
        return _results(similar_images(like, user=user, top=top, tag_keys=form.tag_keys)) | {"like": like}
    return _results(find_images(form.query.narrowed(tag_keys=form.tag_keys), user=user, top=top))


def _results(page: ResultPage | None) -> dict[str, Any]:
    """Split the results at the line that the search drew, if it drew one."""
    found = page.results if page else ()
    return {
        "results": page,
        "above": [result for result in found if result.confident is not False],
        "below": [result for result in found if result.confident is False],
    }


def _search_with_upload(request: ActorRequest) -> HttpResponse:
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
    return preview_response(request, _query_picture(pk))


def _query_picture(pk: UUID) -> QueryPicture:
    try:
        return QueryPicture.objects.get(pk=pk)
    except QueryPicture.DoesNotExist:
        raise QueryPictureForgotten from None


def _page(request: ActorRequest, form: SearchForm, *, status: int = 200, **context: Any) -> HttpResponse:
    context |= {
        "form": form,
        "search_text": form.data.get("q", ""),
        "tag": form.data.get("tag", "") if form.is_valid() else "",
        "is_table": form.is_valid() and form.is_table,
        "address": form.address,
        "kept": form.kept,
        "waiting": _waiting(request.actor),
    }
    return render(request, "gallery/search.html", context, status=status)


def _waiting(actor: Actor) -> int:
    """How many of the visitor's own pictures no search can find yet."""
    return Image.objects.library_of(actor).pending().count()
