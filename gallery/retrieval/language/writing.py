"""A tree as text: the one spelling of what it asks for."""

from datetime import date
from decimal import Decimal
from functools import singledispatch

from gallery.errors import QueryMistake
from gallery.retrieval.tree import (
    All,
    Any,
    Box,
    Comparison,
    Field,
    Filter,
    Like,
    NameWithGaps,
    Node,
    Not,
    NumberRange,
    Period,
    Phrase,
    Picture,
    Region,
    Text,
    Value,
    Weighted,
)

from .dates import date_text, first_text, last_text
from .numbers import number_text
from .signs import BACKSLASH, GAP, QUOTES, SIGNS, escaped, read
from .tokenizer import tokens_of
from .tokens import Word

_SIGNS_IN_QUOTES = frozenset({*QUOTES, *QUOTES.values(), BACKSLASH})
_BEFORE_WORDS, _LAST, _ALONE = ("({} x)",), ("{}", "({})"), ("{}", "({})", "{}^2")  # where a word may stand
_NEED_QUOTES = _SIGNS_IN_QUOTES | set(" ()[]")  # in a value


@singledispatch
def format(node: Node) -> str:
    """Return the query that `parse` makes this very tree of. Raises TypeError for a picture that no query can name.

    Of a tree that no query has, such as a text with OR as one of its words, the query may mean another one.
    """
    raise TypeError(f"no query asks for {node!r}")


@format.register
def _(node: All) -> str:
    return _side_by_side(node.parts)


@format.register
def _(node: Any) -> str:
    return " OR ".join(_in_brackets(part) if isinstance(part, All | Any) else format(part) for part in node.parts)


@format.register
def _(node: Text) -> str:
    *words, last = node.words.split(" ")
    return " ".join([*(_word(word, _BEFORE_WORDS) for word in words), _word(last, _LAST if words else _ALONE)])


@format.register
def _(node: Not) -> str:
    atom = _atom(node.part)
    return f"NOT {atom}" if read(atom[0]).isdecimal() else f"-{atom}"  # before a digit a dash is text


@format.register
def _(node: Weighted) -> str:
    part = _in_brackets(node.part) if isinstance(node.part, Filter) else _atom(node.part)
    return f"{part}^{_plain_number(node.factor)}"


@format.register
def _(node: Phrase) -> str:
    return _quoted(node.text)


@format.register
def _(node: Like) -> str:
    return f"like:{node.image_id}"


@format.register
def _(node: Picture) -> str:
    return f"picture:{node.id}"


@format.register
def _(node: Region) -> str:
    if not isinstance(node.of, Like):
        raise TypeError(f"no query asks for {node!r}")
    return f"{format(node.of)}[{','.join(map(_plain_number, _shares(node.box)))}]"


@format.register
def _(node: Filter) -> str:
    field, comparison, value = node.field, node.comparison, node.value
    if field is Field.DATE and isinstance(value, date):
        return f"after:{last_text(value)}" if comparison is Comparison.GREATER else f"before:{first_text(value)}"
    return f"{field}:{_filter_value(field, comparison, value)}"


def _side_by_side(parts: tuple[Node, ...]) -> str:
    """A text behind another one stands between brackets, or they would be one sentence."""
    written = []
    is_in_run = False
    for part in parts:
        if isinstance(part, All | Any) or (isinstance(part, Text) and is_in_run):
            written.append(_in_brackets(part))
            is_in_run = False
            continue
        written.append(format(part))
        is_in_run = isinstance(part, Text) or (is_in_run and not isinstance(part, Weighted))
    return " ".join(written)


def _in_brackets(node: Node) -> str:
    return f"({format(node)})"


def _atom(node: Node) -> str:
    is_one = isinstance(node, Phrase | Filter | Like | Region | Picture) or _is_word(node)
    return format(node) if is_one else _in_brackets(node)


def _is_word(node: Node) -> bool:
    return isinstance(node, Text) and " " not in node.words


def _plain_number(number: float) -> str:
    return f"{Decimal(repr(number)).normalize():f}"


def _shares(box: Box) -> tuple[float, ...]:
    return box.left, box.top, box.width, box.height


# Words, phrases, values


def _word(word: str, contexts: tuple[str, ...]) -> str:
    """Return a word as it is, or with a backslash before each sign if any of them would be more than text.

    `contexts` are queries around {} in which it must be a word.
    """
    if not any(sign in SIGNS for sign in read(word)) or all(_is_read_as_word(word, context) for context in contexts):
        return word
    return escaped(word)


def _is_read_as_word(word: str, context: str) -> bool:
    try:
        tokens = tokens_of(context.replace("{}", word))
    except QueryMistake:
        return False
    expected = len(tokens_of(context.replace("{}", "x")))
    if len(tokens) != expected:
        return False
    token = tokens[int(context.startswith("("))]
    return isinstance(token, Word) and token.text == word


def _quoted(text: str) -> str:
    return f'"{escaped(text, signs=_SIGNS_IN_QUOTES)}"'


def _value(text: str) -> str:
    needs_quotes = any(sign in _NEED_QUOTES for sign in read(text))
    return _quoted(text) if needs_quotes else text


def _filter_value(field: Field, comparison: Comparison, value: Value) -> str:
    if isinstance(value, int | NumberRange):
        return number_text(field, comparison, value)
    if isinstance(value, date | Period):
        return date_text(comparison, value)
    if isinstance(value, NameWithGaps):
        return _name_with_gaps(value.pieces)
    if field is Field.NAME:
        return _name_with_gaps((value,))
    return value.lower() if field is Field.FORMAT else _value(value)


def _name_with_gaps(pieces: tuple[str, ...]) -> str:
    written = GAP.join(escaped(piece, signs=_SIGNS_IN_QUOTES | {GAP}) for piece in pieces)
    needs_quotes = any(sign in _NEED_QUOTES or sign == GAP for piece in pieces for sign in read(piece))
    return f'"{written}"' if needs_quotes else written
