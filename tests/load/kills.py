"""100 pictures come while one process of each kind is killed, then all: what was accepted must be there, and found."""

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

SENDERS, PICTURES_EACH = 4, 25
PAUSE_SECONDS = 1.0
BETWEEN_SECONDS = 4.0
AFTERWARDS_SECONDS = 60.0
SUPERVISOR = "manage.py serve"


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
    async with asyncio.timeout(AFTERWARDS_SECONDS):
        await asyncio.gather(*senders)
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
    """Kill the oldest of each kind that there is, the supervisor last. Start the site where it ended."""
    killed: list[str] = []
    restarts: list[float] = []
    while (victim := await asyncio.to_thread(_next_victim, site, killed)) is not None:
        pid, kind = victim
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            killed.append(kind)
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


def _next_victim(site: LoadedSite, killed: list[str]) -> tuple[int, str] | None:
    kinds = {pid: _kind(command) for pid, command in site.processes().items()}
    left = [(kind == SUPERVISOR, pid, kind) for pid, kind in kinds.items() if kind not in killed]
    return min(left)[1:] if left else None


def _kind(command: str) -> str:
    """Return the words of a command that tell what it is, without folders and numbers."""
    words = [word.rpartition("/")[2] for word in command.split()]
    return " ".join(word for word in words if word not in {"python", "-m"} and not word.isdigit()).removesuffix(
        " --port"
    )


async def _sender(site: LoadedSite, member: Member, accepted: list[int], counts: Counter[str]) -> None:
    left = [small_picture(number) for number in range(PICTURES_EACH)]
    while left:
        answer = await ask(site.port, upload(left[-1], member), patience_seconds=15)
        counts[str(answer.status or "none")] += 1
        if answer.is_success:
            accepted.append(json.loads(answer.body)["id"])
            left.pop()
        await asyncio.sleep(PAUSE_SECONDS)
