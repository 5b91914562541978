"""Children of a process, and their deaths: at a named moment of the code, after so much work, or at any time."""

import os
import random
import re
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

from django.db import connection, connections

from gallery.durable import crash_points
from tests.waiting import until


def in_child(work: Callable[[], object]) -> int:
    """Run `work` in a process of its own and return its id; its exit status is 0 if it finishes."""
    connections.close_all()  # a connection must not be shared with a child
    pid = os.fork()
    if pid:
        return pid
    try:
        work()
    except BaseException:  # noqa: BLE001 -- nothing of the parent may run on in the child
        os._exit(1)
    os._exit(0)


def finished(work: Callable[[], object]) -> float:
    """Run `work` in a process of its own, which must not fail; return how many seconds it took."""
    started = time.monotonic()
    assert os.waitpid(in_child(work), 0)[1] == 0, "what a living process does must not fail"
    return time.monotonic() - started


def kill(child: int) -> bool:
    """Kill a child and return whether it died of that, and had neither ended nor failed before."""
    os.kill(child, signal.SIGKILL)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def dies_at(point: str, work: Callable[[], object], *, nth: int = 1) -> bool:
    """Run `work` in a process that is killed the nth time it comes to the crash point; return whether it was."""

    def doomed() -> None:
        passed = 0

        def die(name: str) -> None:
            nonlocal passed
            passed += name == point
            if passed == nth:
                os.kill(os.getpid(), signal.SIGKILL)

        crash_points.callback = die
        work()

    _, status = os.waitpid(in_child(doomed), 0)
    assert os.WIFSIGNALED(status) or status == 0, f"failed at {point} by itself"
    return os.WIFSIGNALED(status)


def kill_when(reached: Callable[[], object], work: Callable[[], object], *, seconds: float = 0.0) -> None:
    """Run `work` in a child and kill that so many seconds after `reached` is true, if it has not ended before."""
    child = in_child(work)
    status: list[int] = []

    def reached_or_ended() -> bool:
        ended, found = os.waitpid(child, os.WNOHANG)
        status.extend([found] if ended else [])
        return bool(status or reached())

    until(reached_or_ended, "the child gets so far")
    if not status:
        time.sleep(seconds)
        kill(child)
    let_the_server_notice()


def let_the_server_notice() -> None:
    """Wait until the database's server has ended what dead processes had begun: PostgreSQL does it a little later."""
    if connection.vendor != "postgresql":
        return

    def nobody_else_is_served() -> bool:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
            )
            return cursor.fetchone()[0] == 0

    until(nobody_else_is_served, "the server ends the sessions of the dead")


def point_names(*packages: ModuleType) -> list[str]:
    """Return the names of all crash points in the code of these packages."""
    files = [file for package in packages for file in Path(str(package.__file__)).parent.glob("*.py")]
    return sorted({name for file in files for name in re.findall(r'crash_point\("(\w+)"\)', file.read_text())})


def moments(n: int, longest_seconds: float, *, seed: int) -> Iterator[float]:
    """Yield random moments, spread over the whole run so that no part of it is left out."""
    source, width = random.Random(seed), longest_seconds / n
    yield from (width * (step + source.random()) for step in range(n))
