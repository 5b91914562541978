"""Lists cut into parts. Links to the next one carry a cursor, so that pictures that come and go move nobody.

A number in an address still names a part by how many come before it; beside a cursor it is only what is shown.
"""

from dataclasses import dataclass

from django.core.paginator import EmptyPage, PageNotAnInteger
from django.http import Http404, HttpRequest, QueryDict

from gallery.image_pages import ImagePaginator
from gallery.models import Image, ImageQuerySet
from gallery.search_index import search_index

PAGE_SIZE = 24
LAST_PAGE = 100_000
PLACES = ("cursor", "page")


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a list, its number, and the cursors of those beside it. Where one counts, `paginator` knows."""

    images: list[Image]
    number: int
    next: str | None
    previous: str | None
    paginator: ImagePaginator | None = None

    @property
    def object_list(self) -> list[Image]:
        return self.images

    @property
    def has_next(self) -> bool:
        return self.next is not None

    @property
    def has_previous(self) -> bool:
        return self.previous is not None

    @property
    def previous_number(self) -> int:
        return max(1, self.number - 1)

    @property
    def next_number(self) -> int:
        return self.number + 1 if self.paginator is None else min(self.number + 1, self.paginator.num_pages)


def page_of(images: ImageQuerySet, request: HttpRequest) -> Page:
    """Return the part that `?cursor=` or `?page=` names, the first without them; 404 for anything that is no page.

    Nothing is counted. Raises InvalidCursor, CursorOfAnotherList.
    """
    number = _page_number(request.GET.get("page", "1"))
    page = _page(images, request.GET, number, size=PAGE_SIZE)
    if not page.images and number > 1 and "cursor" not in request.GET:
        raise Http404
    return page


def counted_page_of(images: ImageQuerySet, query: QueryDict, *, size: int, count: int | None = None) -> Page:
    """Return the same, with the number of pages; a number beyond them is the last. Raises as `page_of` does.

    `count` is how many pictures there are, where that is known.
    """
    paginator = ImagePaginator(images, size, count=count)
    number = _number_within(paginator, query.get("page"))
    page = _page(images, query, number, size=size, paginator=paginator)
    if page.images or "cursor" not in query:
        return page
    rest = query.copy()  # whatever came behind the cursor is gone
    del rest["cursor"]
    return _page(images, rest, number, size=size, paginator=paginator)


def _page(
    images: ImageQuerySet, query: QueryDict, number: int, *, size: int, paginator: ImagePaginator | None = None
) -> Page:
    narrowing = [f"{name}={value}" for name in sorted(query) for value in query.getlist(name) if name not in PLACES]
    part = search_index().lists.part_of(
        images, size=size, cursor=query.get("cursor"), narrowed_by=narrowing, start=(number - 1) * size
    )
    return Page(part.rows, number, part.next, part.previous, paginator)


def _number_within(paginator: ImagePaginator, text: str | None) -> int:
    """Return the number of the page that `Paginator.get_page` gives, without reading it."""
    try:
        return paginator.validate_number(text or "")
    except PageNotAnInteger:
        return 1
    except EmptyPage:
        return paginator.num_pages


def _page_number(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 6 and 1 <= int(text) <= LAST_PAGE):
        raise Http404
    return int(text)
