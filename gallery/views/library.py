"""One's own pictures: numbers, list, bulk changes, what is not searchable yet, and deleting everything."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import BadRequest
from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext, ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from gallery.forms.library import BulkForm, ClearForm, LibraryFilter
from gallery.imaging import LABELS
from gallery.models import BulkChange, Image, ImageQuerySet
from gallery.search_index import search_index
from gallery.services.bulk_changes import change_many
from gallery.services.curation import retry_failed
from gallery.services.embedding.queue import try_soon
from gallery.services.workers import worker_comes

from .arriving import following
from .jobs import after_many, deleted_sentence
from .paging import counted_page_of
from .redirected_reads import reads_redirected_to
from .selection import changeable_images, remember_for_undo, ticked_ids
from .signed_in import SignedInRequest
from .undo import success_with_undo

PAGE_SIZE = 48
FAILURES_SHOWN = 20


@dataclass(frozen=True, slots=True)
class FormatShare:
    """One bar of the chart."""

    name: str
    images: int
    percent: int


@login_required
@require_safe
def library(request: SignedInRequest) -> HttpResponse:
    return _page(request, request.GET)


@login_required
@reads_redirected_to("library")
@require_POST
def bulk(request: SignedInRequest) -> HttpResponse:
    """Do one thing to all ticked pictures, or to none of them; or to all that are listed, on whatever page."""
    if "only" in request.POST:
        return _trash(request, changeable_images(request, ticked_ids([request.POST["only"]])))
    ids = ticked_ids(request.POST.getlist("ids"))
    is_everything = "everything" in request.POST
    images = _whole_list(request) if is_everything else changeable_images(request, ids)
    form = BulkForm(request.POST)
    if not form.is_valid() or not (ids or is_everything):
        if not (ids or is_everything):
            form.add_error(None, gettext("No picture is selected. Select at least one."))
        return _page(request, QueryDict(request.POST.get("back", "")), form=form, ticked=ids, status=400)
    if form.cleaned_data["action"] not in BulkChange.values:
        raise BadRequest
    change, value = BulkChange(form.cleaned_data["action"]), form.value
    if change == BulkChange.TRASH:
        return _trash(request, images)
    return after_many(
        request,
        change_many(images, change, value, by=request.actor),
        said=lambda count: _changed_sentence(change, count),
        back=_back(request),
    )


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def clear(request: SignedInRequest) -> HttpResponse:
    """Delete all of one's pictures for good, the trash included, once the user name is typed."""
    everything = Image.objects.owned_by(request.actor)
    form = ClearForm(request.POST if request.method == "POST" else None, user=request.user)
    if form.is_valid():
        changed = change_many(everything, BulkChange.DELETE, by=request.actor)
        return after_many(request, changed, said=deleted_sentence, back=redirect("library"))
    lists = search_index().lists
    page = {"form": form, "count": lists.count(everything), "in_trash": lists.count(everything.trashed())}
    return render(request, "gallery/library_clear.html", page, status=400 if form.is_bound else 200)


@login_required
@reads_redirected_to("library")
@require_POST
def retry(request: SignedInRequest) -> HttpResponse:
    """Put the pictures that could not be made searchable back into the queue, for a worker to try."""
    count = retry_failed(Image.objects.library_of(request.actor), by=request.actor)
    again = ngettext(
        "%(count)s picture will be tried again in a moment.",
        "%(count)s pictures will be tried again in a moment.",
        count,
    )
    _tell(request, again, count)
    return redirect("library")


@login_required
@reads_redirected_to("library")
@require_POST
def embed(request: SignedInRequest) -> HttpResponse:
    """Have a worker try what waits, also what it has put off."""
    count = try_soon(Image.objects.library_of(request.actor))
    soon = ngettext(
        "%(count)s waiting picture will be tried in a moment.",
        "%(count)s waiting pictures will be tried in a moment.",
        count,
    )
    _tell(request, soon, count)
    return redirect("library")


