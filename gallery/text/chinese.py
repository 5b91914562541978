"""Chinese in simplified characters, which the words of the encoders are written in, and in traditional ones."""

import re
from functools import lru_cache
from typing import Any

from .emoji_names import has_chinese

KANA = re.compile(r"[\u3041-\u30ff]")
SIMPLIFIED, TRADITIONAL = "t2s", ("s2t", "s2tw")  # OpenCC's names
LAST_COMMON = "\uffff"  # simplified forms beyond are so rare that nobody types them


def simplified(text: str) -> str:
    """Return `text` with simplified characters in place of traditional ones: 黑貓 as 黑猫. Japanese stays as it is."""
    if not has_chinese(text) or KANA.search(text):
        return text
    simple: str = _converter(SIMPLIFIED).convert(text)
    if len(simple) != len(text):
        return simple
    return "".join(new if new <= LAST_COMMON else old for old, new in zip(text, simple, strict=True))


def written_otherwise(text: str) -> frozenset[str]:
    """Return `text` as it is, in simplified and in traditional characters: what is the same to who searches.

    One simplified character may stand for several others; which of them is told by the word that it is in: 头发 is
    頭髮, 出发 is 出發. Taiwan and others write some of them differently: 麵, 麪.
    """
    if not has_chinese(text) or KANA.search(text):
        return frozenset({text})
    simple = simplified(text)
    return frozenset({text, simple, *(_converter(kind).convert(simple) for kind in TRADITIONAL)})


@lru_cache(maxsize=4)
def _converter(kind: str) -> Any:
    """Return OpenCC for characters; its rules for Taiwan's words change some that are the same in both."""
    import opencc  # noqa: PLC0415 -- slow import: a table that texts without Chinese need not wait for

    return opencc.OpenCC(kind)
