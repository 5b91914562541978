"""What a site is loaded with, each kind in a niced process of its own, which counts what it was answered."""

import asyncio
import itertools
import multiprocessing
import os
import random
import resource
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from .pictures import BOMB_SIZE_PX, SMALLER_BOMB_SIZE_PX, bomb, small_picture
from .requests import Answer, Member, Request, ask, page, picture_search, text_search, upload, upload_page
from .slow_clients import again_and_again, slow_body, slow_head, slow_reader

NICENESS = 10
WORDS = [
    "a red car on the street",
    "山和海",
    "a cat asleep",
    "musical instrument",
    "水果",
    "an airplane",
    "children play",
    "家具",
    "snow",
]


@dataclass(frozen=True, slots=True)
class Target:
    """What a load has to know of a site."""

    port: int
    members: tuple[Member, ...]
    image_ids: tuple[int, ...]
    slow_connections: int = 500
    uploads: int = 20
    files: int = 20
    bombs: int = 20
    smaller_bombs: int = 10


Load = Callable[[Target, Counter[str]], Awaitable[Any]]


async def attack(target: Target, counts: Counter[str]) -> None:
    """All at once: slow connections, uploads of many files, bombs. Who is refused comes again when told to."""
    slow = [_slow_client(target, number, counts) for number in range(target.slow_connections)]
    sent = [
        _until_answered(target.port, "upload", _page_upload(target, number), counts) for number in range(target.uploads)
    ]
    sizes = [BOMB_SIZE_PX] * target.bombs + [SMALLER_BOMB_SIZE_PX] * target.smaller_bombs
    bombs = [
        _until_answered(target.port, _bomb_name(size), lambda size=size: picture_search(bomb(size)), counts)
        for size in sizes
    ]
    await asyncio.gather(*slow, *sent, *bombs)


def _bomb_name(size_px: tuple[int, int]) -> str:
    return "bomb" if size_px == BOMB_SIZE_PX else "smaller bomb"


def _slow_client(target: Target, number: int, counts: Counter[str]) -> Awaitable[None]:
    original = f"/images/{target.image_ids[number % min(8, len(target.image_ids))]}/original/"
    kinds = (
        ("slow head", slow_head),
        ("slow body", slow_body(None)),
        ("slow upload", slow_body(target.members[number % len(target.members)])),
        ("slow reader", slow_reader(original)),
    )
    name, client = kinds[number % len(kinds)]
    return again_and_again(client, target.port, counts, name)


def _page_upload(target: Target, number: int) -> Callable[[], Request]:
    pictures = [small_picture(number * target.files + file) for file in range(target.files)]
    return lambda: upload_page(pictures, target.members[number % len(target.members)])


async def _until_answered(port: int, name: str, request: Callable[[], Request], counts: Counter[str]) -> None:
    while True:
        answer = await ask(port, request(), patience_seconds=120)
        _count(counts, name, answer)
        if answer.status not in {429, 503}:
            return
        await asyncio.sleep(float(answer.retry_after or 1))


def _count(counts: Counter[str], name: str, answer: Answer) -> None:
    counts[f"{name} {answer.status or 'unanswered'}"] += 1
    if answer.status in {429, 503} and not answer.retry_after:
        counts[f"{name} without Retry-After"] += 1


def filling(name: str, clients: int, request: Callable[[Target, int], Request]) -> Load:
    """Keep so many clients busy with one kind of request; who is refused waits half a second."""

    async def one(target: Target, counts: Counter[str], numbers: Iterator[int]) -> None:
        while True:
            answer = await ask(target.port, request(target, next(numbers)))
            _count(counts, name, answer)
            await asyncio.sleep(0 if answer.is_success else 0.5)

    async def load(target: Target, counts: Counter[str]) -> None:
        numbers = itertools.count()
        await asyncio.gather(*(one(target, counts, numbers) for _client in range(clients)))

    return load


async def slow_downloads(target: Target, counts: Counter[str]) -> None:
    """100 slow readers of originals."""
    readers = [
        slow_reader(f"/images/{target.image_ids[number % min(8, len(target.image_ids))]}/original/")
        for number in range(100)
    ]
    await asyncio.gather(*(again_and_again(one, target.port, counts, "slow reader") for one in readers))


def member_of(target: Target, number: int) -> Member:
    return target.members[number % len(target.members)]


def image_of(target: Target, number: int) -> int:
    return target.image_ids[number % len(target.image_ids)]


def unlike_text(number: int) -> str:
    """Return a text that was not searched before, so that it is encoded anew."""
    return f"{WORDS[number % len(WORDS)]} {random.randrange(10**6)}"


LOADS: dict[str, Load] = {
    "attack": attack,
    "pages": filling("pages", 30, lambda target, number: page("/library/", member_of(target, number))),
    "text_search": filling("text_search", 30, lambda _target, number: text_search(unlike_text(number))),
    "picture_search": filling(
        "picture_search",
        20,
        lambda target, number: picture_search(small_picture(number), member_of(target, number)),
    ),
    "upload": filling("upload", 20, lambda target, number: upload(small_picture(number), member_of(target, number))),
    "download": slow_downloads,
}


@dataclass
class Report:
    """What a load was answered, and what share of one core it took itself."""

    counts: dict[str, int]
    processor_share: float


@contextmanager
def loaded_with(name: str, target: Target) -> Iterator[list[Report]]:
    """Load a site as long as the body runs; then the list holds the report."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_work, args=(theirs, name, target), daemon=True)
    process.start()
    ours.recv()  # its pictures are made
    reports: list[Report] = []
    try:
        yield reports
        ours.send("stop")
        reports.append(ours.recv())
    finally:
        process.kill()
        process.join()


def _work(pipe: Connection, name: str, target: Target) -> None:
    os.nice(NICENESS)
    small_picture(0)
    if name == "attack":
        bomb()
        bomb(SMALLER_BOMB_SIZE_PX)
    pipe.send("ready")
    started, spent = time.monotonic(), _processor_seconds()
    counts: Counter[str] = Counter()
    asyncio.run(_until_told(pipe, LOADS[name](target, counts)))
    share = (_processor_seconds() - spent) / (time.monotonic() - started)
    pipe.send(Report(dict(sorted(counts.items())), share))


async def _until_told(pipe: Connection, load: Awaitable[Any]) -> None:
    task = asyncio.ensure_future(load)
    await asyncio.get_running_loop().run_in_executor(None, pipe.recv)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def _processor_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