def _page(
    request: SignedInRequest,
    query: QueryDict,
    *,
    form: BulkForm | None = None,
    ticked: Sequence[int] = (),
    status: int = 200,
) -> HttpResponse:
    own = Image.objects.library_of(request.actor)
    narrowed = LibraryFilter(query, queryset=own.with_tags())
    is_valid = narrowed.is_valid()
    lists = search_index().lists
    statistics = lists.statistics(own)
    is_narrowed = is_valid and narrowed.is_narrowed
    count = None if is_narrowed else statistics.images  # counted already
    failed = own.failed().select_related("embedding_failure")
    shown = counted_page_of(narrowed.qs, query, size=PAGE_SIZE, count=count) if is_valid else None
    page = {
        "filter": narrowed,
        "page": shown,
        "is_narrowed": is_narrowed,
        "back": query.urlencode(),
        "statistics": statistics,
        "arriving": following(shown.object_list if shown else [], in_library=statistics.pending),
        "formats": _shares(statistics.formats),
        "failures": list(failed.newest()[:FAILURES_SHOWN]) if statistics.failed else [],
        "trash_count": lists.count(Image.objects.in_trash_of(request.actor)),
        "form": form or BulkForm(),
        "ticked": ticked,
    }
    return render(request, "gallery/library.html", page, status=status if is_valid else 400)


def _shares(formats: dict[str, int]) -> list[FormatShare]:
    total = sum(formats.values())
    return [
        FormatShare(LABELS.get(name, name), count, max(1, round(100 * count / total)))
        for name, count in formats.items()
    ]


def _trash(request: SignedInRequest, images: ImageQuerySet) -> HttpResponse:
    changed = change_many(images, BulkChange.TRASH, by=request.actor)
    if changed.job is not None:
        return redirect("job", changed.job.pk)
    said = _changed_sentence(BulkChange.TRASH, changed.count)
    success_with_undo(request, said, undo_url=remember_for_undo(request, changed.action))
    return _back(request)


def _whole_list(request: SignedInRequest) -> ImageQuerySet:
    """Return what the list shows as it was narrowed, on all its pages. Raises Http404 for a filter that cannot be."""
    narrowed = LibraryFilter(QueryDict(request.POST.get("back", "")), queryset=Image.objects.library_of(request.actor))
    if not narrowed.is_valid():
        raise Http404
    listed: ImageQuerySet = narrowed.qs
    return Image.objects.editable_by(request.actor).live().filter(pk__in=listed.order_by().values("pk"))


def _changed_sentence(change: BulkChange, count: int) -> str:
    match change:
        case BulkChange.VISIBILITY:
            text = ngettext(
                "The visibility of %(count)s picture is changed.",
                "The visibility of %(count)s pictures is changed.",
                count,
            )
        case BulkChange.ADD_TAGS:
            text = ngettext("%(count)s picture has the tags now.", "%(count)s pictures have the tags now.", count)
        case BulkChange.REMOVE_TAGS:
            text = ngettext(
                "%(count)s picture no longer has the tags.", "%(count)s pictures no longer have the tags.", count
            )
        case _:
            text = ngettext("%(count)s picture is in the trash.", "%(count)s pictures are in the trash.", count)
    return text % {"count": count}


def _back(request: SignedInRequest) -> HttpResponse:
    """Return to the list as it was narrowed; only ever to the library, whatever `back` says."""
    query = QueryDict(request.POST.get("back", "")).urlencode()
    return redirect(f"{reverse('library')}?{query}" if query else "library")


def _tell(request: SignedInRequest, soon: str, count: int) -> None:
    """Say that so many pictures are tried soon, or why they are not."""
    if count == 0:
        messages.info(request, gettext("No picture waits to be tried."))
    elif worker_comes():
        messages.info(request, soon % {"count": count})
    else:
        messages.warning(
            request,
            gettext("No worker runs here, and the site may start none: the pictures wait until somebody starts one."),
        )
