"""What one deleted: bring it back, or delete it forever."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from gallery.conf import gallery
from gallery.models import BulkChange, Image, ImageQuerySet
from gallery.search_index import search_index
from gallery.services.bulk_changes import change_many, undo_action

from .jobs import after_many, deleted_sentence, restored_sentence
from .paging import counted_page_of
from .redirected_reads import reads_redirected_to
from .selection import take_undo, ticked_ids, trashed_images
from .signed_in import SignedInRequest

PAGE_SIZE = 48


@dataclass(frozen=True, slots=True)
class TrashedImage:
    image: Image
    days_left: int


@login_required
@require_safe
def trash(request: SignedInRequest) -> HttpResponse:
    return _page(request)


@login_required
@reads_redirected_to("trash")
@require_POST
def restore_many(request: SignedInRequest) -> HttpResponse:
    """Bring back the ticked pictures, all of them, or those that an Undo button remembers."""
    if "undo" in request.GET:
        return _undo(request, request.GET["undo"])
    if (images := _chosen(request)) is None:
        return _nothing_ticked(request)
    changed = change_many(images, BulkChange.RESTORE, by=request.actor)
    return after_many(request, changed, said=restored_sentence, back=redirect("trash"))


@login_required
@reads_redirected_to("trash")
@require_POST
def delete_many(request: SignedInRequest) -> HttpResponse:
    """Delete the ticked pictures forever, after a page that asks whether that is meant."""
    if (images := _chosen(request)) is None:
        return _nothing_ticked(request)
    if "confirmed" not in request.POST:
        return render(request, "gallery/trash_confirm.html", {"images": images} | _counted(images))
    return _deleted(request, images)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def empty(request: SignedInRequest) -> HttpResponse:
    images = Image.objects.in_trash_of(request.actor)
    if request.method != "POST":
        return render(request, "gallery/trash_confirm.html", {"is_everything": True} | _counted(images))
    return _deleted(request, images)


def _counted(images: ImageQuerySet) -> dict[str, int]:
    return {"count": search_index().lists.count(images)}


def _page(request: SignedInRequest, *, problem: str = "", status: int = 200) -> HttpResponse:
    images = Image.objects.in_trash_of(request.actor).order_by("-trashed_at", "-pk")
    page = counted_page_of(images, request.GET, size=PAGE_SIZE)
    values = {
        "page": page,
        "pictures": _with_days_left(page.object_list),
        "trash_days": gallery().trash_days,
        "problem": problem,
    }
    return render(request, "gallery/trash.html", values, status=status)


def _nothing_ticked(request: SignedInRequest) -> HttpResponse:
    return _page(request, problem=gettext("No picture is selected. Select at least one."), status=400)


def _chosen(request: SignedInRequest) -> ImageQuerySet | None:
    """Return what the form means, None if nothing; "only" is one picture's own button, and ticks do not count then."""
    if "all" in request.POST:
        return Image.objects.in_trash_of(request.actor)
    values = [request.POST["only"]] if "only" in request.POST else request.POST.getlist("ids")
    ids = ticked_ids(values)
    return trashed_images(request, ids) if ids else None


def _undo(request: SignedInRequest, token: str) -> HttpResponse:
    action_id = take_undo(request, token)
    count = 0 if action_id is None else undo_action(action_id, by=request.actor)
    if not count:
        messages.warning(request, gettext("There is nothing to undo any more. Look into the trash."))
        return redirect("trash")
    messages.success(request, restored_sentence(count))
    return redirect("library")


def _deleted(request: SignedInRequest, images: ImageQuerySet) -> HttpResponse:
    changed = change_many(images, BulkChange.DELETE, by=request.actor)
    return after_many(request, changed, said=deleted_sentence, back=redirect("trash"))


def _with_days_left(images: Iterable[Image]) -> list[TrashedImage]:
    """Count a day that has begun as a day."""
    keep = timedelta(days=gallery().trash_days)
    now = timezone.now()
    return [
        TrashedImage(image, max(0, -((now - image.trashed_at - keep) // timedelta(days=1))))
        for image in images
        if image.trashed_at is not None
    ]
