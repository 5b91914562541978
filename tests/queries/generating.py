"""Random queries as people type them: every construct of the language, in both languages."""

import random
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from gallery.errors import TooManyMeanings
from gallery.retrieval.request import Order, SearchRequest

from .library import OWNERS, TAGS, WITHOUT_PICTURES, Library

TODAY = date(2026, 11, 28)
MAX_TOP = 10_000


class Construct(StrEnum):
    """What section 4 of the contract names, each by itself."""

    WORDS = "words"
    PHRASE = "phrase"
    GROUP = "group"
    DASH = "-"
    NOT = "NOT"
    OR = "OR"
    AND = "AND"
    WEIGHT = "weight"
    ESCAPE = "backslash"
    TAG = "tag:"
    TAGS = "tag: with a comma"
    ALBUM = "album:"
    OWNER = "owner:"
    ME = "owner:me"
    NAME = "name:"
    NAME_GAPS = "name: with *"
    TEXT = "text:"
    FORMAT = "format:"
    COLOUR = "colour:"
    IS = "is:"
    WIDTH = "width:"
    HEIGHT = "height:"
    PIXELS = "pixels:"
    SIZE = "size:"
    TAKEN = "taken:"
    ADDED = "added:"
    BEFORE = "before:"
    AFTER = "after:"
    LIKE = "like:"
    BOX = "like: with a box"
    PICTURE = "picture:"
    COMPARED = "< <= > >="
    RANGE = ".."
    CHINESE_FIELD = "Chinese field"
    CHINESE_VALUE = "Chinese value"
    CHINESE_SIGN = "Chinese sign"


@dataclass(frozen=True, slots=True)
class Query:
    text: str
    constructs: frozenset[Construct]
    is_chinese: bool
    order: Order


@dataclass(frozen=True, slots=True)
class Written:
    """A piece of a query, and what is in it; `meanings` is how many sentences and pictures it asks with, about."""

    text: str
    constructs: frozenset[Construct]
    meanings: int = 0
    has_weight: bool = False


ENGLISH_WORDS = (
    *("red", "lime", "blue", "yellow", "black", "white", "gray"),
    *(
        "red car",
        "blue sea",
        "snow",
        "a house at the beach",
        "white wall",
        "T-shirt",
        "12:30",
        "foo:bar",
        "IMG (2).jpg",
    ),
)
CHINESE_WORDS = ("海滩", "红色汽车", "雪地里的房子", "猫", "狗", "蓝天", "发票", "白 墙")
PHRASES = ("for sale", "beach", "IMG", "red", "Café", "exact phrase", "sunny day", "Trip", "secret")
CHINESE_PHRASES = ("红色", "发票", "海滩", "照片", "旅行", "假期")
FIELDS = {
    **{Construct.TAG: "标签", Construct.TAGS: "标签", Construct.ALBUM: "相册", Construct.OWNER: "主人"},
    **{Construct.ME: "主人", Construct.NAME: "名称", Construct.NAME_GAPS: "名称", Construct.TEXT: "文字"},
    **{Construct.FORMAT: "格式", Construct.COLOUR: "颜色", Construct.IS: "是", Construct.WIDTH: "宽"},
    **{Construct.HEIGHT: "高", Construct.PIXELS: "像素", Construct.SIZE: "大小", Construct.TAKEN: "拍摄"},
    **{Construct.ADDED: "添加", Construct.BEFORE: "早于", Construct.AFTER: "晚于", Construct.LIKE: "像"},
    **{Construct.BOX: "像", Construct.PICTURE: "图"},
}
STATES = {
    **{"portrait": "竖图", "landscape": "横图", "square": "方图", "private": "私有", "shared": "共享"},
    **{"public": "公开", "pending": "等待", "failed": "失败", "animated": "动图", "untagged": "无标签"},
    "favourite": "收藏",
}
COLOURS = {"red": "红", "grey": "灰色", "blue": "蓝", "white": "白色", "black": "黑", "green": "绿", "yellow": "黄色"}
PERIODS = ("2019", "2023", "2023-05", "2021-01-01", "2020-02-29", "2022/7", "2024.11.3")
CHINESE_PERIODS = ("2023年", "2022年5月", "2021年1月1日", "去年", "今年", "上个月")
SIGNS_OF_CHINESE = str.maketrans({":": "：", "(": "（", ")": "）", ">": "＞", "<": "＜"})
MOST_MEANINGS = 4


