"""The one index of this process: joins vectors to image ids. Row numbers never leave this package."""

import threading

from .index import Blocks, SearchIndex

__all__ = ["Blocks", "SearchIndex", "reset_search_index", "search_index"]

_index: SearchIndex | None = None
_index_lock = threading.Lock()


def search_index() -> SearchIndex:
    """Return this process's index. Opens no file until it is used."""
    global _index  # noqa: PLW0603 -- the singleton
    with _index_lock:
        if _index is None:
            _index = SearchIndex()
        return _index


def reset_search_index() -> None:
    """Forget the process's index: for tests that move the data folder."""
    global _index  # noqa: PLW0603 -- the singleton
    with _index_lock:
        _index = None
