"""Texts that name things by number or colour, or several things at once, and how well a picture fits.

“two dogs”, “三只猫”, “red car”, “a dog and a cat”: what was recognised in a picture says more of these than its vector
does. It is an order among what is found, never an exclusion: a detector errs (docs/adr/0028).
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cache

from gallery.encoders.abilities import Thing
from gallery.encoders.offline.colours import CHINESE, ENGLISH

from .fusion import Hit
from .query_text import sentence_of
from .thing_words import COMPOUNDS, THING_WORDS

MOST = 10  # nobody counts further at a glance, a small detector least of all

_NUMBERS = {
    **{"one": 1, "two": 2, "three": 3, "four": 4, "five": 5},
    **{"six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10},
}
_HANZI_NUMBERS = {hanzi: number for number, hanzi in enumerate("一二三四五六七八九十", 1)} | {"两": 2, "俩": 2}
_PAIR = re.compile(r"\b(?:an? )?(?:pair|couple) of\b")
_COLOUR_AND = re.compile(rf"\b({'|'.join(ENGLISH)}) and (?=(?:{'|'.join(ENGLISH)})\b)")
_WORD = re.compile(r"[a-z]+|\d+")
# Behind one of these words begins what is said of the next thing.
_BREAKS = frozenset(
    [
        *("a", "an", "the", "and", "or", "with", "in", "on", "at", "of", "to", "by", "from", "near", "beside", "under"),
        *("behind", "over", "for", "is", "are", "riding", "holding", "wearing"),
    ]
)
_NEGATIONS = frozenset(["no", "not", "without", "never", "except"])
_DETERMINER = re.compile(r"^(?:any|an?|the|some)\s+")
_OR = re.compile(r"\bor\b|或")
_MEASURES = "只条辆个匹头位名张把杯瓶本台部架艘盆块根支朵对双件座顶副盏口株"
_PAIR_MEASURES = "对双"
_HANZI_BREAK = re.compile(r"[，、。；,;\s和与及或跟在上里下旁]")
_HANZI_COUNT = re.compile(
    rf"(?P<ordinal>第?)(?P<number>\d+|[{''.join(_HANZI_NUMBERS)}百千]+)(?P<measure>[{_MEASURES}]?)(?P<between>\D{{0,6}})$"
)
_HANZI_COLOUR = re.compile(
    rf"(?P<colour>{'|'.join(sorted(CHINESE, key=len, reverse=True))})(?:色?的?|色.{{0,2}})[小大老]?$"
)
_HANZI_NEGATION = re.compile(r"没有|不是|没|无|非")
# A thing of one sign is part of another word unless one of these stands before and behind it.
_BEFORE_ONE = frozenset(
    "的小大老黑白花红黄蓝绿灰棕粉紫橙色几些" + _MEASURES + "和与及或跟、，" + "".join(_HANZI_NUMBERS)
)
_BEHIND_ONE = frozenset("的和与及或跟在里上下、，。是正有吃坐跑站睡")


@dataclass(frozen=True, slots=True)
class AskedThing:
    """A thing that a text names: COCO's name, how many of it (None: some), and its colours (none: any)."""

    name: str
    count: int | None = None
    colours: tuple[str, ...] = ()

    def missed_by(self, things: Sequence[Thing]) -> int:
        """Return how far a picture in which these things were recognised is from what is asked: 0 where it shows it,
        else by how many it has too few or too many. A small detector misses more than it invents, so that the next
        number is more likely right than one far off. A colour is that of most of the thing.
        """
        found = [thing for thing in things if thing.name == self.name]
        if self.colours:
            found = [thing for thing in found if not set(self.colours).isdisjoint(thing.colours[:1])]
        if self.count is not None:
            return abs(len(found) - self.count)
        return int(not any(thing.is_sure or self.colours for thing in found))


def asked_things(text: str) -> tuple[AskedThing, ...]:
    """Return what a text says of things that is more than a name; nothing where it says no more."""
    asked = tuple(dict.fromkeys(_mentions(text.lower())))
    if len({each.name for each in asked}) > 1 and not _OR.search(text.lower()):
        return asked
    return tuple(each for each in asked if each.count is not None or each.colours)


def named_things(text: str) -> frozenset[str]:
    """Return COCO's names of the things that a text names, how many of what colour or not; none that it excludes."""
    return frozenset(each.name for each in _mentions(text.lower()))


def without_numbers(text: str) -> str:
    """Return a text without the numbers that `asked_things` reads in it: “dogs” for “two dogs”, 猫 for 三只猫."""
    for asked in asked_things(text):
        if asked.count is not None:
            text = _said_number(asked.count).sub("", text, count=1)
    return text.strip()


def thing_named(text: str) -> str | None:
    """Return COCO's name of the thing that a text names and says no more of: “a dog”, “dogs”, 狗."""
    word = _DETERMINER.sub("", sentence_of(text).strip().lower())
    return THING_WORDS.one.get(word) or THING_WORDS.several.get(word) or THING_WORDS.chinese.get(word)


