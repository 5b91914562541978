"""Random queries, full of the language's signs, and random trees that queries can ask for."""

import unicodedata
from datetime import date
from uuid import UUID

from hypothesis import strategies as st

from gallery.errors import InvalidInput
from gallery.imaging import LABELS
from gallery.retrieval.query_text import checked_text
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
    State,
    Text,
    Weighted,
)
from gallery.text.folding import folded
from gallery.text.tag_names import tag_key, tag_names

TODAY = date(2026, 11, 28)
KEYWORDS = {"OR", "NOT", "AND", "|", "或", "非"}


def _each(pieces: str) -> tuple[str, ...]:
    return tuple(pieces.split(" "))


_SPACES = (" ", " ", " ", "  ", "，", "、", "；", "\u3000", "\n")
_SIGNS = _each("""" " 「 」 “ ” ＂ ( ) ( ) （ ） [ ] \\ \\ - - – − － ^ ^2 ^0.5 ^20 ＾３ * ＊ : ： > <= .. |""")
_KEYWORDS = (" OR ", " | ", " 或 ", " NOT ", " 非 ", " AND ", "OR", "NOT", "AND", "或", "非", "or", "ＯＲ")
_FIELDS = _each(
    "tag: album: owner: name: text: format: colour: color: is: width: height: pixels: size: taken: added: before: "
    "after: like: picture: TAG: ｔａｇ： taf: 标签: 相册： 主人: 名称: 文字: 格式: 颜色: 宽: 像素: 大小: 拍摄： 像: 是:"
)
_VALUES = _each(
    "2023 2023-05 12M 1.5MB 500 去年 2023年5月 me red 红色 jpeg portrait 横图 123[0.1,0.2,0.5,0.4] 7 0.1 １２ "
    "12345678-1234-1234-1234-123456789abc"
)
_PLAIN = _each("dog cat car a b 猫 海滩 T-shirt C:\\x 27 ! .jpg http://x ß é e\u0301 \u200b \u00ad 😀 ⑴ … ²")
PIECES = (*_SPACES, *_SIGNS, *_KEYWORDS, *_FIELDS, *_VALUES, *_PLAIN)
queries = st.one_of(
    st.lists(st.sampled_from(PIECES), max_size=12).map("".join),
    st.lists(st.sampled_from(PIECES), max_size=40).map("".join),
    st.lists(st.one_of(st.sampled_from(PIECES), st.characters()), max_size=12).map("".join),
)

_words = st.lists(
    st.one_of(st.sampled_from(PIECES), st.characters(exclude_categories=["Cc", "Cs"])), min_size=1, max_size=5
)


def _one_line(text: str) -> str:
    """Return a text as the language keeps it, "" for what it would take for none."""
    line = " ".join(unicodedata.normalize("NFC", text).split())
    return line if folded(line) else ""


def _sentence(text: str) -> str:
    try:
        words = checked_text(text.replace("，", " ").replace("、", " ").replace("；", " "))
    except InvalidInput:
        return ""
    return "" if KEYWORDS & set(unicodedata.normalize("NFKC", words).split()) else words


lines = _words.map("".join).map(_one_line).filter(bool)
sentences = st.lists(_words.map("".join), min_size=1, max_size=3).map(" ".join).map(_sentence).filter(bool)
_keys = _words.map("".join).map(tag_names).filter(bool).map(lambda names: tag_key(names[0]))
_shares = st.floats(0.001, 0.5)
_days = st.one_of(
    st.dates(date(1000, 1, 1), date(9999, 12, 31)),
    st.sampled_from([date(2023, 1, 1), date(2023, 12, 31), date(2024, 2, 29), date(2023, 5, 1), date(9999, 12, 31)]),
)
_numbers = st.one_of(st.integers(0, 10**15), st.sampled_from([0, 999, 1000, 10**6, 1_500_000, 10**9, 12_000_000]))
_ONE_SIDED = st.sampled_from([Comparison.LESS, Comparison.AT_MOST, Comparison.GREATER, Comparison.AT_LEAST])
_SIZES = st.sampled_from([Field.WIDTH, Field.HEIGHT, Field.PIXELS, Field.SIZE])


def _of(field: Field, comparison: Comparison, values: st.SearchStrategy) -> st.SearchStrategy[Filter]:
    return st.builds(Filter, st.just(field), st.just(comparison), values)


def _is_two_numbers(wanted: Filter) -> bool:
    return wanted.value.least < wanted.value.most


_pieces = st.tuples(lines.map(lambda text: text + " "), lines, st.just(""))
filters = st.one_of(
    _of(Field.TAG, Comparison.EQUALS, _keys),
    _of(Field.ALBUM, Comparison.EQUALS, lines),
    _of(Field.OWNER, Comparison.EQUALS, lines.filter(lambda name: name.lower() not in ("me", "我"))),
    _of(Field.OWNER, Comparison.EQUALS, st.just("me")),
    _of(Field.NAME, Comparison.CONTAINS, lines),
    _of(Field.NAME, Comparison.MATCHES, st.builds(NameWithGaps, _pieces)),
    _of(Field.TEXT, Comparison.CONTAINS, lines),
    _of(Field.FORMAT, Comparison.EQUALS, st.sampled_from(list(LABELS))),
    _of(Field.COLOUR, Comparison.EQUALS, st.sampled_from(["red", "grey", "brown"])),
    _of(Field.IS, Comparison.EQUALS, st.sampled_from(list(State))),
    st.builds(Filter, _SIZES, st.one_of(_ONE_SIDED, st.just(Comparison.EQUALS)), _numbers),
    st.builds(
        lambda field, ends: Filter(field, Comparison.WITHIN, NumberRange(*sorted(ends))),
        _SIZES,
        st.tuples(_numbers, _numbers),
    ).filter(_is_two_numbers),
    st.builds(Filter, st.sampled_from([Field.TAKEN, Field.ADDED]), _ONE_SIDED, _days),
    st.builds(
        lambda field, ends: Filter(field, Comparison.WITHIN, Period(*sorted(ends))),
        st.sampled_from([Field.TAKEN, Field.ADDED]),
        st.tuples(_days, _days),
    ),
    st.builds(Filter, st.just(Field.DATE), st.sampled_from([Comparison.LESS, Comparison.GREATER]), _days),
)
_likes = st.builds(Like, st.integers(0, 10**18 - 1))
leaves: st.SearchStrategy[Node] = st.one_of(
    st.builds(Text, sentences),
    st.builds(Text, sentences),
    st.builds(Phrase, lines),
    filters,
    _likes,
    st.builds(Picture, st.integers(0, 2**128 - 1).map(lambda number: UUID(int=number))),
    st.builds(Region, _likes, st.builds(Box, _shares, _shares, _shares, _shares)),
)


def _larger(nodes: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    several = st.lists(nodes, min_size=2, max_size=4).map(tuple)
    weights = st.one_of(st.floats(0.1, 10), st.sampled_from([0.5, 2.0, 10.0]))
    weighable = nodes.filter(lambda node: not isinstance(node, Not))
    return st.one_of(
        st.builds(All, several), st.builds(Any, several), st.builds(Not, nodes), st.builds(Weighted, weighable, weights)
    )


def meanings_in(node: Node) -> int:
    if isinstance(node, All | Any):
        return sum(map(meanings_in, node.parts))
    if isinstance(node, Not | Weighted):
        return meanings_in(node.part)
    return int(isinstance(node, Text | Like | Picture | Region))


trees = st.recursive(leaves, _larger, max_leaves=8).filter(lambda tree: meanings_in(tree) <= 8)
