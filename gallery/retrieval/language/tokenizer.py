"""Reads a query's characters as tokens. How signs are read is specified in `__init__.py`."""

import re
from collections.abc import Sequence

from gallery.errors import QueryNestedTooDeep, QueryTooLong, QueryWithControlCharacters, UnclosedBracket, UnclosedQuote
from gallery.text.plain_text import is_control_character

from .fields import MEANINGS, FieldName, field_called
from .signs import CLOSING, DASH, OPENING, OR_SIGN, QUOTES, is_escape, read, unescaped
from .tokens import FieldWithValue, Operator, Place, Quoted, Sign, Token, Weight, Word

# A query of 10,000 characters, and one whose brackets lie 50 deep, is refused.
MAX_CHARACTERS, MAX_NESTING = 9_999, 49
_WEIGHT = re.compile(r"\^(\d{1,2}|\d{0,2}\.\d+)(?=[ )]|$)")
_BOX = re.compile(r"\d+(?=\[)")
_BEFORE_END = " )]^"  # what a quote or a bracket closes before, but for the end
_KEYWORDS = {"OR": Sign.OR, OR_SIGN: Sign.OR, "或": Sign.OR, "NOT": Sign.NOT, "非": Sign.NOT, "AND": None}


def tokens_of(text: str) -> list[Token]:
    """Return what a query consists of; AND, which is noise, is none of it.

    Raises QueryTooLong, QueryWithControlCharacters, QueryNestedTooDeep, UnclosedBracket, UnclosedQuote.
    """
    check_characters(text)
    return Tokenizer(text).tokens()


def check_characters(text: str) -> None:
    """Raise QueryTooLong, QueryWithControlCharacters for what is no query at all."""
    if len(text) > MAX_CHARACTERS:
        raise QueryTooLong(length=len(text), limit=MAX_CHARACTERS, start=0, end=len(text), suggestion=None)
    for at, character in enumerate(text):
        if is_control_character(character) and not character.isspace():
            code = f"U+{ord(character):04X}"
            raise QueryWithControlCharacters(character=code, start=at, end=at + 1, suggestion="")


def _is_weight(found: re.Match[str]) -> bool:
    return 0.1 <= float(found[1]) <= 10


