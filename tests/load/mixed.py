"""Thirty people at once, each a second after the last answer: pages, searches, thumbnails, now and then an upload."""

import asyncio
import random
import time
from collections.abc import Callable
from typing import Any

from .attack import target_of, warm_up
from .loads import Target, image_of, member_of, unlike_text
from .pictures import large_picture, small_picture
from .probing import Answers, percentile_ms, refused_share, statuses
from .requests import Request, api, ask, page, text_search, upload
from .site import LoadedSite

CLIENTS = 30
PAUSE_SECONDS = 1.0
KINDS = {"text_search": 4, "page": 3, "thumbnail": 2, "upload": 1}
Picture = Callable[[int], bytes]


async def measure_mixed(site: LoadedSite, *, seconds: float = 60.0) -> dict[str, Any]:
    await warm_up(site)
    return {
        "35 kB": summary(await mixed_load(target_of(site), small_picture, seconds=seconds)),
        "12 megapixels": summary(await mixed_load(target_of(site), large_picture, seconds=seconds)),
    }


def summary(answers: Answers) -> dict[str, Any]:
    return {
        name: {
            "answers": len(some),
            "p50_ms": percentile_ms(some, 0.5),
            "p95_ms": percentile_ms(some, 0.95),
            "refused": refused_share(some),
            "statuses": statuses(some),
        }
        for name, some in sorted(answers.items())
    }


async def mixed_load(target: Target, picture: Picture, *, seconds: float) -> Answers:
    picture(0)
    answers: Answers = {name: [] for name in KINDS}
    ends = time.monotonic() + seconds
    await asyncio.gather(*(_person(target, number, picture, ends, answers) for number in range(CLIENTS)))
    return answers


async def _person(target: Target, number: int, picture: Picture, ends: float, answers: Answers) -> None:
    source = random.Random(number)
    await asyncio.sleep(source.random() * PAUSE_SECONDS)
    while time.monotonic() < ends:
        (kind,) = source.choices(list(KINDS), list(KINDS.values()))
        answers[kind].append(await ask(target.port, _request(target, kind, number, source, picture)))
        await asyncio.sleep(PAUSE_SECONDS)


def _request(target: Target, kind: str, number: int, source: random.Random, picture: Picture) -> Request:
    member, image_id = member_of(target, number), image_of(target, source.randrange(10**6))
    if kind == "text_search":
        return text_search(unlike_text(source.randrange(10**6)), member)
    if kind == "page":
        return page(source.choice(["/", "/library/", f"/images/{image_id}/"]), member)
    if kind == "thumbnail":
        return page(f"/images/{image_id}/thumbnail/400/", member)
    return upload(picture(source.randrange(10**6)), member)


async def searchable_of(site: LoadedSite, number: int) -> dict[str, int]:
    """Return how many pictures of this member there are in which state."""
    import json

    answer = await ask(site.port, api("stats/", site.members[number]))
    return json.loads(answer.body)["mine"] if answer.status == 200 else {}
