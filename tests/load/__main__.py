"""The site as `make run` starts it, on loopback, under load: what people notice of others, and of someone hostile.

    python -m tests.load attack    500 slow connections, 20 uploads of 20 files, 20 bombs: what people notice
    python -m tests.load rooms     each room filled alone: what the others notice
    python -m tests.load mixed     30 people at once: how soon an upload is acknowledged
    python -m tests.load burst     100 small pictures: how soon all are found
    python -m tests.load kills     100 pictures while one process of each kind is killed: what is lost, what waits
    python -m tests.load memory    what the processes hold after --minutes of mixed load

Whatever loads the site runs niced, in a process of its own; what is asked meanwhile is asked at fixed times by another
one, which is not niced, or its own waiting for a core would be measured. Both together say their share of a core.
Pictures come from IMAGESEARCH_TEST_PHOTOS, else from the samples. `--report FOLDER` keeps the results in
FOLDER/performance.json and writes their tables into FOLDER/performance.md, as `python -m tests.benchmarks` does.
"""

import argparse
import asyncio
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from .attack import measure_attack
from .burst import measure_burst
from .kills import measure_kills
from .memory import measure_memory
from .mixed import measure_mixed
from .pictures import large_picture, photos
from .rooms import measure_rooms
from .site import LoadedSite, loaded_site
from .tables import tables

PARTS = ("attack", "rooms", "mixed", "burst", "kills", "memory")
SETTINGS = {"rooms": {"IMAGESEARCH_MEMBER_PICTURE_SEARCHES_PER_MINUTE": "0"}}  # the limit would keep the room empty


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.load", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--report", type=Path, metavar="FOLDER")
    parser.add_argument("--minutes", type=float, default=60, help="of mixed load before memory is measured")
    parser.add_argument("--rounds", type=int, default=2, help="of quiet and loaded in turns")
    parser.add_argument("--seconds", type=float, help="of each phase")
    parser.add_argument("--encoder", default="offline")
    return parser


async def measured(site: LoadedSite, options: argparse.Namespace) -> dict[str, Any]:
    seconds = {} if options.seconds is None else {"seconds": options.seconds}
    if options.part == "attack":
        return await measure_attack(site, rounds=options.rounds, **seconds)
    if options.part == "rooms":
        return await measure_rooms(site, rounds=options.rounds, **seconds)
    if options.part == "mixed":
        return await measure_mixed(site, **seconds)
    if options.part == "burst":
        return await measure_burst(site)
    if options.part == "kills":
        return await measure_kills(site)
    return await measure_memory(site, minutes=options.minutes)


def main(words: list[str]) -> None:
    options = arguments().parse_args(words)
    with tempfile.TemporaryDirectory(prefix="imagesearch-load-") as scratch:
        pictures = [*(large_picture(number) for number in range(4)), *photos()]
        settings = {"IMAGESEARCH_ENCODER": options.encoder, **SETTINGS.get(options.part, {})}
        with loaded_site(Path(scratch), pictures, settings=settings) as site:
            used = sum(os.times()[:2])
            found = asyncio.run(measured(site, options))
            print(f"asking took {sum(os.times()[:2]) - used:.1f} s of a core", file=sys.stderr)
    print(json.dumps(found) if options.json else "\n".join(tables(options.part, found)))
    if options.report:
        from tests.benchmarks.report import write_report
        from tests.benchmarks.results import Results

        results = Results(options.report / "performance.json")
        results.put("load", {**results.read().get("load", {}), options.part: found})
        write_report(options.report, results)


if __name__ == "__main__":
    main(sys.argv[1:])
