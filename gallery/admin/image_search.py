"""The search box above the list of pictures: it understands what that of the site does, among what the list shows."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.contrib.admin.views.main import SEARCH_VAR
from django.core.exceptions import EmptyResultSet
from django.http import HttpRequest

from gallery.client_address import counted_client
from gallery.error_messages import for_visitors, sentence
from gallery.errors import ImageSearchError, InvalidInput, NotSearchable
from gallery.forms.search import SearchForm
from gallery.models import ImageQuerySet
from gallery.retrieval.language import format as query_of
from gallery.retrieval.request import SearchRequest
from gallery.retrieval.tree_changes import with_first_text
from gallery.retrieval.understanding import Understanding
from gallery.rooms import Room, go_on_in
from gallery.services.curated_search import CuratedSearch, search_by_words, search_list
from gallery.services.limits import asking_with
from gallery.views.search_mistake import SearchMistake, replaced

from .audited import actor_of

PLAIN_WORDS_VAR = "words"  # the text is no query, but words
AS_TYPED_VAR = "as_typed"
LESS_LIKELY_VAR = "less_likely"
SEARCH_VARS = (PLAIN_WORDS_VAR, AS_TYPED_VAR, LESS_LIKELY_VAR)
SEARCH_ATTRIBUTE = "search_of_the_list"

logger = logging.getLogger(__name__)


class ImageSearch:
    """What the address of a request asks of the list, and what becomes of it.

    `error` is why it cannot be searched for (`is_refused`), or why nothing can be compared just now and only names and
    words find.
    """

    def __init__(self, request: HttpRequest) -> None:
        self._http = request
        self._found: dict[Any, CuratedSearch | None] = {}
        self.typed = request.GET.get(SEARCH_VAR, "")
        self.is_plain_words = PLAIN_WORDS_VAR in request.GET
        self.with_less_likely = LESS_LIKELY_VAR in request.GET
        name = "words" if self.is_plain_words else "q"
        self.form = SearchForm({name: self.typed, "as_typed": request.GET.get(AS_TYPED_VAR, "")})
        self.is_refused = not self.form.is_valid()
        self.error: ImageSearchError | None = self.form.mistake
        self.understanding: Understanding | None = None

    @property
    def request(self) -> SearchRequest:
        """What is asked, where it is not refused."""
        return self.form.request

    @property
    def status(self) -> int:
        if self.error is not None:
            return self.error.http_status
        return 400 if self.is_refused else 200

    @property
    def sentences(self) -> list[str]:
        """What there is to be said of it, nothing where all is well."""
        return self.form.sentences if self.error is None else [sentence(for_visitors(self.error))]

    @property
    def mistake(self) -> SearchMistake | None:
        """Where in the text the error is, if it is there."""
        has_place = self.error is not None and "start" in self.error.details
        return SearchMistake.of(self.error, self.typed) if self.error is not None and has_place else None

    @property
    def is_ranked(self) -> bool:
        """Whether it orders what it finds by meaning."""
        return not self.is_refused and not self.form.is_listing

    @property
    def understood(self) -> str | None:
        """What was searched for in place of the text; None where that was the text itself."""
        meant = self.understanding
        return meant.suggestion if meant is not None and meant.is_applied else None

    @property
    def excluded(self) -> tuple[str, ...]:
        """What sentences of the text exclude in words."""
        return () if self.is_refused else self.request.plan().excluded

    @property
    def suggested_queries(self) -> list[str]:
        """What may have been meant instead."""
        if self.is_refused:
            return []
        places = [(hint.place.start, hint.place.end, hint.suggestion) for hint in self.request.hints]
        suggestion = self.understanding.suggestion if self.understanding and not self.understood else None
        tree = self.form.query_tree
        respelt = [] if suggestion is None else [query_of(with_first_text(tree, suggestion)) if tree else suggestion]
        return [replaced(self.typed, *place) for place in places] + respelt

    @contextmanager
    def being_asked(self) -> Iterator[None]:
        """Run the body, which shows the list: where there is something to encode, in the room for that.

        Raises what `asking_with` does.
        """
        if self.is_refused:
            yield
            return
        if self.request.plan().legs and not self.request.has_kept_regions:
            go_on_in(Room.TEXT_SEARCH)
        with asking_with(self.request, by=actor_of(self._http), client=counted_client(self._http)):
            yield

    def among(self, images: ImageQuerySet) -> CuratedSearch | None:
        """Return the search among these images; None where it is refused."""
        try:
            key = images.fingerprint()
        except EmptyResultSet:
            key = None
        if not self.is_refused and key not in self._found:
            self._found[key] = self._search(images)
        return None if self.is_refused else self._found[key]

    def _search(self, images: ImageQuerySet) -> CuratedSearch | None:
        by = actor_of(self._http)
        try:
            if self.error is None:
                found = search_list(images, self.request, self.typed, by=by, with_less_likely=self.with_less_likely)
                self.understanding = found.understanding
                return found
        except (InvalidInput, NotSearchable) as error:
            self.error, self.is_refused = error, True
            return None
        except ImageSearchError as error:
            self.error = error
            if error.http_status >= 500:
                told = {"refusal": error.code, "request": self._http}
                logger.error("%s %s: %s", self._http.method, self._http.path, error, extra=told)
        return search_by_words(images, self.request, self.typed, by=by)


def begin_search(request: HttpRequest) -> ImageSearch | None:
    """Read what the address asks of the list; None where that is nothing."""
    search = ImageSearch(request) if request.GET.get(SEARCH_VAR, "").strip() else None
    setattr(request, SEARCH_ATTRIBUTE, search)
    return search


def search_of(request: HttpRequest) -> ImageSearch | None:
    """Return the search that was begun."""
    search: ImageSearch | None = getattr(request, SEARCH_ATTRIBUTE, None)
    return search


def is_searched_by_list(request: HttpRequest) -> bool:
    """Say whether the list itself searches; choosers of pictures find by words alone."""
    return hasattr(request, SEARCH_ATTRIBUTE)
