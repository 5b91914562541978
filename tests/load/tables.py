"""What a load left of the site's speed, as tables."""

import json
from collections.abc import Iterator
from typing import Any

from tests.benchmarks.tables import table

Result = dict[str, Any]
TIMES = ("quiet_p95_ms", "p50_ms", "p95_ms", "p99_ms")


TITLES = {
    "attack": "Under attack",
    "rooms": "One room filled",
    "mixed": "Thirty people at once",
    "burst": "A hundred small pictures at once",
    "kills": "Every process killed in turn",
    "memory": "Memory of the processes",
}


def load_report(found: Result) -> Iterator[str]:
    for part, title in TITLES.items():
        if part in found:
            yield from (f"### {title}", "", f"`python -m tests.load {part}`", "", *tables(part, found[part]), "")


def tables(part: str, found: Result) -> Iterator[str]:
    yield from TABLES[part](found)


def _ms(value: float | None) -> str:
    return "not answered" if value is None else f"{value:,.0f}"


def _ratio(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def _words(counts: dict[str, int]) -> str:
    return ", ".join(f"{name}: {number:,}" for name, number in counts.items())


def _attack(found: Result) -> Iterator[str]:
    rows = [
        (
            name,
            *(_ms(found[name][time]) for time in TIMES),
            _ratio(found[name]["ratio"]),
            f"{found[name]['refused']:.1%}",
            _words(found[name]["statuses"]),
        )
        for name in ("health", "text_search", "page")
    ]
    head = ("meanwhile", "quiet p95, ms", "p50", "p95", "p99", "p95 / quiet", "refused", "statuses")
    yield from table(head, rows)
    yield ""
    yield f"The attackers were answered: {_words(found['answered'])}."
    yield f"They took {found['generator_share']:.2f} of a core."
    waits = ", ".join("more than 120" if one is None else f"{one:.0f}" for one in found["seconds_until_none_waits"])
    yield f"Seconds afterwards until no picture waited: {waits}."


def _rooms(found: Result) -> Iterator[str]:
    names = ["health", *found]
    rows = []
    for filled, one in found.items():
        others = one["others"]
        cells = [_room_cell(others[name]) if name in others else "filled" for name in names]
        rows.append((filled, *cells))
    yield from table(("filled", *names), rows)
    yield ""
    yield "Each cell: p95 of the other room / p95 of the quiet site (p95 in ms; share refused)."
    for filled, one in found.items():
        yield f"{filled}: {_words(one['answered'])}; {one['generator_share']:.2f} of a core."


def _room_cell(one: Result) -> str:
    return f"{_ratio(one['ratio'])} ({_ms(one['p95_ms'])}; {one['refused']:.0%})"


def _mixed(found: Result) -> Iterator[str]:
    rows = [
        (size, name, f"{one['answers']:,}", _ms(one["p50_ms"]), _ms(one["p95_ms"]), _words(one["statuses"]))
        for size, kinds in found.items()
        for name, one in kinds.items()
    ]
    yield from table(("pictures", "what", "asked", "p50, ms", "p95, ms", "statuses"), rows)


def _plain(found: Result) -> Iterator[str]:
    shown = ((name, value if isinstance(value, str) else json.dumps(value)) for name, value in found.items())
    yield from table(("what", "measured"), list(shown))


def _memory(found: Result) -> Iterator[str]:
    last = found["samples"][-1]
    rows = [
        (process["command"], f"{process['resident']:,.0f}", f"{process['private']:,.0f}")
        for process in last["processes"]
    ]
    yield from table((f"after {last['minutes']:.0f} minutes, MB", "resident", "private"), rows)
    yield ""
    yield f"The largest at any minute: {found['largest_mb']:,.0f} MB resident."


TABLES = {
    "attack": _attack,
    "rooms": _rooms,
    "mixed": _mixed,
    "burst": _plain,
    "kills": _plain,
    "memory": _memory,
}
