"""What one can write into the search box, by example, for who has never read its documentation."""

from dataclasses import dataclass
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy, pgettext_lazy


@dataclass(frozen=True)
class Example:
    """A query in the reader's language, and what it finds."""

    query: str | Promise
    meaning: str | Promise

    @property
    def address(self) -> str:
        return f"{reverse('search')}?{urlencode({'q': str(self.query)})}"


EXAMPLES = (
    Example(
        pgettext_lazy("example query", "a dog on the grass"),
        gettext_lazy("A sentence: what the picture shows"),
    ),
    Example(
        pgettext_lazy("example query", "dog -person"),
        gettext_lazy("A dash leaves out: dogs without people"),
    ),
    Example(
        pgettext_lazy("example query", "cat OR rabbit"),
        gettext_lazy("One or the other, with OR in capitals"),
    ),
    Example(
        pgettext_lazy("example query", '"for sale"'),
        gettext_lazy("Quotes: these very words in name, description, tag, album or text"),
    ),
    Example(
        pgettext_lazy("example query", "tag:holiday is:landscape"),
        gettext_lazy("Filters by tag, album, owner, name, colour, shape and more"),
    ),
    Example(
        pgettext_lazy("example query", "sunset taken:2023.."),
        gettext_lazy("A year, a month, a day, or a span of them"),
    ),
)
