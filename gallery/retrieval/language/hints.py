"""What may have been meant by words that nearly are a filter."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from gallery.errors import QueryMistake

from .fields import field_called, spellings_near
from .signs import read
from .tokenizer import tokens_of
from .tokens import FieldWithValue, Place, Token, Word
from .values import Refused, nodes_of

MAX_HINTS = 5  # more than anybody follows


@dataclass(frozen=True, slots=True)
class Hint:
    """Nothing is wrong with the query, but `suggestion` in this place may be what was meant."""

    place: Place
    suggestion: str


def hints_in(text: str, tokens: Sequence[Token], today: date) -> tuple[Hint, ...]:
    """Return filters that are one edit away from words of the query, a space behind the colon included."""
    found: list[Hint] = []
    for at, token in enumerate(tokens):
        if isinstance(token, Word) and len(found) < MAX_HINTS:
            behind = tokens[at + 1] if at + 1 < len(tokens) else None
            found += _hints_at(text, token, behind, today)
    return tuple(found[:MAX_HINTS])


def _hints_at(text: str, word: Word, behind: Token | None, today: date) -> Iterator[Hint]:
    typed = text[word.place.start : word.place.end]
    colon = read(typed).find(":")
    if colon < 1:
        return
    field, value = typed[:colon], typed[colon + 1 :]
    if value:
        meant = next(
            (f"{near}:{value}" for near in spellings_near(field) if _is_filter(f"{near}:{value}", today)), None
        )
        if meant is not None:
            yield Hint(word.place, meant)
        return
    if field_called(field) is None or not isinstance(behind, Word):
        return
    meant = typed + text[behind.place.start : behind.place.end]
    if behind.place.start == word.place.end + 1 and ":" not in read(behind.text) and _is_filter(meant, today):
        yield Hint(Place(word.place.start, behind.place.end), meant)


def _is_filter(query: str, today: date) -> bool:
    try:
        tokens = tokens_of(query)
    except QueryMistake:
        return False
    if len(tokens) != 1 or not isinstance(tokens[0], FieldWithValue):
        return False
    token = tokens[0]
    return not isinstance(nodes_of(token.field, token.value, token.box, today=today), Refused)
