"""What it costs a search that somebody else has changed something, and that nobody has filtered so before."""

import json
import statistics
from contextlib import ExitStack
from typing import Any

from .processes import TaskProcess
from .sites import Site, Sites

ROUNDS = 15
PROCESSES, THREADS = 2, 8
SECONDS = 10.0
UPLOADS_PER_SECOND = 2
TURNS = 2
Result = dict[str, Any]


def bench_rights(sites: Sites, rows: int, *, dimension: int, seconds: float = SECONDS, rounds: int = ROUNDS) -> Result:
    site = sites.site(rows, dimension=dimension)
    result = {"database": sites.database, "rows": rows, "dimension": dimension}
    result |= {"changes": _changes(site, rounds), "filters": _filters(site, rounds), "readers": _readers(site, seconds)}
    _say(result)
    return result


def _searching(site: Site) -> TaskProcess:
    return TaskProcess("search_process", *site.words, environment=site.environment)


def _ask(process: TaskProcess, task: str, **values: Any) -> Result:
    return process.ask(json.dumps({"task": task, **values}))


def _changes(site: Site, rounds: int) -> Result:
    """Let a member search right after another's tagged edit, and without one, in turns."""
    with _searching(site) as process:
        cold = _ask(process, "search", username="bob", tags=[])
        costs: dict[bool, list[float]] = {True: [], False: []}
        for _ in range(rounds):
            for changed, found in costs.items():
                found.append(_whole_ms(_ask(process, "search", username="bob", tags=[], changed=changed)))
    changed_ms, unchanged_ms = (statistics.median(costs[changed]) for changed in (True, False))
    return {
        "cold_ms": _whole_ms(cold),
        "changed_ms": changed_ms,
        "unchanged_ms": unchanged_ms,
        "ratio": changed_ms / unchanged_ms,
    }


def _whole_ms(cost: Result) -> float:
    return float(cost["cpu_ms"] + cost["scan_ms"])


def _filters(site: Site, rounds: int) -> Result:
    """Let a member search with three tags that no search has had together before."""
    with _searching(site) as process:
        triples = [[f"tag {3 * number + place + 1}" for place in range(3)] for number in range(rounds * 3)]
        tags = [
            [name.replace("tag", "标签") if int(name[4:]) % 5 == 0 else name for name in names] for names in triples
        ]
        cold = _ask(process, "search", username="bob", tags=tags[0])
        fresh = [_ask(process, "search", username="bob", tags=names) for names in tags[1 : rounds + 1]]
        changed = [_ask(process, "search", username="bob", tags=names, changed=True) for names in tags[rounds + 1 :]]
    return {
        "cold_ms": cold["cpu_ms"],
        "fresh_ms": statistics.median(one["cpu_ms"] for one in fresh),
        "slowest_ms": max(one["cpu_ms"] for one in fresh),
        "changed_ms": statistics.median(one["cpu_ms"] for one in changed),
    }


def _readers(site: Site, seconds: float) -> Result:
    """Count the answers of sixteen readers beside one who uploads tagged pictures, and without him, in turns."""
    with ExitStack() as stack:
        readers = [stack.enter_context(_searching(site)) for _ in range(PROCESSES)]
        uploader = stack.enter_context(_searching(site))
        _answers(readers, 2.0)  # maps files, lists what each may see
        alone, beside, uploads, slowest_ms = 0, 0, 0, 0.0
        for _ in range(TURNS):
            alone += _answers(readers, seconds)
            uploader.tell(json.dumps({"task": "upload", "seconds": seconds, "per_second": UPLOADS_PER_SECOND}))
            beside += _answers(readers, seconds)
            told = uploader.answer()
            uploads, slowest_ms = uploads + told["uploads"], max(slowest_ms, told["slowest_ms"])
    return {
        "alone_per_second": alone / seconds / TURNS,
        "beside_per_second": beside / seconds / TURNS,
        "uploads_per_second": uploads / seconds / TURNS,
        "slowest_upload_ms": slowest_ms,
        "ratio": beside / alone,
    }


def _answers(readers: list[TaskProcess], seconds: float) -> int:
    for reader in readers:
        reader.tell(json.dumps({"task": "read", "threads": THREADS, "seconds": seconds}))
    return sum(int(reader.answer()["answers"]) for reader in readers)


def _say(result: Result) -> None:
    print(f"rights in a library of {result['rows']:,} pictures on {result['database']}")
    for part in ("changes", "filters", "readers"):
        for name, value in result[part].items():
            print(f"  {part + ' ' + name:<32} {value:>12.2f}", flush=True)
