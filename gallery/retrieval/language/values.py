"""What stands behind the colon of a field, as typed values."""

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from rapidfuzz.distance import OSA

from gallery.retrieval.tree import (
    Box,
    Comparison,
    Field,
    Filter,
    Like,
    NameWithGaps,
    Node,
    NumberRange,
    Period,
    Picture,
    Region,
    State,
    Value,
)
from gallery.text.folding import folded
from gallery.text.tag_names import tag_key, tag_names

from .choices import CHOICES
from .dates import period_of
from .fields import FieldName
from .numbers import number_of, unit_of
from .signs import split_at_gaps, unescaped

ME = "me"  # the value of `owner:` that means whoever asks
_ME = {ME, "我"}
_COMPARISONS = {
    **{">=": Comparison.AT_LEAST, "≥": Comparison.AT_LEAST, "<=": Comparison.AT_MOST, "≤": Comparison.AT_MOST},
    **{">": Comparison.GREATER, "<": Comparison.LESS, "=": Comparison.EQUALS},
}
_COMPARED = re.compile("(?P<sign>>=|<=|[><=≥≤])(?P<rest>.*)")
_RANGE = re.compile(r"(?P<first>.*?)\.\.+(?P<last>.*)")
_UUID = re.compile(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}")
_ID = re.compile(r"\d{1,18}")  # what databases hold
_SHARE = re.compile(r"\d{1,20}(?:\.\d{1,30})?|\.\d{1,30}")
_ROUNDING = 1e-9  # of shares that add up to the whole
_NEAR = 2  # edits


@dataclass(frozen=True, slots=True)
class Refused:
    """A value that the field cannot have, and one that it can and that may be meant."""

    suggestion: str | None = None


def nodes_of(field: FieldName, value: str, box: str | None, *, today: date) -> tuple[Node, ...] | Refused:
    """Return what a field with this value, as it was typed, asks for: all of it, several things for several tags."""
    read = _READERS[field](value, today)
    if box is None or isinstance(read, Refused):
        return read
    (like,) = read
    shares = box_of(box)
    return Refused() if shares is None or not isinstance(like, Like) else (Region(like, shares),)


def box_of(text: str) -> Box | None:
    """Return the box of four shares with commas or spaces between them, None for what is none within the picture."""
    shares = [share for share in re.split("[, ]+", _plain(text)) if share]
    if len(shares) != 4 or not all(map(_SHARE.fullmatch, shares)):
        return None
    box = Box(*map(float, shares))
    has_size = box.width > 0 and box.height > 0
    is_within = box.left + box.width <= 1 + _ROUNDING and box.top + box.height <= 1 + _ROUNDING
    return box if has_size and is_within else None


def text_of(typed: str) -> str:
    """Return a text that was typed without its escapes, in NFC, with single spaces; "" for one that nobody sees."""
    text = " ".join(unicodedata.normalize("NFC", unescaped(typed)).split())
    return text if folded(text) else ""


def _plain(typed: str) -> str:
    return unicodedata.normalize("NFKC", unescaped(typed)).strip().lower()


Nodes = tuple[Node, ...] | Refused
_Reader = Callable[[str, date], Nodes]


def _filter(field: Field, comparison: Comparison, value: Value) -> tuple[Node, ...]:
    return (Filter(field, comparison, value),)


def _tags(typed: str, _today: date) -> Nodes:
    keys = dict.fromkeys(map(tag_key, tag_names(unescaped(typed))))
    return tuple(Filter(Field.TAG, Comparison.EQUALS, key) for key in keys) or Refused()


def _text(field: Field, comparison: Comparison) -> _Reader:
    def read(typed: str, _today: date) -> Nodes:
        text = text_of(typed)
        return _filter(field, comparison, text) if text else Refused()

    return read


def _owner(typed: str, _today: date) -> Nodes:
    name = text_of(typed)
    if not name:
        return Refused()
    return _filter(Field.OWNER, Comparison.EQUALS, ME if name.lower() in _ME else name)


def _name(typed: str, today: date) -> Nodes:
    pieces = split_at_gaps(typed)
    if len(pieces) == 1:
        return _text(Field.NAME, Comparison.CONTAINS)(typed, today)
    first, *middle, last = (re.sub(r"\s+", " ", unicodedata.normalize("NFC", piece)) for piece in pieces)
    kept = (first.lstrip(), *(piece for piece in middle if piece), last.rstrip())
    return _filter(Field.NAME, Comparison.MATCHES, NameWithGaps(kept))


def _choice(field: Field) -> _Reader:
    choices = CHOICES[field]

    def read(typed: str, _today: date) -> Nodes:
        name = _plain(typed)
        if name in choices:
            value = choices[name]
            return _filter(field, Comparison.EQUALS, State(value) if field is Field.IS else value)
        return Refused(_begun(name, choices) or _nearest(name, choices))

    return read


