"""Traditional characters as simplified ones, which the words of the encoders are written in."""

import re
from functools import lru_cache
from typing import Any

from .emoji_names import has_chinese

KANA = re.compile(r"[\u3041-\u30ff]")
LAST_COMMON = "\uffff"  # simplified forms beyond are so rare that nobody types them


def simplified(text: str) -> str:
    """Return `text` with simplified characters in place of traditional ones: 黑貓 as 黑猫. Japanese stays as it is."""
    if not has_chinese(text) or KANA.search(text):
        return text
    simple: str = _converter().convert(text)
    if len(simple) != len(text):
        return simple
    return "".join(new if new <= LAST_COMMON else old for old, new in zip(text, simple, strict=True))


@lru_cache(maxsize=1)
def _converter() -> Any:
    """Return OpenCC for characters; its rules for Taiwan's words change some that are the same in both."""
    import opencc  # noqa: PLC0415 -- slow import: a table that texts without Chinese need not wait for

    return opencc.OpenCC("t2s")
