"""From a part of a picture to the address of its search."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_safe

from gallery.forms.part import PartForm
from gallery.forms.search import SearchForm
from gallery.retrieval.language import format as query_of
from gallery.retrieval.tree import Box, Like, Node, Region
from gallery.retrieval.tree_changes import parts_of, together

from .actor import ActorRequest
from .search_chips import address_of


@require_safe
def search_part(request: ActorRequest) -> HttpResponse:
    """Go to the results of a search whose picture is asked with a part of it only."""
    asked, part = SearchForm(request.GET), PartForm(request.GET)
    if not part.is_valid():
        messages.error(
            request, " ".join(dict.fromkeys(str(error) for errors in part.errors.values() for error in errors))
        )
        return redirect(f"{reverse('search')}{address_of(asked.address)}")
    box, picture = part.cleaned_data["box"], part.cleaned_data["part_of_picture"]
    if picture:
        rest = [pair for pair in asked.address if pair[0] not in ("picture", "box")]
        shares = ",".join(f"{share:g}" for share in box.shares)
        return redirect(f"{reverse('search')}{address_of([*rest, ('picture', str(picture)), ('box', shares)])}")
    query = query_of(_with_region(asked, Like(part.cleaned_data["part_of_like"]), box))
    rest = [pair for pair in asked.address if pair[0] not in ("q", "like", "box")]
    return redirect(f"{reverse('search')}{address_of([('q', query), *rest])}")


def _with_region(asked: SearchForm, like: Like, box: Box) -> Node:
    """Return what is asked in words, with a part of a picture in place of the whole or of another part of it."""
    tree = asked.query_tree if asked.is_asked and asked.is_valid() else None
    parts = parts_of(tree) if tree is not None else ()
    return together(*(part for part in parts if not _is_of(part, like)), Region(like, box))


def _is_of(part: Node, like: Like) -> bool:
    return (part.of if isinstance(part, Region) else part) == like
