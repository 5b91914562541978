"""What people notice while someone hostile is at it: health, pages and text searches, in turns with a quiet site."""

import asyncio
import itertools
import time
from typing import Any

from .loads import Report, Target, loaded_with, unlike_text
from .probing import Answers, Probe, joined, percentile_ms, probed, ratio, refused_share, statuses
from .requests import ask, page, text_search
from .site import LoadedSite

ROUNDS = 3
SECONDS = 20.0
DRAIN_SECONDS = 120.0
WARM_UP_SECONDS = 5.0


def target_of(site: LoadedSite, **numbers: int) -> Target:
    return Target(site.port, tuple(site.members), tuple(site.image_ids), **numbers)


def probes_of(site: LoadedSite) -> list[Probe]:
    numbers = itertools.count()
    pages = itertools.cycle(["/", f"/images/{site.image_ids[-1]}/", "/library/"])
    return [
        Probe("health", lambda: page("/healthz"), 10),
        Probe("text_search", lambda: text_search(unlike_text(next(numbers))), 2),
        Probe("page", lambda: page(next(pages), site.members[0]), 3),
    ]


async def measure_attack(site: LoadedSite, *, rounds: int = ROUNDS, seconds: float = SECONDS) -> dict[str, Any]:
    quiet: list[Answers] = []
    attacked: list[Answers] = []
    reports: list[Report] = []
    drained: list[float | None] = []
    await warm_up(site)
    for _round in range(rounds):
        quiet.append(await probed(site.port, probes_of(site), seconds=seconds / 2))
        with loaded_with("attack", target_of(site)) as report:
            attacked.append(await probed(site.port, probes_of(site), seconds=seconds))
        reports += report
        drained.append(await seconds_until_quiet(site))
    return {
        **_compared(joined(quiet), joined(attacked)),
        "answered": _added(reports),
        "generator_share": max(report.processor_share for report in reports),
        "seconds_until_none_waits": drained,
    }


async def warm_up(site: LoadedSite, *, seconds: float = WARM_UP_SECONDS) -> None:
    """Ask until each kind is answered, then for a while: what a site loads at first would make its quiet time look bad.

    Raises TimeoutError where one is not answered in time.
    """
    async with asyncio.timeout(DRAIN_SECONDS):
        for probe in probes_of(site):
            while not (await ask(site.port, probe.request(), patience_seconds=DRAIN_SECONDS)).is_success:
                await asyncio.sleep(0.5)
    await probed(site.port, probes_of(site), seconds=seconds)


def _compared(quiet: Answers, attacked: Answers) -> dict[str, Any]:
    return {name: compared(quiet[name], some) for name, some in attacked.items()}


def compared(quiet: list[Any], loaded: list[Any]) -> dict[str, Any]:
    quiet_ms, loaded_ms = percentile_ms(quiet, 0.95), percentile_ms(loaded, 0.95)
    return {
        "quiet_p95_ms": quiet_ms,
        "p50_ms": percentile_ms(loaded, 0.5),
        "p95_ms": loaded_ms,
        "p99_ms": percentile_ms(loaded, 0.99),
        "ratio": ratio(loaded_ms, quiet_ms),
        "refused": refused_share(loaded),
        "statuses": statuses(loaded),
    }


def _added(reports: list[Report]) -> dict[str, int]:
    added: dict[str, int] = {}
    for report in reports:
        for name, number in report.counts.items():
            added[name] = added.get(name, 0) + number
    return added


async def seconds_until_quiet(site: LoadedSite) -> float | None:
    """Wait until no picture waits and the site answers quickly again; None when it does not come to rest in time."""
    started = time.monotonic()
    while time.monotonic() - started < DRAIN_SECONDS:
        answer = await ask(site.port, page("/healthz"))
        if answer.status == 200 and answer.seconds < 0.5 and not site.states()["pending"]:
            return time.monotonic() - started
    return None
