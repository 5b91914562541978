"""One search, as pages, API, commands and `evaluate` ask for it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Self

from gallery.errors import InvalidTop

from .query_text import MAX_CHARACTERS
from .tree import Meaning, Node, tree_of

DEFAULT_TOP = 20


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """What is searched for, and how many results are wanted, best first."""

    tree: Node
    top: int = DEFAULT_TOP

    @classmethod
    def of(
        cls,
        *,
        text: str = "",
        as_typed: bool = False,
        meanings: Sequence[Meaning] = (),
        tags: Iterable[str] = (),
        top: Any = None,
        max_top: int,
        max_characters: int = MAX_CHARACTERS,
    ) -> Self:
        """Return the search for what a door was given, as it was given. Raises what `parse_top` and `tree_of` do."""
        count = parse_top(top, limit=max_top)
        tree = tree_of(text=text, as_typed=as_typed, meanings=meanings, tags=tags, max_characters=max_characters)
        return cls(tree, count)


def parse_top(value: Any, *, limit: int, default: int = DEFAULT_TOP) -> int:
    """Return how many results are asked for. Raises InvalidTop unless it is a whole number from 1 to `limit`."""
    if value is None or value == "":
        return min(default, limit)
    try:
        top = int(str(value).strip().replace("_", "."))  # Python reads 1_0 as 10; nobody else does
    except ValueError:
        raise InvalidTop(value=str(value), limit=limit) from None
    if not 1 <= top <= limit:
        raise InvalidTop(value=str(value), limit=limit)
    return top