def _begun(name: str, choices: Mapping[str, str]) -> str | None:
    """Return the choice that begins so, unless several do that mean different things."""
    found = [choice for choice in choices if name and choice.startswith(name) and " " not in choice]
    return found[0] if len({choices[choice] for choice in found}) == 1 else None


def _nearest(name: str, choices: Mapping[str, str]) -> str | None:
    """Return the choice that is at most two edits and less than half a word away; of several the longest."""
    distances = {choice: OSA.distance(name, choice) for choice in choices if " " not in choice}
    best = min(distances, key=lambda choice: (distances[choice], -len(choice)))
    return best if distances[best] <= min(_NEAR, (len(best) - 1) // 2) else None


def _number(field: Field) -> _Reader:
    def read(typed: str, _today: date) -> Nodes:
        text = _plain(typed)
        if found := _RANGE.fullmatch(text):
            return _number_range(field, found["first"], found["last"])
        compared = _COMPARED.fullmatch(text)
        comparison = _COMPARISONS[compared["sign"]] if compared else Comparison.EQUALS
        number = number_of(compared["rest"] if compared else text, field)
        return Refused() if number is None else _filter(field, comparison, number)

    return read


def _number_range(field: Field, first: str, last: str) -> Nodes:
    """A first end without a unit has that of the second: `1..5MB`."""
    least, most = number_of(first, field, unit=unit_of(last)), number_of(last, field)
    if least is not None and not last:
        return _filter(field, Comparison.AT_LEAST, least)
    if most is not None and not first:
        return _filter(field, Comparison.AT_MOST, most)
    if least is None or most is None:
        return Refused()
    if least > most:
        return Refused(f"{last}..{first}".upper())
    if least == most and field in (Field.WIDTH, Field.HEIGHT):
        return _filter(field, Comparison.EQUALS, least)
    return _filter(field, Comparison.WITHIN, NumberRange(least, most))


def _date(field: Field) -> _Reader:
    def read(typed: str, today: date) -> Nodes:
        text = _plain(typed)
        if found := _RANGE.fullmatch(text):
            return _date_range(field, found["first"], found["last"], today)
        compared = _COMPARED.fullmatch(text)
        period = period_of(compared["rest"] if compared else text, today)
        if period is None:
            return Refused()
        return _compared_with(field, _COMPARISONS[compared["sign"]] if compared else Comparison.EQUALS, period)

    return read


def _compared_with(field: Field, comparison: Comparison, period: Period) -> Nodes:
    """After a period is after its last day, before it before its first."""
    if comparison is Comparison.EQUALS:
        return _filter(field, Comparison.WITHIN, period)
    is_of_last_day = comparison in (Comparison.GREATER, Comparison.AT_MOST)
    return _filter(field, comparison, period.last if is_of_last_day else period.first)


def _date_range(field: Field, first: str, last: str, today: date) -> Nodes:
    begin, end = period_of(first, today), period_of(last, today)
    if begin is not None and not last:
        return _filter(field, Comparison.AT_LEAST, begin.first)
    if end is not None and not first:
        return _filter(field, Comparison.AT_MOST, end.last)
    if begin is None or end is None:
        return Refused()
    if begin.first > end.last:
        return Refused(f"{last}..{first}")
    return _filter(field, Comparison.WITHIN, Period(begin.first, end.last))


def _side(comparison: Comparison) -> _Reader:
    def read(typed: str, today: date) -> Nodes:
        period = period_of(_plain(typed), today)
        return Refused() if period is None else _compared_with(Field.DATE, comparison, period)

    return read


def _like(typed: str, _today: date) -> Nodes:
    text = _plain(typed)
    return (Like(int(text)),) if _ID.fullmatch(text) else Refused()


def _picture(typed: str, _today: date) -> Nodes:
    text = _plain(typed)
    return (Picture(UUID(text)),) if _UUID.fullmatch(text) else Refused()


_READERS: dict[FieldName, _Reader] = {
    FieldName.TAG: _tags,
    FieldName.ALBUM: _text(Field.ALBUM, Comparison.EQUALS),
    FieldName.OWNER: _owner,
    FieldName.NAME: _name,
    FieldName.TEXT: _text(Field.TEXT, Comparison.CONTAINS),
    FieldName.FORMAT: _choice(Field.FORMAT),
    FieldName.COLOUR: _choice(Field.COLOUR),
    FieldName.IS: _choice(Field.IS),
    FieldName.WIDTH: _number(Field.WIDTH),
    FieldName.HEIGHT: _number(Field.HEIGHT),
    FieldName.PIXELS: _number(Field.PIXELS),
    FieldName.SIZE: _number(Field.SIZE),
    FieldName.TAKEN: _date(Field.TAKEN),
    FieldName.ADDED: _date(Field.ADDED),
    FieldName.BEFORE: _side(Comparison.LESS),
    FieldName.AFTER: _side(Comparison.GREATER),
    FieldName.LIKE: _like,
    FieldName.PICTURE: _picture,
}
