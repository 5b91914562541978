"""Tokens of a query to its tree. The grammar is specified in `__init__.py`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from gallery.errors import (
    EmptyBrackets,
    EmptyQuery,
    EmptyQuote,
    InvalidFilterValue,
    InvalidInput,
    NothingToExclude,
    QueryNestedTooDeep,
    QueryTooLong,
    TooManyClauses,
    TooManyMeanings,
    WeightOnExclusion,
    placed,
)
from gallery.retrieval.query_text import MAX_CHARACTERS as MAX_SENTENCE_CHARACTERS
from gallery.retrieval.query_text import checked_text
from gallery.retrieval.tree import All, Like, Node, Not, Phrase, Picture, Region, Text, Weighted

from .expected import BOX, EXPECTED
from .fields import MEANINGS
from .hints import Hint, hints_in
from .parts import Kind, Or, Part, joined
from .tokenizer import tokens_of
from .tokens import FieldWithValue, Operator, Place, Quoted, Sign, Token, Weight, Word
from .values import Refused, nodes_of, text_of
from .writing import format

MAX_CLAUSES = 199  # a query of 200 is refused
MAX_MEANINGS = 8  # legs that one search may compare with all pictures


@dataclass(frozen=True, slots=True)
class Reading:
    """What a query asks for, where each node of its tree stands in it, and what may have been meant instead.

    Of nodes that are equal `places` has the first.
    """

    tree: Node
    places: Mapping[Node, Place]
    hints: tuple[Hint, ...]


def parse(text: str, today: date, *, max_sentence_characters: int = MAX_SENTENCE_CHARACTERS) -> Node:
    """Return the tree of a query. Dates such as 去年 are seen from `today`. Raises what `read_query` does."""
    return read_query(text, today, max_sentence_characters=max_sentence_characters).tree


def read_query(text: str, today: date, *, max_sentence_characters: int = MAX_SENTENCE_CHARACTERS) -> Reading:
    """Return the tree of a query with the place of each of its nodes, and hints.

    Raises EmptyQuery, QueryTooLong, QueryWithControlCharacters, QueryWithoutWords and each kind of QueryMistake; all of
    them have a place and a suggestion: see `gallery.errors.query_language`.
    """
    tokens = tokens_of(text)
    parser = _Parser(text, tokens, today, max_sentence_characters)
    tree = parser.tree()
    _check_written(tree, len(text))
    return Reading(tree, parser.places, hints_in(text, tokens, today))


def _check_written(tree: Node, length: int) -> None:
    """Refuse a tree whose own spelling, which may have more signs than the query had, is beyond a limit."""
    try:
        tokens_of(format(tree))
    except (QueryTooLong, QueryNestedTooDeep) as error:
        raise placed(error, start=0, end=length) from None


class _Parser:
    def __init__(self, text: str, tokens: Sequence[Token], today: date, max_sentence_characters: int) -> None:
        self._text, self._tokens, self._today = text, tokens, today
        self._max_sentence_characters = max_sentence_characters
        self._at = 0
        self._clauses = self._meanings = 0
        self.places: dict[Node, Place] = {}

    def tree(self) -> Node:
        tree = self._group()
        if tree is None:
            raise EmptyQuery(start=0, end=len(self._text), suggestion=None)
        return tree

    def _group(self) -> Node | None:
        """Return what stands together up to the end or a closing bracket, None where that is nothing."""
        parts: list[Part | Or] = []
        while (token := self._next()) is not None and not _is(token, Sign.CLOSE):
            self._at += 1
            if isinstance(token, Operator) and token.sign is Sign.OR:
                parts.append(Or(token.place, self._written(token.place)))
            elif isinstance(token, Operator) and token.sign is Sign.NOT:
                parts.append(self._excluded(token.place))
            else:
                parts.append(self._atom(token))
        return joined(parts, self._sentence) if parts else None

    def _next(self) -> Token | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _written(self, place: Place) -> str:
        return self._text[place.start : place.end]

    def _atom(self, token: Token) -> Part:
        if isinstance(token, Word):
            return self._word(token)
        if isinstance(token, Quoted):
            return self._phrase(token)
        if isinstance(token, FieldWithValue):
            return self._filter(token)
        return self._brackets(token.place)

    def _excluded(self, sign: Place) -> Part:
        token = self._next()
        if token is None or (isinstance(token, Operator) and token.sign is not Sign.OPEN):
            raise self._nothing_to_exclude(sign, sign.end)
        self._at += 1
        try:
            atom = self._atom(token)
        except (EmptyQuote, EmptyBrackets) as error:
            if error.details["start"] != token.place.start:
                raise
            raise self._nothing_to_exclude(sign, error.details["end"]) from None
        weight = self._tokens[self._at - 1].weight
        if weight is not None:
            raise _weight_on_exclusion(weight)
        part = self._sentence((atom.word,)) if atom.word else _one(atom.nodes)
        place = Place(sign.start, atom.place.end)
        return Part(Kind.INSIDE, place, (self._at_place(Not(part), place),))

    def _nothing_to_exclude(self, sign: Place, end: int) -> NothingToExclude:
        return NothingToExclude(operator=self._written(sign), start=sign.start, end=end, suggestion="")

    def _brackets(self, opening: Place) -> Part:
        node = self._group()
        closing = self._tokens[self._at]  # there is one: the tokenizer saw to it
        self._at += 1
        place = Place(opening.start, closing.place.end)
        if node is None:
            raise EmptyBrackets(start=place.start, end=place.end, suggestion="")
        if isinstance(node, Not) and closing.weight:
            raise _weight_on_exclusion(closing.weight)
        return Part(Kind.ENDING, place, (self._weighted(node, place, closing.weight),), ends_run=True)

    def _weighted(self, node: Node, place: Place, weight: Weight | None) -> Node:
        return node if weight is None else self._at_place(Weighted(node, weight.factor), place)

    def _word(self, word: Word) -> Part:
        if word.weight is None:
            return Part(Kind.WORD, word.place, word=word)
        node = self._weighted(self._sentence((word,)), word.place, word.weight)
        return Part(Kind.ENDING, word.place, (node,), ends_run=True)

    def _sentence(self, words: Sequence[Word]) -> Node:
        place = Place(words[0].place.start, words[-1].place.end)
        text = " ".join(word.text for word in words)
        try:
            checked = checked_text(text, max_characters=self._max_sentence_characters)
        except InvalidInput as error:
            raise placed(error, start=place.start, end=place.end) from None
        return self._leaf(Text(checked), place)

    def _phrase(self, quoted: Quoted) -> Part:
        text = text_of(quoted.text)
        if not text:
            raise EmptyQuote(start=quoted.place.start, end=quoted.place.end, suggestion="")
        node = self._weighted(self._leaf(Phrase(text), quoted.place), quoted.place, quoted.weight)
        return Part(Kind.NARROWING, quoted.place, (node,), ends_run=quoted.weight is not None)

    def _filter(self, token: FieldWithValue) -> Part:
        nodes = nodes_of(token.field, token.value, token.box, today=self._today)
        if isinstance(nodes, Refused):
            raise self._invalid_value(token, nodes)
        leaves = tuple(self._leaf(node, token.place) for node in nodes)
        if token.field not in MEANINGS:
            return Part(Kind.NARROWING, token.place, leaves)
        node = self._weighted(_one(leaves), token.place, token.weight)
        kind = Kind.INSIDE if token.weight is None else Kind.ENDING
        return Part(kind, token.place, (node,), ends_run=token.weight is not None)

    def _invalid_value(self, token: FieldWithValue, refused: Refused) -> InvalidFilterValue:
        """The place is the whole filter; what is suggested there has the field as it was typed."""
        typed = self._text[token.place.start : token.value_at]
        return InvalidFilterValue(
            filter=self._written(token.place),
            expected=EXPECTED[token.field] if token.box is None else BOX,
            start=token.place.start,
            end=token.place.end,
            suggestion=None if refused.suggestion is None else typed + refused.suggestion,
        )

    def _leaf(self, node: Node, place: Place) -> Node:
        """Count one more part of the query, which stands there. Raises TooManyClauses, TooManyMeanings."""
        self._clauses += 1
        self._meanings += isinstance(node, Text | Like | Picture | Region)
        if self._clauses > MAX_CLAUSES:
            raise TooManyClauses(limit=MAX_CLAUSES, start=place.start, end=place.end, suggestion=None)
        if self._meanings > MAX_MEANINGS:
            raise TooManyMeanings(limit=MAX_MEANINGS, start=place.start, end=place.end, suggestion=None)
        return self._at_place(node, place)

    def _at_place(self, node: Node, place: Place) -> Node:
        self.places.setdefault(node, place)
        return node


def _is(token: Token, sign: Sign) -> bool:
    return isinstance(token, Operator) and token.sign is sign


def _one(nodes: tuple[Node, ...]) -> Node:
    return nodes[0] if len(nodes) == 1 else All(nodes)


def _weight_on_exclusion(weight: Weight) -> WeightOnExclusion:
    return WeightOnExclusion(
        weight=f"^{weight.factor:g}", start=weight.place.start, end=weight.place.end, suggestion=""
    )
