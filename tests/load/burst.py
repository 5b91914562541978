"""A hundred small pictures from ten senders at once: how long until all of them are found?"""

import asyncio
import time
from typing import Any

from .mixed import searchable_of
from .pictures import small_picture
from .probing import percentile_ms, statuses
from .requests import Answer, ask, upload
from .site import LoadedSite

PICTURES = 100
SENDERS = 10
LONGEST_SECONDS = 300


async def measure_burst(site: LoadedSite, *, pictures: int = PICTURES) -> dict[str, Any]:
    owner = 1
    before = (await searchable_of(site, owner))["searchable"]
    waiting = [small_picture(number) for number in range(pictures)]
    answers: list[Answer] = []
    spent = site.processor_seconds()
    started = time.monotonic()
    await asyncio.gather(*(_sender(site, owner, waiting, answers) for _sender_number in range(SENDERS)))
    accepted_seconds = time.monotonic() - started
    searchable_seconds = None
    while time.monotonic() - started < LONGEST_SECONDS:
        if (await searchable_of(site, owner)).get("searchable", 0) >= before + pictures:
            searchable_seconds = time.monotonic() - started
            break
        await asyncio.sleep(0.25)
    return {
        "pictures": pictures,
        "statuses": statuses(answers),
        "acknowledged_p95_ms": percentile_ms(answers, 0.95),
        "accepted_seconds": accepted_seconds,
        "searchable_seconds": searchable_seconds,
        "processor_seconds": site.processor_seconds() - spent,
    }


async def _sender(site: LoadedSite, owner: int, waiting: list[bytes], answers: list[Answer]) -> None:
    while waiting:
        picture = waiting.pop()
        while not (answer := await ask(site.port, upload(picture, site.members[owner]))).is_success:
            answers.append(answer)
            await asyncio.sleep(float(answer.retry_after or 1))
        answers.append(answer)
