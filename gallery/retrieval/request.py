"""One search, as pages, API, commands and `evaluate` ask for it."""

from dataclasses import dataclass
from typing import Any

from gallery.errors import InvalidTop

from .tree import Node

DEFAULT_TOP = 20


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """What is searched for, and how many results are wanted, best first."""

    tree: Node
    top: int = DEFAULT_TOP


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