def reordered(
    hits: Sequence[Hit],
    things: Mapping[int, Sequence[Thing]],
    asked: Sequence[AskedThing],
    excluded: Set[str] = frozenset(),
) -> list[Hit]:
    """Return the hits, those first in which nothing `excluded` was recognised, and of these those that are nearer to
    what is asked; equal ones, and those of which nobody knows what they show, stay where they are.
    """
    known = [place for place, hit in enumerate(hits) if hit.image_id in things]
    missed = {place: _missed(things[hits[place].image_id], asked, excluded) for place in known}
    order = dict(zip(known, sorted(known, key=missed.__getitem__), strict=True))
    return [hits[order.get(place, place)] for place in range(len(hits))]


def _missed(seen: Sequence[Thing], asked: Sequence[AskedThing], excluded: Set[str]) -> tuple[bool, int]:
    is_there = any(thing.name in excluded for thing in seen)
    return is_there, sum(each.missed_by(seen) for each in asked)


@dataclass(frozen=True, slots=True)
class _Span:
    """Where a thing is named; without a name it is a longer word that is none of the things."""

    start: int
    end: int
    name: str | None
    is_plural: bool = False


def _mentions(text: str) -> Iterator[AskedThing]:
    for spans, asked_of in ((_english_spans(text), _of_english), (_hanzi_spans(text), _of_hanzi)):
        end = 0
        for span in spans:
            if span.name is not None and (asked := asked_of(text[end : span.start], span.name, span)) is not None:
                yield asked
            end = span.end


def _english_spans(text: str) -> list[_Span]:
    spans = []
    for match in _ENGLISH_THING.finditer(text):
        word = match[0]
        is_colour = word in ENGLISH and _ENGLISH_THING.match(text, match.end() + 1)  # an orange cat
        if not is_colour:
            name = THING_WORDS.several.get(word) or THING_WORDS.one[word]
            spans.append(_Span(*match.span(), name, word in THING_WORDS.several))
    return spans


def _of_english(before: str, name: str, span: _Span) -> AskedThing | None:
    words = _WORD.findall(_COLOUR_AND.sub(r"\1 ", _PAIR.sub("two", before)))
    if not _NEGATIONS.isdisjoint(words):
        return None
    last_break = max((place for place, word in enumerate(words) if word in _BREAKS), default=-1)
    said = words[last_break + 1 :]
    numbers = [_NUMBERS.get(word) or int(word) for word in said if word in _NUMBERS or word.isdecimal()]
    colours = tuple(dict.fromkeys(ENGLISH[word] for word in said if word in ENGLISH))
    count = _countable(numbers[-1]) if numbers else None
    return AskedThing(name, count if count == 1 or span.is_plural else None, colours)


def _hanzi_spans(text: str) -> list[_Span]:
    spans = [_Span(*match.span(), THING_WORDS.chinese.get(match[0])) for match in _HANZI_THING.finditer(text)]
    return [span for span in spans if span.end - span.start > 1 or _stands_alone(text, span)]


def _stands_alone(text: str, span: _Span) -> bool:
    before, behind = text[: span.start][-1:], text[span.end : span.end + 1]
    return not (_is_hanzi(before) and before not in _BEFORE_ONE) and not (
        _is_hanzi(behind) and behind not in _BEHIND_ONE
    )


def _is_hanzi(sign: str) -> bool:
    return "\u3400" <= sign <= "\u9fff"


def _of_hanzi(before: str, name: str, _span: _Span) -> AskedThing | None:
    if _HANZI_NEGATION.search(before):
        return None
    said = _HANZI_BREAK.split(before)[-1]
    colour = _HANZI_COLOUR.search(said)
    return AskedThing(name, _hanzi_count(said), (CHINESE[colour["colour"]],) if colour else ())


def _hanzi_count(said: str) -> int | None:
    """Return the number that is said of a thing: with a measure word or right before it. 一只 is no more than “a”."""
    found = _HANZI_COUNT.search(said)
    if found is None or found["ordinal"] or not (found["measure"] or found["between"] == ""):
        return None
    number = found["number"]
    if number == "一":
        return 2 if found["measure"] in _PAIR_MEASURES else None
    return _countable(int(number)) if number.isdecimal() else _HANZI_NUMBERS.get(number)


@cache
def _said_number(count: int) -> re.Pattern[str]:
    english = [word for word, number in _NUMBERS.items() if number == count]
    hanzi = "".join(sign for sign, number in _HANZI_NUMBERS.items() if number == count)
    chinese = rf"(?:(?<!\d){count}(?!\d)|[{hanzi}])(?:[{_MEASURES}](?:的)?)?"
    pair = rf"|(?:an? )?(?:pair|couple) of |一[{_PAIR_MEASURES}]" if count == 2 else ""
    return re.compile(rf"\b(?:{'|'.join([*english, str(count)])})\s+{pair}|{chinese}", re.IGNORECASE)


def _countable(number: int) -> int | None:
    return number if 1 <= number <= MOST else None


def _any_of(words: Iterable[str]) -> str:
    return "|".join(map(re.escape, sorted(words, key=len, reverse=True)))


_ENGLISH_THING = re.compile(rf"\b(?:{_any_of({*THING_WORDS.one, *THING_WORDS.several})})\b")
_HANZI_THING = re.compile(_any_of({*THING_WORDS.chinese, *COMPOUNDS}))
