"""What the processes of a site hold after so many minutes of mixed load."""

import asyncio
import itertools
import time
from pathlib import Path
from typing import Any

from .attack import target_of
from .mixed import mixed_load, summary
from .pictures import large_picture, small_picture
from .probing import Answers, joined
from .site import LoadedSite


async def measure_memory(site: LoadedSite, *, minutes: float) -> dict[str, Any]:
    found = [{"minutes": 0.0, "processes": await asyncio.to_thread(memory_of, site)}]
    started, answers = time.monotonic(), []
    for number in itertools.count():
        picture = large_picture if number % 10 == 9 else small_picture
        answers.append(await mixed_load(target_of(site), picture, seconds=min(60.0, minutes * 60)))
        passed = (time.monotonic() - started) / 60
        found.append({"minutes": passed, "processes": await asyncio.to_thread(memory_of, site)})
        if passed >= minutes:
            break
    whole: Answers = joined(answers)
    return {"answers": summary(whole), "samples": found, "largest_mb": _largest(found)}


def memory_of(site: LoadedSite) -> list[dict[str, Any]]:
    return [
        {"command": " ".join(word.rpartition("/")[2] for word in command.split()[:5]), **megabytes}
        for pid, command in site.processes().items()
        if (megabytes := _megabytes(pid))
    ]


def _megabytes(pid: int) -> dict[str, float]:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    except OSError:
        return {}
    kilobytes = {name: int(value.split()[0]) for name, _, value in (line.partition(":") for line in lines)}
    return {
        "resident": round(kilobytes["Rss"] * 1024 / 1e6, 1),
        "private": round(kilobytes["Anonymous"] * 1024 / 1e6, 1),
    }


def _largest(samples: list[dict[str, Any]]) -> float:
    return max(process["resident"] for sample in samples for process in sample["processes"])
