"""The first page and the first search of a process that has just been started, in a small and in a large library.

What a server loads before its first request (Django, the addresses, the templates) is there when the clock starts.
"""

import json
import statistics
from collections.abc import Iterator
from typing import Any

from .processes import TaskProcess
from .sites import Site, Sites

STARTS = 3
URLS = {"page": "/", "search": "/search/?q=1"}
ROLES = ("anonymous", "member", "owner", "curator")
SINCE = ("nothing", "a change")  # what happened since the process before it
Result = dict[str, Any]


def bench_starting(sites: Sites, rows: list[int], *, dimension: int, starts: int = STARTS) -> Result:
    """Measure the smallest and the largest of `rows`."""
    sizes = sorted({rows[0], rows[-1]})
    found = [_of_site(sites.site(size, dimension=dimension), starts) for size in sizes]
    lines = [{**one[0], "costs": [each["cost"] for each in one]} for one in zip(*found, strict=True)]
    for line in lines:
        del line["cost"]
    result = {"database": sites.database, "dimension": dimension, "sizes": sizes, "starts": lines}
    _say(result)
    return result


def _of_site(site: Site, starts: int) -> list[Result]:
    with _started(site) as process:
        roles = process.ask(json.dumps({"task": "sign_in"}))
        _answer(process, "/", None, "warm")  # whatever is prepared once for all processes
    return [
        {"asked": asked, "role": role, "since": since, "cost": cost}
        for asked, url in URLS.items()
        for role in ROLES
        for since, cost in _costs(site, url, roles[role]["session"], starts)
    ]


def _costs(site: Site, url: str, session: str | None, starts: int) -> Iterator[tuple[str, Result]]:
    for since in SINCE:
        found = []
        for _ in range(starts):
            with _started(site) as process:
                if since == "a change":
                    process.ask(json.dumps({"task": "change"}))
                found.append(_answer(process, url, session, "warm"))
        names = ("cpu_ms", "wall_ms", "scan_ms", "queries")
        yield since, {name: statistics.median(one[name] for one in found) for name in names}


def _started(site: Site) -> TaskProcess:
    return TaskProcess("page_process", *site.words, environment=site.environment)


def _answer(process: TaskProcess, url: str, session: str | None, way: str) -> Result:
    return process.ask(json.dumps({"task": "page", "url": url, "session": session, "way": way}))


def _say(result: Result) -> None:
    print(f"after a start, on {result['database']}: milliseconds of the processor at {result['sizes']} pictures")
    for line in result["starts"]:
        told = "".join(f"{cost['cpu_ms']:>10.1f}" for cost in line["costs"])
        print(f"  {line['asked']:<8}{line['role']:<11}{line['since']:<10}{told}", flush=True)
