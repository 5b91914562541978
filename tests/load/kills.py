"""Every process of the site killed in turn while pictures come; then all at once. What was accepted must be there."""

import asyncio
import json
import os
import signal
import time
from collections import Counter
from contextlib import suppress
from typing import Any

from .pictures import small_picture
from .requests import Member, ask, upload
from .site import LoadedSite

SENDERS = 4
BETWEEN_SECONDS = 4.0
AFTERWARDS_SECONDS = 60.0


async def measure_kills(site: LoadedSite, *, afterwards_seconds: float = AFTERWARDS_SECONDS) -> dict[str, Any]:
    accepted: list[int] = []
    counts: Counter[str] = Counter()
    members = site.members[1 : 1 + SENDERS]
    senders = [asyncio.create_task(_sender(site, member, accepted, counts)) for member in members]
    await asyncio.sleep(BETWEEN_SECONDS)
    killed, restarts = await _kill_in_turn(site)
    await _kill_all(site)
    killed.append("all at once")
    restarts.append(await asyncio.to_thread(site.start))
    await asyncio.sleep(BETWEEN_SECONDS)
    for sender in senders:
        sender.cancel()
    await asyncio.gather(*senders, return_exceptions=True)
    return {
        "killed": killed,
        "restart_seconds": restarts,
        "starts_that_failed": site.starts - 1 - len(restarts),
        "statuses": dict(sorted(counts.items())),
        "accepted": len(accepted),
        **await _states_afterwards(site, accepted, afterwards_seconds),
    }


async def _states_afterwards(site: LoadedSite, accepted: list[int], seconds: float) -> dict[str, Any]:
    """Look once a second until no picture waits, at most for so long."""
    started = time.monotonic()
    states: dict[str, Any] = await asyncio.to_thread(site.states)
    while states["pending"] and time.monotonic() - started < seconds:
        await asyncio.sleep(1)
        states = await asyncio.to_thread(site.states)
    return {
        "pending": states["pending"],
        "failed": states["failed"],
        "lost": len(set(accepted) - set(states["all"])),
        "seconds_until_none_waits": None if states["pending"] else time.monotonic() - started,
    }


async def _kill_in_turn(site: LoadedSite) -> tuple[list[str], list[float]]:
    """Kill each that is there at the start; what took its place is not among them. Start the site where it ended."""
    killed, restarts = [], []
    for pid, command in (await asyncio.to_thread(site.processes)).items():
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            killed.append(_short(command))
        await asyncio.sleep(BETWEEN_SECONDS)
        if site.has_ended:
            restarts.append(await asyncio.to_thread(site.start))
        await asyncio.sleep(BETWEEN_SECONDS)
    return killed, restarts


async def _kill_all(site: LoadedSite) -> None:
    for pid in await asyncio.to_thread(site.processes):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    await asyncio.sleep(0.5)


def _short(command: str) -> str:
    """Return the words of a command that tell what it is, without folders."""
    return " ".join(word.rpartition("/")[2] for word in command.split()[:5])[:80]


async def _sender(site: LoadedSite, member: Member, accepted: list[int], counts: Counter[str]) -> None:
    for number in range(10**6):
        answer = await ask(site.port, upload(small_picture(number), member), patience_seconds=15)
        counts[str(answer.status or "none")] += 1
        if answer.status == 201:
            accepted.append(json.loads(answer.body)["id"])
        await asyncio.sleep(0.2 if answer.is_success else 0.5)
