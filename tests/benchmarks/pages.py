"""What each page and endpoint costs in a large library beside a small one, asked in turns: see `page_process`.

Each address is asked by every role that has it: in a process that has answered nothing yet, right after a change by
somebody else, and then a few times; of these the median is told. What takes longer than LIMIT_SECONDS is cut off.
"""

import json
import statistics
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, Self

from .page_addresses import Address, addresses
from .processes import TaskProcess
from .sites import Site, Sites

LIMIT_SECONDS = 20.0
ROUNDS = 3
SLOW_MS = 3_000  # asked once more only
KEPT = ("cpu_ms", "wall_ms", "queries")
Cost = dict[str, Any]


class PageSite:
    """The processes of one library: one that stays, and one of which each cold answer is a child."""

    def __init__(self, site: Site, *, limit_seconds: float) -> None:
        self.site = site
        self._limit_seconds = limit_seconds

    def __enter__(self) -> Self:
        self._warm, self._cold = self._started(), self._started()
        self._roles = self._warm.ask(json.dumps({"task": "sign_in"}))
        return self

    def __exit__(self, *error: object) -> None:
        self._warm.__exit__(*error)
        self._cold.__exit__(*error)

    def address_of(self, address: Address, role: str) -> str | None:
        """Return what the role asks for in this library; None if that takes too long."""
        url = address.url.format(**self._roles[role]["places"])
        if not address.followed:
            return url
        found = self._ask({"task": "next_part", "url": url, "session": self._roles[role]["session"]})
        return None if found is None else str(found["url"])

    def ask(self, url: str, role: str, way: str) -> Cost | None:
        """Return what one answer cost; None if it took too long."""
        return self._ask({"task": "page", "url": url, "session": self._roles[role]["session"], "way": way})

    def _ask(self, task: Cost) -> Cost | None:
        is_cold = task.get("way") == "cold"
        try:
            return (self._cold if is_cold else self._warm).ask(json.dumps(task), timeout_seconds=self._limit_seconds)
        except TimeoutError:
            if is_cold:
                self._cold = self._started()
            else:
                self._warm = self._started()
            return None

    def _started(self) -> TaskProcess:
        return TaskProcess("page_process", *self.site.words, environment=self.site.environment).__enter__()


def bench_pages(
    sites: Sites, rows: list[int], *, dimension: int, limit_seconds: float = LIMIT_SECONDS, rounds: int = ROUNDS
) -> Cost:
    """Measure the smallest and the largest of `rows`."""
    sizes = sorted({rows[0], rows[-1]})
    with ExitStack() as stack:
        asked = [
            stack.enter_context(PageSite(sites.site(size, dimension=dimension), limit_seconds=limit_seconds))
            for size in sizes
        ]
        found = []
        for address in addresses():
            for role in address.roles:
                found.append(_compared(address, role, asked, rounds=rounds))
                _say(found[-1])
    return {"database": sites.database, "dimension": dimension, "sizes": sizes, "pages": found}


def _compared(address: Address, role: str, sites: list[PageSite], *, rounds: int) -> Cost:
    """Ask for one address in all libraries, in turns."""
    urls = [site.address_of(address, role) for site in sites]
    costs: list[Cost] = [{"is_over": url is None, "warm": []} for url in urls]

    def ask(place: int, way: str) -> Cost | None:
        url = urls[place]
        if url is None or costs[place]["is_over"]:
            return None
        answer = sites[place].ask(url, role, way)
        costs[place]["is_over"] = answer is None
        return answer

    places = range(len(sites))
    for way in ("cold", "warm", "changed"):  # the second finds what the process does not know yet
        for place in places:
            costs[place][f"first_{way}"] = ask(place, way)
    for number in range(rounds):
        for place in places:
            if number and (costs[place]["first_warm"] or {"wall_ms": 0})["wall_ms"] > SLOW_MS:
                continue
            if (answer := ask(place, "warm")) is not None:
                costs[place]["warm"].append(answer)
    return {"name": address.name, "role": role, "costs": [_summary(cost) for cost in costs]}


def _summary(cost: Cost) -> Cost:
    """Return the figures of one address in one library: milliseconds, None for what took too long."""
    cold, changed, first = cost["first_cold"], cost["first_changed"], cost["first_warm"]
    warm = cost["warm"] or ([first] if first is not None else [])

    def median(name: str) -> float | None:
        return statistics.median(one[name] for one in warm) if warm else None

    return {
        "status": warm[0]["status"] if warm else None,
        "cpu_ms": median("cpu_ms"),
        "wall_ms": median("wall_ms"),
        "scan_ms": median("scan_ms"),
        "queries": warm[-1]["queries"] if warm else None,
        **{f"{way}_{name}": None if one is None else one[name] for way, one in _ways(cold, changed) for name in KEPT},
    }


def _ways(cold: Cost | None, changed: Cost | None) -> Iterator[tuple[str, Cost | None]]:
    yield "cold", cold
    yield "changed", changed


def _say(page: Cost) -> None:
    told = "   ".join(
        " ".join(f"{_number(cost[name]):>8}" for name in ("cpu_ms", "wall_ms", "cold_cpu_ms", "changed_cpu_ms"))
        + f"{_number(cost['queries'], digits=0):>4}"
        for cost in page["costs"]
    )
    print(f"  {page['name']:<28}{page['role']:<10}{told}", flush=True)


def _number(value: float | None, *, digits: int = 1) -> str:
    return "over" if value is None else f"{value:.{digits}f}"