def generated(count: int, *, library: Library, seed: int = 1) -> list[Query]:
    """Return so many queries, the same for the same seed; none asks for more meanings than may be."""
    writer = Writer(random.Random(seed), library)
    found: list[Query] = []
    while len(found) < count:
        query = writer.query()
        if _is_few_meanings(query.text):
            found.append(query)
    return found


def _is_few_meanings(text: str) -> bool:
    try:
        SearchRequest.of(query=text, today=TODAY, max_top=MAX_TOP)
    except TooManyMeanings:
        return False
    return True


def counted(queries: Iterable[Query]) -> Counter[Construct]:
    return Counter(construct for query in queries for construct in query.constructs)


class Writer:
    """Writes queries; `_is_chinese` says how the present one is written."""

    def __init__(self, source: random.Random, library: Library) -> None:
        self._source, self._library = source, library
        self._is_chinese = False

    def query(self) -> Query:
        self._is_chinese = self._source.random() < 0.36
        parts: list[Written] = []
        for _ in range(self._source.choices((1, 2, 3, 4, 5, 6), (10, 22, 28, 22, 12, 6))[0]):
            part = self._part(meanings=MOST_MEANINGS - sum(each.meanings for each in parts))
            parts.append(part)
        joined = self._together(parts)
        text, constructs = joined.text, joined.constructs
        if self._is_chinese and self._source.random() < 0.5 and not constructs & {Construct.ESCAPE, Construct.WORDS}:
            translated = text.translate(SIGNS_OF_CHINESE)
            constructs = constructs | {Construct.CHINESE_SIGN} if translated != text else constructs
            text = translated
        order = Order.RELEVANCE if self._source.random() < 0.6 else self._source.choice(list(Order))
        return Query(text, constructs, self._is_chinese, order)

    def _together(self, parts: Sequence[Written]) -> Written:
        text = parts[0].text
        constructs = frozenset[Construct]().union(*(part.constructs for part in parts))
        for part in parts[1:]:
            space = " "
            if self._is_chinese and self._source.random() < 0.3:
                space, constructs = self._source.choice("，、；"), constructs | {Construct.CHINESE_SIGN}
            elif self._source.random() < 0.03:
                space, constructs = " AND ", constructs | {Construct.AND}
            text += space + part.text
        return Written(text, constructs, sum(part.meanings for part in parts))

    def _part(self, *, meanings: int) -> Written:
        shapes: list[tuple[Callable[[int], Written], int]] = [(self._filter, 16), (self._phrase, 2)]
        shapes += [(self._excluded, 4), (self._alternatives, 3), (self._with_noise, 2)]
        if meanings > 0:
            shapes += [(self._words, 5), (self._weighted, 3), (self._like, 3), (self._group, 3), (self._escaped, 2)]
        shape = self._source.choices([each for each, _ in shapes], [weight for _, weight in shapes])[0]
        return shape(meanings)

    # Shapes

    def _words(self, _meanings: int = 1) -> Written:
        words = CHINESE_WORDS if self._is_chinese else ENGLISH_WORDS
        return Written(self._source.choice(words), frozenset({Construct.WORDS}), 1)

    def _word(self) -> Written:
        words = [word for word in (CHINESE_WORDS if self._is_chinese else ENGLISH_WORDS) if " " not in word]
        return Written(self._source.choice(words), frozenset({Construct.WORDS}), 1)

    def _escaped(self, _meanings: int = 1) -> Written:
        text = self._source.choice((r"\-dog", r"tag\:x", r"\"red\"", r"C:\photos", r"\(a\)"))
        return Written(text, frozenset({Construct.WORDS, Construct.ESCAPE}), 1)

    def _phrase(self, _meanings: int = 0) -> Written:
        phrase = self._source.choice(CHINESE_PHRASES if self._is_chinese else PHRASES)
        kinds = ["“”", "「」", '""'] if self._is_chinese else ['""', '""', "“”"]
        opening, closing = self._source.choice(kinds)
        is_chinese_sign = {Construct.CHINESE_SIGN} if opening != '"' else set()
        return Written(f"{opening}{phrase}{closing}", frozenset({Construct.PHRASE, *is_chinese_sign}))

    def _group(self, meanings: int) -> Written:
        first = self._words()
        others = [self._simple(meanings - 1) for _ in range(self._source.choice((0, 1, 1, 2)))]
        parts = [first, *others]
        self._source.shuffle(parts)
        inner = self._together(parts)
        return Written(f"({inner.text})", inner.constructs | {Construct.GROUP}, inner.meanings)

    def _simple(self, meanings: int) -> Written:
        shapes = [self._filter, self._filter, self._phrase, *([self._words] if meanings > 0 else [])]
        return self._source.choice(shapes)(meanings)

    def _excluded(self, meanings: int) -> Written:
        shapes = [self._filter, self._filter, self._phrase]
        if meanings > 0:
            shapes += [lambda _: self._word(), lambda _: self._word(), self._like, self._group]
        atom = self._source.choice(shapes)(meanings)
        construct, sign = self._source.choice(((Construct.DASH, "-"), (Construct.NOT, "NOT ")))
        if construct is Construct.NOT and self._is_chinese:
            sign = "非 "
        return Written(sign + atom.text, atom.constructs | {construct}, atom.meanings)

    def _alternatives(self, meanings: int) -> Written:
        """Return what OR joins: words and filters alike, two or three of them."""
        sides = [self._side(meanings) for _ in range(self._source.choice((2, 2, 3)))]
        sign = self._source.choice((" OR ", " OR ", " | ", " 或 "))
        text = sign.join(side.text for side in sides)
        constructs = frozenset[Construct]().union(*(side.constructs for side in sides))
        is_bracketed = self._source.random() < 0.3
        return Written(
            f"({text})" if is_bracketed else text,
            constructs | {Construct.OR} | ({Construct.GROUP} if is_bracketed else set()),
            sum(side.meanings for side in sides),
        )

    def _side(self, meanings: int) -> Written:
        shapes = [self._filter, self._phrase] if meanings < 2 else [self._filter, self._words, self._words, self._group]
        side = self._source.choice(shapes)(1)
        if self._source.random() < 0.1 and " " not in side.text:
            return Written(f"-{side.text}", side.constructs | {Construct.DASH}, side.meanings)
        return side

    def _with_noise(self, meanings: int) -> Written:
        first, second = self._simple(meanings), self._filter()
        return Written(
            f"{first.text} AND {second.text}", first.constructs | second.constructs | {Construct.AND}, first.meanings
        )

    def _weighted(self, meanings: int) -> Written:
        shapes = [lambda _: self._word(), lambda _: self._word(), self._group, self._phrase, self._like]
        part = self._source.choice(shapes)(meanings)
        factor = self._source.choice(("2", "0.5", "10", ".1", "1.25"))
        return Written(f"{part.text}^{factor}", part.constructs | {Construct.WEIGHT}, part.meanings, has_weight=True)

    # Pictures

    def _like(self, _meanings: int = 1) -> Written:
        kind = self._source.choice((Construct.LIKE, Construct.LIKE, Construct.BOX, Construct.PICTURE))
        if kind is Construct.PICTURE:
            return self._field(kind, "picture", str(self._source.choice(self._library.pictures)), meanings=1)
        if kind is Construct.LIKE:
            return self._field(kind, "like", str(self._source.choice(self._library.image_ids)), meanings=1)
        box = self._source.choice(("[0,0,0.5,0.5]", "[.5,0.25,.5,.5]", "[0.1,0.2,0.5,0.4]", "[0 0 1 1]"))
        image_id = self._source.choice(self._library.with_files)
        return self._field(kind, "like", f"{image_id}{box}", meanings=1)

    # Filters

    def _filter(self, _meanings: int = 0) -> Written:
        return self._source.choice(
            (
                *(self._tag, self._tag, self._tags, self._album, self._album, self._owner, self._me, self._name),
                *(self._name_gaps, self._text, self._format, self._colour, self._state, self._state, self._state),
                *(
                    self._side_px,
                    self._side_px,
                    self._pixels,
                    self._size,
                    self._date,
                    self._date,
                    self._bound,
                    self._bound,
                ),
            )
        )()

    def _field(self, construct: Construct, name: str, value: str, *more: Construct, meanings: int = 0) -> Written:
        constructs = {construct, *more}
        if self._is_chinese and self._source.random() < 0.8:
            name = FIELDS[construct]
            constructs.add(Construct.CHINESE_FIELD)
        elif self._source.random() < 0.1:
            name = name.upper()
        return Written(f"{name}:{value}", frozenset(constructs), meanings)

    def _text_value(self, value: str) -> str:
        return f'"{value}"' if " " in value or self._source.random() < 0.1 else value

    def _tag(self) -> Written:
        return self._field(Construct.TAG, "tag", self._text_value(self._source.choice((*TAGS, "cafe", "nobody"))))

    def _tags(self) -> Written:
        first, second = self._source.sample([tag for tag in TAGS if " " not in tag], 2)
        return self._field(Construct.TAGS, "tag", f"{first},{second}", Construct.TAG)

    def _album(self) -> Written:
        titles = ("Trip 1", "trip 1", "Family", "旅行", "Cafe", "Trip 1", "旅行", "Secret beach", "no such album")
        return self._field(Construct.ALBUM, "album", self._text_value(self._source.choice(titles)))

    def _owner(self) -> Written:
        names = (*OWNERS[:3], *OWNERS, *WITHOUT_PICTURES, "nobody")
        return self._field(Construct.OWNER, "owner", self._source.choice(names))

    def _me(self) -> Written:
        if self._is_chinese and self._source.random() < 0.5:
            return self._field(Construct.ME, "owner", "我", Construct.CHINESE_VALUE)
        return self._field(Construct.ME, "owner", self._source.choice(("me", "me", "ME")))

    def _name(self) -> Written:
        part = self._source.choice(("IMG", "img_00", "DSC", "Zurich", "照片", ".jpg", "(copy)", "9", "beach"))
        return self._field(Construct.NAME, "name", self._text_value(part))

    def _name_gaps(self) -> Written:
        pattern = self._source.choice(
            ("IMG*", "*.jpg", "dsc*1*", '"照片 *"', "*beach*", "Trip-*.PNG", r"_MG_*\**", "*")
        )
        return self._field(Construct.NAME_GAPS, "name", pattern, Construct.NAME)

    def _text(self) -> Written:
        words = ("INVOICE", "invoise", "for sale", "forsale", "发票", "增值税发粟", "holiday", "2023", "inn", "secret")
        return self._field(Construct.TEXT, "text", self._text_value(self._source.choice(words)))

    def _format(self) -> Written:
        names = ("jpeg", "jpg", "JPEG", "png", "gif", "webp", "tiff", "heic")
        return self._field(Construct.FORMAT, "format", self._source.choice(names))

    def _colour(self) -> Written:
        name = self._source.choice(("colour", "color"))
        english, chinese = self._source.choice(list(COLOURS.items()))
        if self._is_chinese:
            return self._field(Construct.COLOUR, name, chinese, Construct.CHINESE_VALUE)
        return self._field(Construct.COLOUR, name, english)

    def _state(self) -> Written:
        english, chinese = self._source.choice(list(STATES.items()))
        if self._is_chinese:
            return self._field(Construct.IS, "is", chinese, Construct.CHINESE_VALUE)
        return self._field(Construct.IS, "is", english)

    def _side_px(self) -> Written:
        construct, name = self._source.choice(((Construct.WIDTH, "width"), (Construct.HEIGHT, "height")))
        return self._compared(construct, name, ("64", "480", "500", "640", "1000", "1080px", "2000"))

    def _pixels(self) -> Written:
        return self._compared(Construct.PIXELS, "pixels", ("0.25M", "307200", "960000", "1M", "2mp", "6M"))

    def _size(self) -> Written:
        return self._compared(Construct.SIZE, "size", ("900", "40KB", "480000", "0.5MB", "1MB", "5MB"))

    def _date(self) -> Written:
        construct, name = self._source.choice(((Construct.TAKEN, "taken"), (Construct.ADDED, "added")))
        if self._is_chinese and self._source.random() < 0.5:
            return self._compared(construct, name, CHINESE_PERIODS, Construct.CHINESE_VALUE)
        return self._compared(construct, name, PERIODS)

    def _bound(self) -> Written:
        construct, name = self._source.choice(((Construct.BEFORE, "before"), (Construct.AFTER, "after")))
        return self._field(construct, name, self._source.choice(PERIODS))

    def _compared(self, construct: Construct, name: str, values: Sequence[str], *more: Construct) -> Written:
        first, second = self._source.choice(values), self._source.choice(values)
        written: list[tuple[str, tuple[Construct, ...]]] = [(first, ())]
        written += [(sign + first, (Construct.COMPARED,)) for sign in (">", "<", ">=", "<=")]
        written += [(f"{first}..", (Construct.RANGE,)), (f"..{second}", (Construct.RANGE,))]
        is_rising = values.index(first) <= values.index(second) and values not in (PERIODS, CHINESE_PERIODS)
        if is_rising and (not first.isdecimal() or second.isdecimal()):  # else the first one has the second one's unit
            written.append((f"{first}..{second}", (Construct.RANGE,)))
        if values is PERIODS:
            written.append(("2020..2022-06", (Construct.RANGE,)))
        value, constructs = self._source.choice(written)
        return self._field(construct, name, value, *more, *constructs)
