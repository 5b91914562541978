"""What an answer costs: processor time of the whole process, time by the clock, and queries of the database."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from django.db import connection

from gallery.vectors.engines.snapshot_searcher import SnapshotSearcher


@dataclass
class Spent:
    """Milliseconds. `scan_ms` is the processor's in the vector engine, which is not in `cpu_ms`.

    `cpu_ms` has that of PostgreSQL's process for this connection, where the kernel tells it.
    """

    cpu_ms: float = 0
    wall_ms: float = 0
    scan_ms: float = 0
    queries: int = 0

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


class _Scans:
    cpu_ms = 0.0


def count_scans() -> None:
    """Let this process count from now on what its vector searches cost."""
    search = SnapshotSearcher.search

    def counted(self: SnapshotSearcher, *words: Any, **named: Any) -> Any:
        started = time.process_time()
        try:
            return search(self, *words, **named)
        finally:
            _Scans.cpu_ms += (time.process_time() - started) * 1000

    SnapshotSearcher.search = counted  # type: ignore[method-assign]


@contextmanager
def measured() -> Iterator[Spent]:
    """Measure the body, into what is yielded; nothing else may run in this process meanwhile."""
    spent = Spent()

    def counting(execute: Callable[..., Any], *words: Any) -> Any:
        spent.queries += 1
        return execute(*words)

    started, scans_before, cpu_before = time.perf_counter(), _Scans.cpu_ms, _cpu_ms()
    with connection.execute_wrapper(counting):
        yield spent
    spent.wall_ms = (time.perf_counter() - started) * 1000
    spent.scan_ms = _Scans.cpu_ms - scans_before
    spent.cpu_ms = _cpu_ms() - cpu_before - spent.scan_ms


def _cpu_ms() -> float:
    return time.process_time() * 1000 + _database_cpu_ms()


def _database_cpu_ms() -> float:
    """Return what the process of PostgreSQL that answers this connection has spent, 0 where that is not known."""
    if connection.vendor != "postgresql" or connection.connection is None:
        return 0
    told = Path(f"/proc/{connection.connection.info.backend_pid}/schedstat")
    try:
        return int(told.read_text().split()[0]) / 1e6
    except (OSError, ValueError):
        return 0