class Tokenizer:
    def __init__(self, text: str, *, open_brackets: Sequence[int] = ()) -> None:
        self._text, self._signs = text, read(text)
        self._at = 0
        self._open = [*open_brackets]  # places of the brackets that are not closed yet
        self._tokens: list[Token] = []

    def tokens(self) -> list[Token]:
        tokens = self.tokens_so_far()
        if self._open:
            raise UnclosedBracket(**self._unclosed(self._open[0]))
        return tokens

    def tokens_so_far(self) -> list[Token]:
        """Return the tokens of a query that may go on: its brackets need not be closed."""
        while self._at < len(self._text):
            if self._signs[self._at] == " ":
                self._at += 1
            else:
                self._read_one()
        return self._tokens

    def whole(self, text: str) -> "Tokenizer":
        """Return one for the whole of a query whose beginning this one has read."""
        return Tokenizer(text, open_brackets=self._open)

    def _read_one(self) -> None:
        """Read what begins here, behind a space, the start, an opening bracket or a sign that closes or excludes."""
        sign = self._signs[self._at]
        if sign == CLOSING and self._closes(self._at):
            self._close()
        elif sign == DASH and self._excludes(self._at):
            self._add_sign(Sign.NOT, 1)
            self._read_excluded()
        elif sign == OPENING and self._opens(self._at):
            self._open_bracket()
        elif sign in QUOTES:
            self._read_quote()
        else:
            self._read_word()

    def _read_excluded(self) -> None:
        """Read what a dash stands before; a second dash is text, and so is a keyword."""
        if self._ends(self._at):
            return
        sign = self._signs[self._at]
        if sign == OPENING and self._opens(self._at):
            self._open_bracket()
        elif sign in QUOTES:
            self._read_quote()
        else:
            self._read_word(may_be_keyword=False)

    # Signs

    def _excludes(self, at: int) -> bool:
        behind = self._signs[at + 1 : at + 2]
        return behind != " " and not behind.isdecimal()

    def _opens(self, at: int) -> bool:
        """Say whether a bracket is none of a word: in `(2).jpg` it is, as more than its end follows the closing one."""
        depth = 0
        while at < len(self._signs) and self._signs[at] != " " and depth <= MAX_NESTING:
            sign = self._signs[at]
            if sign in QUOTES and self._signs[at - 1] in "(-:":
                return True
            if is_escape(self._signs, at):
                at += 1
            elif sign == OPENING:
                depth += 1
            elif sign == CLOSING:
                depth -= 1
                if not depth:
                    return self._is_before_end(at + 1)
            at += 1
        return True

    def _closes(self, at: int) -> bool:
        return bool(self._open) and self._is_before_end(at + 1)

    def _ends(self, at: int) -> bool:
        """Say whether a word that reaches to here is at its end."""
        return at == len(self._signs) or self._signs[at] == " " or (self._signs[at] == CLOSING and self._closes(at))

    def _is_before_end(self, at: int) -> bool:
        return at == len(self._signs) or self._signs[at] in _BEFORE_END

    def _open_bracket(self) -> None:
        self._open.append(self._at)
        if len(self._open) > MAX_NESTING:
            raise QueryNestedTooDeep(limit=MAX_NESTING, start=self._at, end=self._at + 1, suggestion=None)
        self._add_sign(Sign.OPEN, 1)

    def _close(self) -> None:
        self._open.pop()
        place = self._forward(1)
        self._tokens.append(Operator(Sign.CLOSE, place, self._read_weight()))

    def _add_sign(self, sign: Sign, length: int) -> None:
        self._tokens.append(Operator(sign, self._forward(length)))

    def _forward(self, length: int) -> Place:
        self._at += length
        return Place(self._at - length, self._at)

    def _read_weight(self) -> Weight | None:
        """Read a weight that stands here; any other `^` is text."""
        found = _WEIGHT.match(self._signs, self._at)
        if found is None or not _is_weight(found):
            return None
        return Weight(float(found[1]), self._forward(len(found[0])))

    def _unclosed(self, at: int) -> dict[str, str | int]:
        sign = self._text[at]
        return {"sign": sign, "start": at, "end": at + 1, "suggestion": "\\" + sign}

    # Words, quotes, filters

    def _read_quote(self) -> None:
        start = self._at
        content = self._quoted()
        place = Place(start, self._at)
        self._tokens.append(Quoted(content, place, self._read_weight()))

    def quote_end(self, at: int) -> int:
        """Return the place behind the quotes that open there. Raises UnclosedQuote."""
        self._at = at
        self._quoted()
        return self._at

    def _quoted(self) -> str:
        """Read the quotes that open here and return what is between them, as it was typed."""
        start = at = self._at
        closing = QUOTES[self._signs[start]]
        at += 1
        while at < len(self._signs):
            if is_escape(self._signs, at):
                at += 1
            elif self._signs[at] == closing and self._is_before_end(at + 1):
                self._at = at + 1
                return self._text[start + 1 : at]
            at += 1
        raise UnclosedQuote(**self._unclosed(start))

    def _read_word(self, *, may_be_keyword: bool = True) -> None:
        start, end = self._at, self.word_end(self._at)
        if self._read_filter(start, end):
            return
        self._at = end
        if may_be_keyword and self._signs[start:end] in _KEYWORDS:
            sign = _KEYWORDS[self._signs[start:end]]
            if sign is not None:
                self._tokens.append(Operator(sign, Place(start, end)))
            return
        weight_at = self._weight_in(start, end)
        self._at = weight_at
        self._tokens.append(Word(unescaped(self._text[start:weight_at]), Place(start, weight_at), self._read_weight()))
        self._at = end

    def word_end(self, at: int) -> int:
        """Return where the word ends that begins here: at a space, or at a bracket that closes one before the word."""
        depth = 0
        while at < len(self._signs) and self._signs[at] != " ":
            if is_escape(self._signs, at):
                at += 1
            elif self._signs[at] == OPENING:
                depth += 1
            elif self._signs[at] == CLOSING and depth:
                depth -= 1
            elif self._signs[at] == CLOSING and self._closes(at):
                return at
            at += 1
        return at

    def _weight_in(self, start: int, end: int) -> int:
        """Return where the weight of a word begins, `end` where it has none."""
        caret = self._signs.rfind("^", start + 1, end)
        found = _WEIGHT.match(self._signs, caret, end) if caret > 0 else None
        if found is None or found.end() < end or self._is_escaped(start, caret):
            return end
        return caret if _is_weight(found) else end

    def _is_escaped(self, start: int, at: int) -> bool:
        while start < at:
            start += 1 + is_escape(self._signs, start)
        return start > at

    def _read_filter(self, start: int, end: int) -> bool:
        """Read a known field with something behind its colon, if that is what stands here."""
        colon = self._signs.find(":", start, end)
        field = field_called(self._signs[start:colon]) if colon > start else None
        if field is None or self._ends(colon + 1):
            return False
        self._at = colon + 1
        box = None
        if self._signs[self._at] in QUOTES:
            value = self._quoted()
        elif field is FieldName.LIKE and (found := _BOX.match(self._signs, self._at)):
            value, self._at = self._text[self._at : found.end()], found.end()
            box = self._box()
        else:
            end = self.word_end(self._at)
            end = self._weight_in(self._at, end) if field in MEANINGS else end
            value, self._at = self._text[self._at : end], end
        place = Place(start, self._at)
        weight = self._read_weight() if field in MEANINGS else None
        self._tokens.append(FieldWithValue(field, value, box, place, colon + 1, weight))
        return True

    def _box(self) -> str:
        start = self._at
        closing = self._signs.find("]", start)
        while closing >= 0 and not self._is_before_end(closing + 1):
            closing = self._signs.find("]", closing + 1)
        if closing < 0:
            raise UnclosedBracket(**self._unclosed(start) | {"suggestion": None})
        self._at = closing + 1
        return self._signs[start + 1 : closing]
