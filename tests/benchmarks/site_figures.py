"""What a large library may cost, and what it costs: each goal beside the figures of both databases."""

import itertools
from collections.abc import Callable, Iterator
from operator import itemgetter
from typing import Any

Result = dict[str, Any]
Line = tuple[str, str, str, str]  # what, goal, SQLite, PostgreSQL

DATABASES = ("sqlite", "postgresql")
NOT_MEASURED = "-"
ADMIN = "admin"
PAGE_CPU_MS, ADMIN_CPU_MS, WALL_MS, PAGE_RATIO = 60, 100, 120, 2
FILTERED_MS = 80


def site_figures(found: Result) -> list[Line]:
    """Return the goals of whatever was measured, of the largest size."""
    return [
        *_lines(found.get("pages"), _of_pages),
        *_lines(found.get("filtered"), _of_filtered),
        *_lines(found.get("rights"), _of_rights),
        *_lines(_widest(found.get("verify")), _of_verify),
        *_lines(found.get("starting"), _of_starting),
    ]


def _lines(results: list[Result] | None, figures: Callable[[Result], Iterator[tuple[str, str, str]]]) -> list[Line]:
    """Put the figures of each database beside each other."""
    by_database = {one["database"]: list(figures(one)) for one in results or ()}
    if not by_database:
        return []
    known = next(iter(by_database.values()))
    measured = [
        [line[2] for line in by_database[name]] if name in by_database else [NOT_MEASURED] * len(known)
        for name in DATABASES
    ]
    return [(what, goal, *values) for (what, goal, _value), *values in zip(known, *measured, strict=True)]  # type: ignore[misc]


def _widest(results: list[Result] | None) -> list[Result] | None:
    """Return the results of the largest dimension."""
    return results and [one for one in results if one["dimension"] == max(each["dimension"] for each in results)]


def _of_pages(found: Result) -> Iterator[tuple[str, str, str]]:
    rows = f"{found['sizes'][-1]:,} pictures"
    pages = [page for page in found["pages"] if not page["name"].startswith(ADMIN)]
    admin = [page for page in found["pages"] if page["name"].startswith(ADMIN)]
    for kind, some, limit_ms in (("page or endpoint", pages, PAGE_CPU_MS), ("page of the admin", admin, ADMIN_CPU_MS)):
        for way, said in (("", ""), ("changed_", ", right after a change"), ("cold_", ", in a new process")):
            yield f"slowest {kind}{said}, processor, {rows}", f"{limit_ms} ms", _slowest(some, f"{way}cpu_ms", limit_ms)
        yield f"slowest {kind}, clock, {rows}", f"{WALL_MS} ms on PostgreSQL", _slowest(some, "wall_ms", WALL_MS)
    yield f"the same page, / at {found['sizes'][0]:,}", str(PAGE_RATIO), _worst_ratio(found["pages"])
    yield "pages with more queries than there", "0", str(len(with_more_queries(found["pages"])))


def _slowest(pages: list[Result], name: str, limit_ms: float) -> str:
    cut_off = [page for page in pages if page["costs"][-1][name] is None]
    known = [page for page in pages if page["costs"][-1][name] is not None]
    above = len(cut_off) + sum(page["costs"][-1][name] > limit_ms for page in known)
    if cut_off:
        told = f"cut off: {called(cut_off[0])}"
    else:
        worst = max(known, key=lambda page: page["costs"][-1][name])
        told = f"{worst['costs'][-1][name]:,.0f} ms: {called(worst)}"
    return f"{told}; {above} of {len(pages)} above"


def _worst_ratio(pages: list[Result]) -> str:
    ratios = [(ratio_of(page), page) for page in pages]
    above = sum(ratio is None or ratio > PAGE_RATIO for ratio, _page in ratios)
    ratio, worst = max(ratios, key=lambda one: float("inf") if one[0] is None else one[0])
    told = f"{called(worst)} cut off" if ratio is None else f"{ratio:.1f}: {called(worst)}"
    return f"{told}; {above} of {len(pages)} above"


def called(page: Result) -> str:
    return f"{page['name']} ({page['role']})"


def ratio_of(page: Result) -> float | None:
    """Return what the page costs in the large library, / in the small one; None if it was cut off."""
    small, large = page["costs"][0]["cpu_ms"], page["costs"][-1]["cpu_ms"]
    return None if small is None or large is None else large / small


def with_more_queries(pages: list[Result]) -> list[Result]:
    return [page for page in pages if (page["costs"][-1]["queries"] or 0) > (page["costs"][0]["queries"] or 0)]


def _of_filtered(found: Result) -> Iterator[tuple[str, str, str]]:
    """Tell of the members for whom each kind of search takes longest."""
    for kind, some in itertools.groupby(found["costs"], key=itemgetter("kind")):
        worst = max(some, key=itemgetter("search_p95_wall_ms"))
        what = f"{kind}: search with facets beyond encoding, p95 by the clock, {found['rows']:,} pictures"
        told = f"{worst['search_p95_wall_ms']:.0f} ms (p50 {worst['search_p50_wall_ms']:.0f}): {worst['role']}"
        yield what, f"{FILTERED_MS} ms" if kind == "meaning and filters" else "", told


def _of_rights(found: Result) -> Iterator[tuple[str, str, str]]:
    rows, changes, filters, readers = f"{found['rows']:,}", found["changes"], found["filters"], found["readers"]
    told = f"{changes['ratio']:.2f} ({changes['changed_ms']:.0f} / {changes['unchanged_ms']:.0f} ms)"
    yield f"member's first search after another's tagged edit / one without it, {rows} pictures", "1.3", told
    others = f"after a change {filters['changed_ms']:.0f}, new process {filters['cold_ms']:.0f}"
    told = f"{filters['fresh_ms']:.0f} ms ({others})"
    yield f"member's search with three filters never used before, beyond the scan, {rows} pictures", "40 ms", told
    told = f"{readers['ratio']:.2f} ({readers['beside_per_second']:.0f} / {readers['alone_per_second']:.0f} a second)"
    yield f"16 readers beside one tagging uploader / without, answers, {rows} pictures", "0.8", told


def _of_verify(found: Result) -> Iterator[tuple[str, str, str]]:
    size = f"{found['rows']:,} × {found['dimension']:,}"
    told = f"{found['beside_slowest_ms']:,.0f} ms (without it {found['alone_slowest_ms']:,.0f})"
    yield f"longest wait of a writer beside `verify_index`, {size}", "1,000 ms", told
    yield f"peak private memory of `verify_index`, {size}", "300 MB", f"{found['peak_private_mb']:,.0f} MB"


def _of_starting(found: Result) -> Iterator[tuple[str, str, str]]:
    for asked, goal in (("search", "500 ms"), ("page", "100 ms")):
        starts = [line for line in found["starts"] if line["asked"] == asked]
        worst = max(starts, key=_beyond_small)
        what = f"first {asked} after a start beyond the same at {found['sizes'][0]:,}, {found['sizes'][-1]:,} pictures"
        yield what, goal, f"{_beyond_small(worst):,.0f} ms ({worst['role']}, after {worst['since']})"


def _beyond_small(line: Result) -> float:
    return float(line["costs"][-1]["cpu_ms"] - line["costs"][0]["cpu_ms"])
