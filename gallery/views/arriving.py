"""How new pictures get on until they can be found: followed by pages that show them, for a while, or by reloading."""

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlencode

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from gallery.models import Image

from .htmx import HtmxHttpRequest
from .selection import ticked_ids

FOLLOWED_AT_MOST = 200  # pictures of one page; of an upload of more, the first
QUICK_SECONDS, SLOW_SECONDS = 2, 10
QUICK_ROUNDS, ROUNDS = 30, 120  # a minute, and a quarter of an hour


@dataclass(frozen=True, slots=True)
class Arriving:
    """Pictures that a page follows. `round` counts how often it has asked, `in_library` all of the owner's that wait.

    `is_refreshed`: the page is loaded anew once they have arrived, as it shows more then.
    """

    images: tuple[Image, ...]
    round: int = 0
    in_library: int | None = None
    is_refreshed: bool = False

    @property
    def waiting(self) -> list[Image]:
        return [image for image in self.images if image.is_pending]

    @property
    def arrived(self) -> list[Image]:
        return [image for image in self.images if not image.is_pending]

    @property
    def waiting_count(self) -> int:
        return len(self.waiting) if self.in_library is None else self.in_library

    @property
    def failed_count(self) -> int:
        return sum(not image.is_searchable for image in self.arrived)

    @property
    def goes_on(self) -> bool:
        return self.waiting_count > 0 and self.round < ROUNDS

    @property
    def seconds(self) -> int:
        return QUICK_SECONDS if self.round < QUICK_ROUNDS else SLOW_SECONDS

    @property
    def address(self) -> str:
        """Where a reader without scripts sees the same pictures."""
        return self._address(self.images)

    @property
    def next_address(self) -> str:
        """Where to ask how those get on that have not arrived."""
        switches = {"library": 1} if self.in_library is not None else {}
        switches |= {"refresh": 1} if self.is_refreshed else {}
        return self._address(self.waiting, round=self.round + 1, **switches)

    def _address(self, images: Iterable[Image], **values: int) -> str:
        ids = ",".join(str(image.pk) for image in images)
        return f"{reverse('arriving')}?{urlencode({'ids': ids, **values}, safe=',')}"


def following(images: Iterable[Image], *, in_library: int | None = None) -> Arriving:
    """Return what a page of these pictures follows: those that wait."""
    waiting = [image for image in images if image.is_pending]
    return Arriving(tuple(waiting[:FOLLOWED_AT_MOST]), in_library=in_library)


@require_safe
@vary_on_headers("HX-Request")
def arriving(request: HtmxHttpRequest) -> HttpResponse:
    """Say how pictures get on, as the part that a page asks for again and again, or as a page of its own."""
    words = request.GET.get("ids", "")
    ids = ticked_ids(words.split(",") if words else [])[:FOLLOWED_AT_MOST]
    images = Image.objects.visible_to(request.actor).filter(pk__in=ids).order_by("pk")
    asked = request.GET.get("round", "")
    followed = Arriving(
        tuple(images),
        round=min(int(asked), ROUNDS) if asked.isascii() and asked.isdecimal() and len(asked) < 20 else 0,
        in_library=_waiting_in_library(request) if request.GET.get("library") else None,
        is_refreshed=bool(request.GET.get("refresh")),
    )
    template = "gallery/arriving.html#followed" if request.htmx else "gallery/arriving.html"
    response = render(request, template, {"arriving": followed, "is_answer": bool(request.htmx)})
    if followed.is_refreshed and followed.arrived and not followed.waiting_count:
        response["HX-Refresh"] = "true"
    return response


def _waiting_in_library(request: HtmxHttpRequest) -> int | None:
    return Image.objects.library_of(request.actor).waiting().count() if request.user.is_authenticated else None
