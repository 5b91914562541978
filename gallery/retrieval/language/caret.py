"""What is being typed where the caret stands in the search box."""

from dataclasses import dataclass

from gallery.errors import QueryNestedTooDeep, UnclosedBracket, UnclosedQuote
from gallery.text.emoji_names import has_chinese

from .fields import FieldName, field_called
from .signs import QUOTES, read, unescaped
from .tokenizer import Tokenizer, check_characters
from .tokens import FieldWithValue, Place, Token, Word

MOST_WORDS = 4  # of a name or of days, as in "golden gate bridge tour"
CHINESE_CHARACTERS = range(2, 5)  # of a name that may begin within a run of them


@dataclass(frozen=True, slots=True)
class Beginning:
    """What may be the beginning of a name: words before the caret, and the code point where they begin."""

    start: int
    text: str


@dataclass(frozen=True, slots=True)
class TypedWords:
    """Words before the caret: the last of them, the last two and so on, the most first, all of which end at `end`."""

    beginnings: tuple[Beginning, ...]
    end: int


@dataclass(frozen=True, slots=True)
class TypedFilter:
    """A filter: its field as it was typed, with its colon, and what of its value stands before the caret.

    `place` is the whole filter.
    """

    field: FieldName
    spelling: str
    value: str
    place: Place


Typed = TypedWords | TypedFilter


def typed_at(text: str, at: int) -> Typed | None:
    """Return what is typed at a place of a query that may go on; None in what nobody can go on with, as a phrase.

    `at` is in code points; what is beyond the end is the end. Raises QueryTooLong, QueryWithControlCharacters.
    """
    check_characters(text)
    before = text[:at]
    reader = Tokenizer(before)
    try:
        tokens = reader.tokens_so_far()
    except UnclosedQuote as error:
        return _open_quote(text, before, int(error.details["start"]))
    except (UnclosedBracket, QueryNestedTooDeep):
        return None
    if not tokens or tokens[-1].place.end < len(before):
        return TypedWords((), len(before))
    last = tokens[-1]
    if isinstance(last, FieldWithValue) and before[last.value_at] not in QUOTES:
        place = Place(last.place.start, reader.whole(text).word_end(last.place.start))
        return TypedFilter(last.field, before[place.start : last.value_at], unescaped(last.value), place)
    return _words(tokens, before, reader.whole(text)) if isinstance(last, Word) else None


def _open_quote(text: str, before: str, quote_at: int) -> TypedFilter | None:
    """Return the filter whose value is within quotes that open there; a phrase is none."""
    signs = read(before)
    start = max((signs.rfind(sign, 0, quote_at) for sign in " (-"), default=-1) + 1
    field = field_called(signs[start : quote_at - 1]) if signs[quote_at - 1 : quote_at] == ":" else None
    if field is None:
        return None
    try:
        end = Tokenizer(text).quote_end(quote_at)
    except UnclosedQuote:
        end = len(before)
    place = Place(start, max(end, len(before)))
    return TypedFilter(field, before[start:quote_at], unescaped(before[quote_at + 1 :]), place)


def _words(tokens: list[Token], before: str, whole: Tokenizer) -> Typed:
    last = tokens[-1].place
    end = whole.word_end(last.start)
    typed = before[last.start :]
    field = field_called(typed[:-1]) if read(typed[-1]) == ":" else None
    if field is not None:
        return TypedFilter(field, typed, "", Place(last.start, end))
    found: list[Beginning] = []
    for token in reversed(tokens[-MOST_WORDS:]):
        if not isinstance(token, Word):
            break
        found.append(Beginning(token.place.start, " ".join(unescaped(before[token.place.start :]).split())))
    return TypedWords((*reversed(found), *_within(typed, last.start)), end)


def _within(word: str, start: int) -> list[Beginning]:
    """Return what may be a name at the end of a Chinese word, which has no spaces: the longest first."""
    lengths = [length for length in reversed(CHINESE_CHARACTERS) if length < len(word)]
    endings = [(start + len(word) - length, word[-length:]) for length in lengths]
    return [Beginning(at, ending) for at, ending in endings if all(map(has_chinese, ending))]
