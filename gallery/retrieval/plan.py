"""How a search is answered: what is compared with what, among which images.

A tree becomes alternatives, of which the best one counts for each image. Each is one vector and conditions: what stands
together is added up, its filters, phrases and exclusions are conditions, and OR within it makes an alternative of each
of its sides. Beside a filter in OR, and under NOT, a meaning is a condition too: that an image is meant by it.
"""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import islice, product

from gallery.errors import TooManyMeanings
from gallery.text.tag_names import tag_key

from .exclusions import read_exclusions
from .tree import All, Any, Comparison, Field, Filter, Like, Meaning, Node, Not, Phrase, Region, Text, Weighted

MAX_LEGS = 8  # vectors that one search may compare with all pictures

# Pictures resemble each other more, and spread wider, than they fit words: at equal weights the words next to a picture
# decide nothing. Measured with `offline`, docs/adr/0012.
TEXT_WEIGHT, PICTURE_WEIGHT = 3.0, 1.0


@dataclass(frozen=True, slots=True)
class Part:
    """A meaning, and what its unit vector is multiplied by where it is added to others."""

    meaning: Meaning
    weight: float

    @property
    def like(self) -> Like | None:
        """The image of the library whose likes are asked for."""
        asked = self.meaning.of if isinstance(self.meaning, Region) else self.meaning
        return asked if isinstance(asked, Like) else None


@dataclass(frozen=True, slots=True)
class VectorLeg:
    """Meanings of one encoder that are one vector: the sum of theirs, made a unit vector again."""

    parts: tuple[Part, ...]

    @property
    def is_of_pictures(self) -> bool:
        """Whether it asks for what resembles pictures: then copies come first, and after them what shows the same."""
        return not any(isinstance(part.meaning, Text) for part in self.parts)

    @property
    def liked_ids(self) -> tuple[int, ...]:
        """The images of the library that it asks with."""
        return tuple(like.image_id for like in (part.like for part in self.parts) if like is not None)


@dataclass(frozen=True, slots=True)
class Meant:
    """Only images that a leg is confident of, among all that may be seen; `without_asked`: not those it asks with.

    `is_possible`: also those of which it is not confident, but which it does not rule out.
    """

    leg: VectorLeg
    without_asked: bool = False
    is_possible: bool = False


@dataclass(frozen=True, slots=True)
class Negation:
    """Only images of which this is not true."""

    part: "Condition"


@dataclass(frozen=True, slots=True)
class Conjunction:
    """Only images of which all of these are true."""

    parts: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Disjunction:
    """Only images of which one of these is true."""

    parts: tuple["Condition", ...]


Condition = Filter | Phrase | Meant | Negation | Conjunction | Disjunction
"""Whether an image may be found."""


@dataclass(frozen=True, slots=True)
class Alternative:
    """One vector, and what must be true of the images that it ranks."""

    leg: VectorLeg
    conditions: tuple[Condition, ...] = ()

    @property
    def doubts(self) -> "Doubts | None":
        """How what it ranks is divided by what an excluded text may mean; None where nothing is excluded so."""
        excluded = [each.part for each in self.conditions if isinstance(each, Negation)]
        possible = [each for each in map(_possibly, excluded) if each not in excluded]
        if not possible:
            return None
        sure = tuple(Negation(_possibly(each.part)) if isinstance(each, Negation) else each for each in self.conditions)
        return Doubts(sure, (*self.conditions, _one_of(possible)))

    @property
    def excluded_texts(self) -> tuple[str, ...]:
        """The words of texts that are excluded whatever else is true of an image."""
        excluded = [each.part for each in self.conditions if isinstance(each, Negation)]
        sides = [side for each in excluded for side in (each.parts if isinstance(each, Disjunction) else (each,))]
        parts = [side.leg.parts[0].meaning for side in sides if isinstance(side, Meant) and len(side.leg.parts) == 1]
        return tuple(meaning.words for meaning in parts if isinstance(meaning, Text))


@dataclass(frozen=True, slots=True)
class Doubts:
    """What an alternative ranks, in two parts: what surely shows nothing that is excluded, and what may show it.

    What surely shows it is in neither.
    """

    sure: tuple[Condition, ...]
    doubtful: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """The best of the alternatives counts for each image. Without any, `conditions` say all: there is no order by
    meaning. `excluded` is what sentences exclude in words.
    """

    alternatives: tuple[Alternative, ...]
    conditions: tuple[Condition, ...] = ()
    excluded: tuple[str, ...] = ()

    @property
    def legs(self) -> tuple[VectorLeg, ...]:
        """All that must be a vector, each once."""
        own = [alternative.leg for alternative in self.alternatives]
        return tuple(dict.fromkeys([*own, *(meant.leg for meant in meant_in(self.all_conditions))]))

    @property
    def all_conditions(self) -> tuple[Condition, ...]:
        """Those of the alternatives, too."""
        return self.conditions + tuple(one for each in self.alternatives for one in _conditions_of(each))


def plan(tree: Node) -> Plan:
    """Return how a search is answered: the same for whoever asks it. Raises TooManyMeanings above `MAX_LEGS`.

    What sentences exclude in words is excluded, unless that makes more legs than may be.
    """
    read = read_exclusions(tree)
    with suppress(TooManyMeanings):
        return replace(_planned(read.tree), excluded=read.excluded)
    return _planned(tree)


