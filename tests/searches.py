"""Searches as a test asks for them: words, or anything else that has a meaning."""

from gallery.retrieval.request import DEFAULT_TOP, SearchRequest
from gallery.retrieval.tree import Meaning, Text


def request_for(asked: str | Meaning, *, top: int = DEFAULT_TOP) -> SearchRequest:
    """Return the search for words, or for anything else that has a meaning."""
    return SearchRequest(Text(asked) if isinstance(asked, str) else asked, top)
