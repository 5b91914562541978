"""Searches that one comes back to: saving, renaming and deleting them, and what one asked last."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.http import require_POST, require_safe

from gallery.error_messages import sentence
from gallery.errors import TooManySavedSearches
from gallery.forms.saved_search import NameForm, SavedSearchForm
from gallery.models import SavedSearch
from gallery.services.saved_searches import (
    delete_search,
    forget_recent_searches,
    keep_recent_searches,
    rename_search,
    restore_search,
    save_search,
)

from .kept_searches import KeptSearches, address_of
from .redirected_reads import reads_redirected_to
from .signed_in import SignedInRequest
from .undo import success_with_undo


@login_required
@require_safe
def saved_searches(request: SignedInRequest) -> HttpResponse:
    return render(request, "gallery/saved_searches.html", {"kept": KeptSearches.of(request.actor)})


@login_required
@reads_redirected_to("saved-searches")
@require_POST
def save(request: SignedInRequest) -> HttpResponse:
    form = SavedSearchForm(request.POST)
    if not form.is_valid():
        messages.error(request, " ".join(str(error) for errors in form.errors.values() for error in errors))
        return redirect("search")
    query = form.cleaned_data["query"]
    try:
        saved = save_search(query, name=form.cleaned_data["name"], by=request.actor)
    except TooManySavedSearches as error:
        messages.error(request, sentence(error))
    else:
        messages.success(request, gettext("“%(name)s” is saved.") % {"name": saved.name})
    return redirect(address_of(query))


@login_required
@reads_redirected_to("saved-searches")
@require_POST
def rename(request: SignedInRequest, pk: int) -> HttpResponse:
    saved = get_object_or_404(SavedSearch.objects.editable_by(request.actor), pk=pk)
    form = NameForm(request.POST)
    if form.is_valid():
        rename_search(saved, name=form.cleaned_data["name"], by=request.actor)
        messages.success(request, gettext("It is called “%(name)s” now.") % {"name": form.cleaned_data["name"]})
    else:
        messages.error(request, str(form.errors["name"][0]))
    return redirect("saved-searches")


@login_required
@reads_redirected_to("saved-searches")
@require_POST
def delete(request: SignedInRequest, pk: int) -> HttpResponse:
    saved = get_object_or_404(SavedSearch.objects.editable_by(request.actor), pk=pk)
    delete_search(saved, by=request.actor)
    said = gettext("“%(name)s” is deleted.") % {"name": saved.name}
    success_with_undo(request, said, undo_url=reverse("saved-search-restore", args=[pk]))
    return redirect("saved-searches")


@login_required
@reads_redirected_to("saved-searches")
@require_POST
def restore(request: SignedInRequest, pk: int) -> HttpResponse:
    saved = get_object_or_404(SavedSearch.objects.deleted_of(request.actor), pk=pk)
    restore_search(saved, by=request.actor)
    messages.success(request, gettext("“%(name)s” is back.") % {"name": saved.name})
    return redirect("saved-searches")


@login_required
@reads_redirected_to("saved-searches")
@require_POST
def recent(request: SignedInRequest) -> HttpResponse:
    """Forget what one asked last, and keep it from now on, or no longer."""
    if request.POST.get("action") == "forget":
        forget_recent_searches(by=request.actor)
    else:
        keep_recent_searches(request.POST.get("action") == "keep", by=request.actor)
    return redirect("saved-searches")
