"""A mistake in what was typed into the search box: what is wrong, where, and where one goes from there."""

from dataclasses import dataclass

from gallery.conf import gallery
from gallery.error_messages import sentence
from gallery.errors import ImageSearchError, InvalidInput
from gallery.retrieval.query_text import checked_text

AROUND = 60  # characters that are shown on either side of a mistake
LONGEST_MARKED = 120


@dataclass(frozen=True)
class SearchMistake:
    """`before`, `marked` and `after` are what was typed, long ends left out.

    `corrected` is the whole query with what is suggested there, None where nothing is. `plain_words` are what was
    typed, None where that cannot be searched for as words either.
    """

    sentence: str
    before: str
    marked: str
    after: str
    corrected: str | None
    plain_words: str | None

    @classmethod
    def of(cls, error: ImageSearchError, typed: str) -> "SearchMistake":
        """Return how an error with a place in `typed` is shown."""
        start, end, suggestion = error.details["start"], error.details["end"], error.details["suggestion"]
        return cls(
            sentence=sentence(error),
            before=_cut_before(typed[:start]),
            marked=_cut_behind(typed[start:end], LONGEST_MARKED),
            after=_cut_behind(typed[end:], AROUND),
            corrected=None if suggestion is None else replaced(typed, start, end, suggestion) or None,
            plain_words=typed if _are_words(typed) else None,
        )


def replaced(typed: str, start: int, end: int, suggestion: str) -> str:
    """Return a query with something else between two of its places."""
    return (typed[:start] + suggestion + typed[end:]).strip()


def _cut_before(text: str) -> str:
    return text if len(text) <= AROUND else "…" + text[-AROUND:]


def _cut_behind(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[:longest] + "…"


def _are_words(text: str) -> bool:
    try:
        checked_text(text, max_characters=gallery().max_query_characters)
    except InvalidInput:
        return False
    return True
