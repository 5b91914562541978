"""What the search page shows: one class for each kind of answer, with the template that shows it."""

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from gallery.forms.saved_search import query_to_keep
from gallery.forms.search import SearchForm
from gallery.models import Image
from gallery.models.saved_search import MAX_NAME_CHARACTERS
from gallery.retrieval.language import Hint
from gallery.retrieval.language import format as query_of
from gallery.retrieval.tree import Like, Node, Not
from gallery.retrieval.tree_changes import parts_of, together, with_first_text
from gallery.services.facets import Facet
from gallery.services.meanings import NamedRows
from gallery.services.search import ResultPage

from .kept_searches import KeptSearches
from .paging import Page
from .search_chips import Chip, address_with_query, chips_of
from .search_examples import EXAMPLES, Example
from .search_facets import NarrowingBy, narrowings_of
from .search_mistake import SearchMistake, replaced
from .search_words import search_in_words


@dataclass(frozen=True)
class Blank:
    """Nothing was asked."""

    template: ClassVar[str] = "gallery/search/blank.html"
    kept: KeptSearches
    examples: ClassVar[tuple[Example, ...]] = EXAMPLES
    asked: ClassVar[NamedRows] = NamedRows()


@dataclass(frozen=True)
class Refused:
    """What was asked cannot be searched for: the box says why, and there is nothing to show below it.

    `mistake` is where in the query that is.
    """

    errors: list[str]
    status: int = 400
    mistake: SearchMistake | None = None
    asked: ClassVar[NamedRows] = NamedRows()


@dataclass(frozen=True)
class Found:
    """Results: those above the line that the search drew, and folded the others."""

    template: ClassVar[str] = "gallery/search/found.html"
    results: ResultPage

    @property
    def asked(self) -> NamedRows:
        return self.results.asked

    @property
    def next_likely(self) -> str | None:
        """The cursor of the page behind this one, where the last result is above the line."""
        return None if self.results.less_likely else self.results.next

    @property
    def next_less_likely(self) -> str | None:
        """The same, where the last result is below the line."""
        return self.results.next if self.results.less_likely else None


@dataclass(frozen=True)
class NothingFound:
    template: ClassVar[str] = "gallery/search/nothing_found.html"
    results: ResultPage

    @property
    def asked(self) -> NamedRows:
        return self.results.asked


@dataclass(frozen=True)
class NotComparable:
    """The picture that others should resemble is not searchable itself."""

    template: ClassVar[str] = "gallery/search/not_comparable.html"
    image: Image
    status: int

    @property
    def asked(self) -> NamedRows:
        return NamedRows(images={self.image.pk: self.image})


@dataclass(frozen=True)
class Listed:
    """All that filters, phrases and exclusions leave: without a meaning there is no relevance to order by."""

    template: ClassVar[str] = "gallery/search/listed.html"
    page: Page
    count: int
    facets: tuple[Facet, ...] = ()
    asked: ClassVar[NamedRows] = NamedRows()


Answer = Blank | Refused | Found | NothingFound | NotComparable | Listed


@dataclass(frozen=True)
class Suggested:
    """Another query that may have been meant: `text` is what stands in it instead."""

    text: str
    address: str


@dataclass(frozen=True)
class SearchPage:
    """What was asked, the answer, and how many of the visitor's own pictures no search can find yet."""

    form: SearchForm
    answer: Answer
    waiting: int

    @property
    def may_be_saved(self) -> bool:
        return not isinstance(self.answer, Blank | Refused | NotComparable)

    @property
    def query_to_keep(self) -> str:
        """What stands behind the `?` of this search, wherever in its results one is."""
        return query_to_keep(self.form)

    @property
    def suggested_name(self) -> str:
        """What the search may be called once it is saved."""
        return search_in_words(self.form)[:MAX_NAME_CHARACTERS]

    @cached_property
    def chips(self) -> tuple[Chip, ...]:
        """The parts of what is asked, each with the way to take it away."""
        return chips_of(self.form, self.answer.asked) if self._is_understood else ()

    @property
    def shown_pictures(self) -> list[Chip]:
        """The pictures that are asked with."""
        return [chip for chip in self.chips if chip.has_picture]

    @property
    def named_chips(self) -> list[Chip]:
        """The other parts."""
        return [chip for chip in self.chips if not chip.has_picture]

    @property
    def suggested_words(self) -> str | None:
        """The words of the search as they were probably meant, unless a hint is the same to the eye."""
        results = self.answer.results if isinstance(self.answer, Found | NothingFound) else None
        suggestion = results.suggestion if results else None
        hinted = [_hinted(self.form.text, hint) for hint in self.form.request.hints] if suggestion else []
        return None if suggestion in hinted else suggestion

    @property
    def suggested_address(self) -> str:
        """Where this page shows the search for these words."""
        suggestion = self.suggested_words
        tree = self.form.query_tree
        query = query_of(with_first_text(tree, suggestion)) if tree and suggestion else suggestion or ""
        return address_with_query(self.form, query, but=("as_typed", "words"))

    @cached_property
    def narrowings(self) -> list[NarrowingBy]:
        """The filters that narrow what was found."""
        if isinstance(self.answer, Listed):
            return narrowings_of(self.form, self.answer.facets, found=self.answer.count)
        if isinstance(self.answer, Found):
            results = self.answer.results
            return narrowings_of(self.form, results.facets, found=results.confident_count)
        return []

    def address_like(self, image: Image, *, is_less: bool) -> str:
        """Return where this page shows the same search for what resembles this picture too, or for what does not."""
        like = Like(image.pk)
        wanted, opposite = (Not(like), like) if is_less else (like, Not(like))
        parts = [part for part in self._query_parts if part not in (wanted, opposite)]
        return address_with_query(self.form, query_of(together(*parts, wanted)))

    @cached_property
    def _query_parts(self) -> tuple[Node, ...]:
        tree = self.form.query_tree
        return parts_of(tree) if tree is not None else ()

    @property
    def hints(self) -> list[Suggested]:
        """Filters that may be meant where words stand."""
        if not self._is_understood:
            return []
        typed = self.form.text
        return [
            Suggested(hint.suggestion, address_with_query(self.form, _hinted(typed, hint)))
            for hint in self.form.request.hints
        ]

    @property
    def _is_understood(self) -> bool:
        return self.form.is_asked and self.form.is_valid()


def _hinted(typed: str, hint: Hint) -> str:
    return replaced(typed, hint.place.start, hint.place.end, hint.suggestion)
