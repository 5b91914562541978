"""Long work: what runs, how far it is, how it ended; cancelling it, going on with it, taking it back."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext, ngettext
from django.views.decorators.http import require_POST, require_safe

from gallery.models import Actor, Job, JobItem
from gallery.services.bulk_changes import ManyChanged, may_undo
from gallery.services.bulk_changes import undo as undo_job
from gallery.services.long_kinds import LONG_KINDS
from gallery.services.long_work import cancel as cancel_jobs
from gallery.services.waiting_jobs import end_killed
from gallery.services.waiting_jobs import go_on as go_on_with

from .redirected_reads import reads_redirected_to
from .signed_in import SignedInRequest

PAGE_SIZE = 20
ITEMS_SHOWN = 100


@login_required
@require_safe
def jobs(request: SignedInRequest) -> HttpResponse:
    """What one may see, newest first; for htmx the list alone, which asks again while something is under way."""
    visible = Job.objects.visible_to(request.actor)
    end_killed(LONG_KINDS, visible)
    paginator = Paginator(visible.select_related("owner", "asked_by").newest(), PAGE_SIZE)
    page = paginator.get_page(request.GET.get("page"))
    page.object_list = [each.told_to(request.actor) for each in page.object_list]
    values = {"page": page, "is_live": visible.under_way().exists()}
    return render(request, "gallery/jobs.html#list" if request.htmx else "gallery/jobs.html", values)


@login_required
@require_safe
def job(request: SignedInRequest, pk: int) -> HttpResponse:
    visible = Job.objects.visible_to(request.actor).filter(pk=pk)
    end_killed(LONG_KINDS, visible)
    found = get_object_or_404(visible.select_related("owner", "asked_by"))
    template = "gallery/job.html#job" if request.htmx else "gallery/job.html"
    return render(request, template, _values(found, request.actor))


@login_required
@reads_redirected_to("jobs")
@require_POST
def cancel(request: SignedInRequest, pk: int) -> HttpResponse:
    found = _visible(request, pk)
    if not cancel_jobs(Job.objects.filter(pk=found.pk), by=request.actor):
        messages.info(request, gettext("It has ended already."))
    return redirect("job", pk)


@login_required
@reads_redirected_to("jobs")
@require_POST
def go_on(request: SignedInRequest, pk: int) -> HttpResponse:
    found = _visible(request, pk)
    if not go_on_with(Job.objects.filter(pk=found.pk), by=request.actor):
        messages.info(request, gettext("There is nothing to go on with."))
    return redirect("job", pk)


@login_required
@reads_redirected_to("jobs")
@require_POST
def undo(request: SignedInRequest, pk: int) -> HttpResponse:
    """Bring back what a job moved to the trash."""
    found = _visible(request, pk)
    if not Job.objects.editable_by(request.actor).filter(pk=found.pk).exists():
        raise PermissionDenied
    if not may_undo(found):
        messages.warning(request, gettext("There is nothing to undo any more. Look into the trash."))
        return redirect("job", pk)
    return after_many(request, undo_job(found, by=request.actor), said=restored_sentence, back=redirect("library"))


def after_many(request: SignedInRequest, changed: ManyChanged, *, said: Any, back: HttpResponse) -> HttpResponse:
    """Lead to the job that changes many pictures, or say what was done at once and go back."""
    if changed.job is not None:
        return redirect("job", changed.job.pk)
    messages.success(request, said(changed.count))
    return back


def _visible(request: SignedInRequest, pk: int) -> Job:
    return get_object_or_404(Job.objects.visible_to(request.actor), pk=pk)


def _values(found: Job, actor: Actor) -> dict[str, Any]:
    may_edit = Job.objects.editable_by(actor).filter(pk=found.pk).exists()
    kinds = [(found.items.failed(), gettext("Failed")), (found.items.skipped(), gettext("Left out"))]
    return {
        "job": found.told_to(actor),
        "may_cancel": may_edit and found.is_under_way and not found.is_cancelling,
        "may_go_on": may_edit and found.can_go_on and (actor.may_everything or found.asked_by == actor.user),
        "may_undo": may_edit and may_undo(found),
        "lists": [_listed(items, heading, actor) for items, heading in kinds],
    }


def _listed(items: Any, heading: str, actor: Actor) -> dict[str, Any]:
    shown: list[JobItem] = [each.told_to(actor) for each in items[: ITEMS_SHOWN + 1]]
    more = items.count() - ITEMS_SHOWN if len(shown) > ITEMS_SHOWN else 0
    return {"heading": heading, "items": shown[:ITEMS_SHOWN], "more": more}


def restored_sentence(count: int) -> str:
    text = ngettext("%(count)s picture is back.", "%(count)s pictures are back.", count)
    return text % {"count": count}


def deleted_sentence(count: int) -> str:
    text = ngettext("%(count)s picture is deleted forever.", "%(count)s pictures are deleted forever.", count)
    return text % {"count": count}
