"""Questions at fixed times, however long the answers take: a server that is silent does not get fewer of them."""

import asyncio
import itertools
import math
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from .requests import Answer, Request, ask

PATIENCE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Probe:
    name: str
    request: Callable[[], Request]
    per_second: float


Answers = dict[str, list[Answer]]


async def probed(port: int, probes: Iterable[Probe], *, seconds: float) -> Answers:
    """Ask each at its own pace for `seconds`, then wait for what is still to be answered."""
    probes = list(probes)
    found = await asyncio.gather(*(_asked(port, probe, seconds) for probe in probes))
    return dict(zip((probe.name for probe in probes), found, strict=True))


async def _asked(port: int, probe: Probe, seconds: float) -> list[Answer]:
    started, tasks = time.monotonic(), []
    for number in itertools.count():
        due = number / probe.per_second
        if due >= seconds:
            break
        await asyncio.sleep(max(0.0, started + due - time.monotonic()))
        tasks.append(asyncio.create_task(ask(port, probe.request(), patience_seconds=PATIENCE_SECONDS)))
    return list(await asyncio.gather(*tasks))


def percentile_ms(answers: Iterable[Answer], share: float) -> float | None:
    """Return milliseconds within which this share was answered; None where it was not: only 200 and 201 count."""
    answers = list(answers)
    times = sorted(answer.seconds for answer in answers if answer.is_success)
    rank = math.ceil(share * len(answers))
    return times[rank - 1] * 1000 if 0 < rank <= len(times) else None


def refused_share(answers: Iterable[Answer]) -> float:
    return statistics.mean([not answer.is_success for answer in answers] or [0])


def statuses(answers: Iterable[Answer]) -> dict[str, int]:
    """Return how often each status was answered; "none" where nothing was."""
    return dict(sorted(Counter(str(answer.status or "none") for answer in answers).items()))


def ratio(loaded_ms: float | None, unloaded_ms: float | None) -> float | None:
    return loaded_ms / unloaded_ms if loaded_ms and unloaded_ms else None


def joined(rounds: Iterable[Answers]) -> Answers:
    whole: Answers = {}
    for answers in rounds:
        for name, some in answers.items():
            whole.setdefault(name, []).extend(some)
    return whole
