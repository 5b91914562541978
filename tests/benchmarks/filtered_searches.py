"""Searches with three filters each, of all selectivities, no two alike: each has to be answered from the beginning."""

import random
from collections.abc import Callable

SEED = 15
WIDE: tuple[tuple[str, Callable[[random.Random], str]], ...] = (
    ("format", lambda _by: "format:jpeg"),
    ("is", lambda by: by.choice(("is:landscape", "is:portrait"))),
    ("width", lambda by: f"width:>{by.randrange(400, 2_000)}"),
    ("height", lambda by: f"height:<={by.randrange(3_500, 5_900)}"),
    ("pixels", lambda by: f"pixels:>{by.randrange(500_000, 4_000_000)}"),
    ("size", lambda by: f"size:>{by.randrange(100, 3_000)}KB"),
    ("taken", lambda by: f"taken:{by.randrange(2013, 2017)}..{by.randrange(2022, 2026)}"),
    ("added", lambda by: f"added:>{by.randrange(2015, 2018)}-{by.randrange(1, 13):02}"),
)
MIDDLING: tuple[tuple[str, Callable[[random.Random], str]], ...] = (
    ("is", lambda by: by.choice(("is:public", "is:private", "is:shared", "is:untagged"))),
    ("width", lambda by: f"width:{by.randrange(1_000, 2_500)}..{by.randrange(2_600, 5_000)}"),
    ("size", lambda by: f"size:<{by.randrange(2_000, 6_000)}KB"),
    ("taken", lambda by: f"taken:{by.randrange(2015, 2025)}"),
    ("added", lambda by: f"before:{by.randrange(2017, 2023)}"),
    ("tag", lambda by: f'tag:"tag {by.randrange(1, 5)}"'),
    ("name", lambda by: f"name:{by.choice(('IMG', 'DSC', '日落', '微信', 'Screenshot'))}"),
    ("format", lambda by: by.choice(("format:png", "format:heif"))),
)
NARROW: tuple[tuple[str, Callable[[random.Random], str]], ...] = (
    ("tag", lambda by: f'tag:"tag {5 * by.randrange(1, 30) + 1}"'),
    ("tag", lambda by: f'tag:"标签 {5 * by.randrange(1, 30)}"'),
    ("added", lambda by: f"added:{by.randrange(2015, 2025)}-{by.randrange(1, 13):02}"),
    ("owner", lambda by: f"owner:owner{by.randrange(12)}"),
    ("width", lambda by: f"width:>{by.randrange(5_400, 5_900)}"),
)


def filters(number: int) -> str:
    """Return the three filters of one search: a wide, a middling and any other one, of three fields."""
    by = random.Random(SEED * 1_000_003 + number)
    chosen: dict[str, str] = {}
    for pool in (WIDE, MIDDLING, (WIDE, WIDE, MIDDLING, NARROW)[number % 4]):
        field, spelled = by.choice([each for each in pool if each[0] not in chosen])
        chosen[field] = spelled(by)
    return " ".join(chosen.values())


def query(kind: str, number: int, *, meanings: int) -> str:
    """Return what stands in the search box; the words of a meaning are the number of a vector, one of `meanings`."""
    first, second = number % meanings, (number + meanings // 2) % meanings
    return {
        "meaning and filters": f"{first} {filters(number)}",
        "meaning without another, and filters": f"{first} NOT {second} {filters(number)}",
        "meaning without another": f"{first} NOT {second}",
        "filters alone": filters(number),
    }[kind]


KINDS = ("meaning and filters", "meaning without another, and filters", "meaning without another", "filters alone")
