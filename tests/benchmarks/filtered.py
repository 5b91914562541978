"""What a search costs beyond encoding that three filters narrow and whose facets are counted, in a large library.

Everybody asks another search each time, so that no answer is kept from before. Per search, in turns: the search, then
its first vector search alone, once more, and the page of another one. Members, none of them an administrator.
"""

import json
from typing import Any

import numpy as np

from .filtered_searches import KINDS
from .processes import TaskProcess
from .sites import Sites

MEMBERS = {"bob": "member", "owner0": "member who sees a third", "alice": "large owner"}
WAYS = ("search", "engine", "page")
WARMING = 4  # of each kind: maps files, compiles, lists what each may see
Result = dict[str, Any]


def bench_filtered(sites: Sites, rows: int, *, dimension: int, queries: int) -> Result:
    site = sites.site(rows, dimension=dimension)
    with TaskProcess("filtered_process", *site.words, environment=site.environment) as process:
        _measure(process, WARMING, first=10 * queries)
        costs = _measure(process, queries, first=0)
    result = {"database": sites.database, "rows": rows, "dimension": dimension, "queries": queries, "costs": costs}
    _say(result)
    return result


def _measure(process: TaskProcess, queries: int, *, first: int) -> list[Result]:
    """Ask in turns for each kind as each member."""
    asked = [(username, kind) for kind in KINDS for username in MEMBERS]
    answers: dict[tuple[str, str], dict[str, list[Result]]] = {one: {way: [] for way in WAYS} for one in asked}
    for number in range(first, first + queries):
        for username, kind in asked:
            for way in WAYS:
                other = number + 5 * queries if way == "page" else number
                task = {"username": username, "kind": kind, "number": other, "way": way}
                answers[username, kind][way].append(process.ask(json.dumps(task)))
    return [_summary(username, kind, answers[username, kind]) for username, kind in asked]


def _summary(username: str, kind: str, answers: dict[str, list[Result]]) -> Result:
    found = answers["search"]
    cost: Result = {"kind": kind, "role": MEMBERS[username], "queries": max(one["queries"] for one in found)}
    for name in ("found", "meant", "facets"):
        cost[name] = float(np.median([one[name] for one in found]))
    for way, some in answers.items():
        for name in ("wall_ms", "cpu_ms"):
            p50, p95 = np.percentile([one[name] for one in some], [50, 95])
            cost |= {f"{way}_p50_{name}": float(p50), f"{way}_p95_{name}": float(p95)}
    return cost


def _say(result: Result) -> None:
    print(f"searches with filters in a library of {result['rows']:,} pictures on {result['database']}")
    print(f"  {'':<63}{'clock p50':>10}{'p95':>8}{'cpu p50':>10}{'p95':>8}{'engine':>9}{'page p50':>10}{'p95':>8}")
    for cost in result["costs"]:
        told = f"  {cost['kind']:<38}{cost['role']:<25}"
        told += f"{cost['search_p50_wall_ms']:>10.1f}{cost['search_p95_wall_ms']:>8.1f}"
        told += f"{cost['search_p50_cpu_ms']:>10.1f}{cost['search_p95_cpu_ms']:>8.1f}{cost['engine_p50_cpu_ms']:>9.1f}"
        told += f"{cost['page_p50_wall_ms']:>10.1f}{cost['page_p95_wall_ms']:>8.1f}"
        print(f"{told}  found {cost['found']:,.0f}, meant {cost['meant']:,.0f}, {cost['queries']} queries", flush=True)
