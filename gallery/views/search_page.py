"""What the search page shows: one class for each kind of answer, with the template that shows it."""

from dataclasses import dataclass
from typing import ClassVar

from gallery.forms.search import SearchForm
from gallery.models import Image
from gallery.services.meanings import NamedRows
from gallery.services.search import ResultPage

from .paging import Page


@dataclass(frozen=True)
class Blank:
    """Nothing was asked."""

    template: ClassVar[str] = "gallery/search/blank.html"


@dataclass(frozen=True)
class Refused:
    """What was asked cannot be searched for: the box says why, and there is nothing to show below it."""

    errors: list[str]
    status: int = 400


@dataclass(frozen=True)
class Found:
    """Results: those above the line that the search drew, and folded the others."""

    template: ClassVar[str] = "gallery/search/found.html"
    results: ResultPage

    @property
    def asked(self) -> NamedRows:
        return self.results.asked


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

    @property
    def asked(self) -> NamedRows:
        return NamedRows(images={self.image.pk: self.image})


@dataclass(frozen=True)
class Listed:
    """All pictures that have the tags, newest first: without words there is nothing to order by."""

    template: ClassVar[str] = "gallery/search/listed.html"
    page: Page
    count: int


Answer = Blank | Refused | Found | NothingFound | NotComparable | Listed


@dataclass(frozen=True)
class SearchPage:
    """What was asked, the answer, and how many of the visitor's own pictures no search can find yet."""

    form: SearchForm
    answer: Answer
    waiting: int
