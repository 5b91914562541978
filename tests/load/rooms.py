"""Each room filled alone: what do the others notice? Quiet and filled in turns, in one run."""

import itertools
from typing import Any

from .attack import compared, seconds_until_quiet, target_of
from .loads import loaded_with, unlike_text
from .pictures import small_picture
from .probing import Answers, Probe, joined, probed
from .requests import page, picture_search, text_search, upload
from .site import LoadedSite

ROOMS = ("pages", "text_search", "picture_search", "upload", "download")
ROUNDS = 2
SECONDS = 8.0


def probes_of(site: LoadedSite) -> list[Probe]:
    numbers = itertools.count()
    member = site.members[-1]
    image_id = site.image_ids[-1]
    return [
        Probe("health", lambda: page("/healthz"), 5),
        Probe("pages", lambda: page(f"/images/{image_id}/", member), 2),
        Probe("text_search", lambda: text_search(unlike_text(next(numbers)), member), 2),
        Probe("picture_search", lambda: picture_search(small_picture(next(numbers)), member), 1),
        Probe("upload", lambda: upload(small_picture(next(numbers)), member), 1),
        Probe("download", lambda: page(f"/images/{image_id}/original/"), 2),
    ]


async def measure_rooms(site: LoadedSite, *, rounds: int = ROUNDS, seconds: float = SECONDS) -> dict[str, Any]:
    quiet: list[Answers] = []
    filled: dict[str, list[Answers]] = {name: [] for name in ROOMS}
    reports: dict[str, Any] = {}
    await probed(site.port, probes_of(site), seconds=2)
    for _round in range(rounds):
        for name in ROOMS:
            quiet.append(await probed(site.port, probes_of(site), seconds=seconds / 2))
            with loaded_with(name, target_of(site)) as report:
                await probed(site.port, probes_of(site)[:1], seconds=1)
                filled[name].append(await probed(site.port, probes_of(site), seconds=seconds))
            reports[name] = {"answered": report[0].counts, "generator_share": report[0].processor_share}
            await seconds_until_quiet(site)
    unloaded = joined(quiet)
    return {
        name: {
            "others": {
                other: compared(unloaded[other], some) for other, some in joined(filled[name]).items() if other != name
            },
            **reports[name],
        }
        for name in ROOMS
    }