def _planned(tree: Node) -> Plan:
    if _orders(tree):
        found = Plan(tuple(Alternative(VectorLeg(each.parts), each.conditions) for each in _sums(tree)))
    else:
        found = Plan((), (_condition(tree),))
    if len(found.legs) > MAX_LEGS:
        raise TooManyMeanings(limit=MAX_LEGS)
    return found


def _conditions_of(alternative: Alternative) -> tuple[Condition, ...]:
    doubts = alternative.doubts
    return alternative.conditions if doubts is None else (*alternative.conditions, *doubts.sure)


def _possibly(condition: Condition) -> Condition:
    """Return the condition that this may be true, as far as it asks for the meaning of a text."""
    match condition:
        case Meant(leg) if not leg.is_of_pictures:
            return replace(condition, is_possible=True)
        case Conjunction(parts) | Disjunction(parts):
            return type(condition)(tuple(map(_possibly, parts)))
    return condition


def meant_in(conditions: Iterable[Condition]) -> Iterator[Meant]:
    """Yield what asks for a meaning in conditions, at any depth."""
    return (each for each in _leaves(conditions) if isinstance(each, Meant))


def filters_in(conditions: Iterable[Condition]) -> Iterator[Filter]:
    """Yield the filters in conditions, at any depth."""
    return (each for each in _leaves(conditions) if isinstance(each, Filter))


def conjuncts_of(conditions: Iterable[Condition]) -> Iterator[Condition]:
    """Yield what must all be true, taken apart as far as that goes."""
    for condition in conditions:
        if isinstance(condition, Conjunction):
            yield from conjuncts_of(condition.parts)
        else:
            yield condition


def _leaves(conditions: Iterable[Condition]) -> Iterator[Filter | Phrase | Meant]:
    for condition in conditions:
        match condition:
            case Negation(part):
                yield from _leaves([part])
            case Conjunction(parts) | Disjunction(parts):
                yield from _leaves(parts)
            case _:
                yield condition


@dataclass(frozen=True, slots=True)
class _Sum:
    """What is added up, and what must be true."""

    parts: tuple[Part, ...] = ()
    conditions: tuple[Condition, ...] = ()

    def __add__(self, other: "_Sum") -> "_Sum":
        return _Sum(self.parts + other.parts, self.conditions + other.conditions)


def _orders(node: Node) -> bool:
    """Say whether a part of a query ranks images; else it only says which may be found."""
    if isinstance(node, Weighted):
        return _orders(node.part)
    if isinstance(node, All):
        return any(map(_orders, node.parts))
    if isinstance(node, Any):
        return all(map(_orders, node.parts))
    return isinstance(node, Meaning)


def _sums(node: Node, factor: float = 1.0) -> list[_Sum]:
    """Return the alternatives of a part of a query; of one that ranks each has something to add up.

    Raises TooManyMeanings as soon as there are more than may be.
    """
    if isinstance(node, Meaning):
        return [_Sum((Part(node, factor * _weight(node)),))]
    if isinstance(node, Weighted) and _orders(node):
        return _sums(node.part, factor * node.factor)
    if isinstance(node, Any) and _orders(node):
        return _few(each for part in node.parts for each in _sums(part, factor))
    if isinstance(node, All) and _orders(node):
        found = [_Sum()]
        for part in node.parts:
            found = _few(first + second for first, second in product(found, _sums(part, factor)))
        return found
    return [_Sum(conditions=(_condition(node),))]


def _few(sums: Iterable[_Sum]) -> list[_Sum]:
    found = list(islice(sums, MAX_LEGS + 1))
    if len(found) > MAX_LEGS:
        raise TooManyMeanings(limit=MAX_LEGS)
    return found


def _condition(node: Node, *, is_excluded: bool = False) -> Condition:
    """Return which images a part of a query leaves. What is excluded is so together with what it is asked with."""
    if isinstance(node, Filter | Phrase):
        return node
    if isinstance(node, Not):
        return Negation(_condition(node.part, is_excluded=True))
    if isinstance(node, Text) and is_excluded:
        return _one_of([*map(_meant, _sums(node)), _tagged(node)])
    if isinstance(node, Meaning) or _orders(node):
        return _one_of(_meant(each, without_asked=not is_excluded) for each in _sums(node))
    if isinstance(node, Weighted):
        return _condition(node.part, is_excluded=is_excluded)
    parts = [_condition(part, is_excluded=is_excluded) for part in node.parts]
    return Conjunction(tuple(parts)) if isinstance(node, All) else _one_of(parts)


def _tagged(text: Text) -> Filter:
    """Return the condition that the words of a text are a tag."""
    return Filter(Field.TAG, Comparison.EQUALS, tag_key(text.words))


def _meant(found: _Sum, *, without_asked: bool = False) -> Condition:
    meant = Meant(VectorLeg(found.parts), without_asked)
    return Conjunction((meant, *found.conditions)) if found.conditions else meant


def _one_of(parts: Iterable[Condition]) -> Condition:
    first, *others = parts
    return Disjunction((first, *others)) if others else first


def _weight(meaning: Meaning) -> float:
    return TEXT_WEIGHT if isinstance(meaning, Text) else PICTURE_WEIGHT
