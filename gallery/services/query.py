"""What somebody searches for, parsed and checked. Pure: no database, no encoder."""

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from gallery.encoders.base import Encoder, EncoderKey
from gallery.errors import EmptyQuery, InvalidInput, InvalidTop, QueryTooLong, QueryWithoutWords, gettext_noop
from gallery.text.plain_text import is_control_character

DEFAULT_TOP = 20
Vector = npt.NDArray[np.float32]


class QueryWithControlCharacters(InvalidInput):
    code = "query_with_control_characters"
    message = gettext_noop("The search contains an invisible control character (%(character)s). Type it again by hand.")


@dataclass(frozen=True, slots=True)
class Query:
    """One search: a text, or something else that an encoder can turn into a vector; narrowed by filters that are part
    of it.

    `encode` is asked again when the index moves to another encoder meanwhile. A `vector` is what it is: of `encoder`,
    if that is given.
    """

    text: str = ""
    encode: Callable[[Encoder], Vector] | None = None
    vector: Vector | None = None  # (dimension,), unit length
    encoder: EncoderKey | None = None
    tag_keys: tuple[str, ...] = ()
    excluded_ids: tuple[int, ...] = field(default=())

    def narrowed(self, *, tag_keys: tuple[str, ...]) -> "Query":
        return replace(self, tag_keys=tag_keys)


def parse(text: str, *, max_characters: int = 500) -> Query:
    """Return the query that a person typed, NFC, with single spaces.

    Raises EmptyQuery, QueryTooLong, QueryWithControlCharacters, QueryWithoutWords.
    """
    words = " ".join(unicodedata.normalize("NFC", text).split())
    if not words:
        raise EmptyQuery
    if len(words) > max_characters:
        raise QueryTooLong(length=len(words), limit=max_characters)
    for character in words:
        if is_control_character(character):
            raise QueryWithControlCharacters(character=f"U+{ord(character):04X}")
    if not any(_carries_meaning(character) for character in words):
        raise QueryWithoutWords(query=words)
    return Query(text=words)


def _carries_meaning(character: str) -> bool:
    """Letters, digits and emoji mean something; punctuation does not."""
    return unicodedata.category(character)[0] in "LN" or unicodedata.category(character) == "So"


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
