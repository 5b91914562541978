"""A list cut into parts without counting it: one row more than shown tells whether there is a next part."""

from dataclasses import dataclass

from django.http import Http404, HttpRequest

from gallery.models import Image, ImageQuerySet

PAGE_SIZE = 24
LAST_PAGE = 100_000


@dataclass(frozen=True, slots=True)
class Page:
    images: list[Image]
    number: int
    has_next: bool

    @property
    def previous_number(self) -> int:
        return self.number - 1

    @property
    def next_number(self) -> int:
        return self.number + 1


def page_of(images: ImageQuerySet, request: HttpRequest) -> Page:
    """Return the part that `?page=` names, the first without it; 404 for anything that is no page."""
    number = _page_number(request.GET.get("page", "1"))
    start = (number - 1) * PAGE_SIZE
    found = list(images[start : start + PAGE_SIZE + 1])
    if not found and number > 1:
        raise Http404
    return Page(found[:PAGE_SIZE], number, has_next=len(found) > PAGE_SIZE)


def _page_number(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 6 and 1 <= int(text) <= LAST_PAGE):
        raise Http404
    return int(text)
