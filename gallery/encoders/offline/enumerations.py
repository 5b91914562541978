"""Texts that name several things: “a dog and a cat”, “面包和披萨”."""

import re
from collections.abc import Collection

_JOINT = re.compile(r"\s*(?:[,，、&]|\band\b|\bor\b|和|与|或|及|跟)\s*", re.IGNORECASE)
_ARTICLE = re.compile(r"^(?:an?|the|some|one)\s+|^一?[只个辆条匹头张把杯盘艘架]", re.IGNORECASE)


def named_things(text: str, *, known: Collection[str]) -> list[str]:
    """Return the parts of a text that is nothing but known phrases joined by “and”, “or”, a comma, 和; else none.

    `known` are phrases in lower case; a plural counts as its singular.
    """
    parts = [without_article(part) for part in _JOINT.split(text.strip()) if part]
    is_known = all(part.lower() in known or part.lower().removesuffix("s") in known for part in parts)
    return parts if len(parts) > 1 and is_known else []


def without_article(text: str) -> str:
    """Return “cat” for “a cat”, 猫 for 一只猫."""
    return _ARTICLE.sub("", text.strip())
