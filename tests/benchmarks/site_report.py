"""What large libraries cost, as tables."""

import itertools
from collections.abc import Iterator
from operator import itemgetter
from typing import Any

from .site_figures import ratio_of, site_figures
from .tables import milliseconds, table

NAMES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
Result = dict[str, Any]


def site_report(found: Result) -> Iterator[str]:
    """Give the lines about large libraries, none where nothing was measured."""
    figures = site_figures(found)
    if not figures:
        return
    yield from table(("what", "goal", "SQLite", "PostgreSQL"), figures)
    for one in found.get("pages", ()):
        yield ""
        yield from _pages(one)
    for one in found.get("filtered", ()):
        yield ""
        yield from _filtered(one)
    for one in found.get("verify", ()):
        yield ""
        yield from _verified(one)
    for one in found.get("starting", ()):
        yield ""
        yield from _starts(one)


PAGE_COLUMNS = (
    *("page", "who", "queries", "ms", "clock, ms", "new process, ms", "after a change, ms"),
    "ms / small",
)


def _pages(found: Result) -> Iterator[str]:
    """Give a line for each page: of the role that it costs most."""
    small, large = found["sizes"][0], found["sizes"][-1]
    yield f"### Pages on {NAMES[found['database']]}, {small:,} and {large:,} pictures"
    yield ""
    rows = []
    for _name, some in itertools.groupby(found["pages"], key=itemgetter("name")):
        page = max(some, key=lambda one: _or_forever(one["costs"][-1]["cpu_ms"]))
        cost, ratio = page["costs"][-1], ratio_of(page)
        queries = "/".join("-" if one["queries"] is None else str(one["queries"]) for one in page["costs"])
        times = (_or_cut_off(cost[name]) for name in ("cpu_ms", "wall_ms", "cold_cpu_ms", "changed_cpu_ms"))
        rows.append((page["name"], page["role"], queries, *times, "-" if ratio is None else f"{ratio:.1f}"))
    yield from table(PAGE_COLUMNS, rows)


def _or_forever(value: float | None) -> float:
    return float("inf") if value is None else value


def _or_cut_off(value: float | None) -> str:
    return "cut off" if value is None else milliseconds(value)


FILTERED_COLUMNS = (
    *("search", "who", "found", "ms", "p95", "processor, ms", "p95", "vector search alone, processor, ms"),
    *("page, ms", "p95"),
)


def _filtered(found: Result) -> Iterator[str]:
    yield f"### Searches with filters and facets on {NAMES[found['database']]}, {found['rows']:,} pictures"
    yield ""
    rows = []
    for cost in found["costs"]:
        names = ("search_p50_wall", "search_p95_wall", "search_p50_cpu", "search_p95_cpu", "engine_p50_cpu")
        times = (milliseconds(cost[f"{name}_ms"]) for name in (*names, "page_p50_wall", "page_p95_wall"))
        rows.append((cost["kind"], cost["role"], f"{cost['found']:,.0f}", *times))
    yield from table(FILTERED_COLUMNS, rows)


def _verified(found: Result) -> Iterator[str]:
    yield f"`verify_index` of {found['rows']:,} × {found['dimension']:,} on {NAMES[found['database']]}"
    yield ""
    values = [
        ("seconds by the clock", f"{found['seconds']:,.1f}"),
        ("seconds of the processor", f"{found['cpu_seconds']:,.1f}"),
        ("peak private memory, MB", f"{found['peak_private_mb']:,.0f}"),
        ("slowest upload beside it, ms", f"{found['beside_slowest_ms']:,.0f}"),
        ("slowest upload without it, ms", f"{found['alone_slowest_ms']:,.0f}"),
    ]
    yield from table(("what", "measured"), values)


def _starts(found: Result) -> Iterator[str]:
    yield f"First answers of a new process on {NAMES[found['database']]}, ms of the processor"
    yield ""
    rows = [
        (line["asked"], line["role"], line["since"], *(milliseconds(cost["cpu_ms"]) for cost in line["costs"]))
        for line in found["starts"]
    ]
    sizes = (f"{size:,} pictures" for size in found["sizes"])
    yield from table(("what", "who", "since the process before", *sizes), rows)
