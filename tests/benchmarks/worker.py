"""One more process of the site: answers, line by line, what `library` asks it to do, with one JSON object each."""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .environment import set_up

SEARCHES = 20
SMAPS = Path("/proc/self/smaps_rollup")


class Worker:
    def __init__(self, queries_path: str) -> None:
        import numpy as np

        from .stand_in import stand_in

        self._queries = np.load(queries_path)
        stand_in(self._queries)

    def first_answer_of_index(self) -> dict[str, Any]:
        """Search the index itself: the database is opened, files are mapped, the scan is compiled."""
        return {"milliseconds": self._search_index(0)}

    def first_answer(self) -> dict[str, Any]:
        """Search the site as the operator: the database also lists once what is not in the trash."""
        return {"milliseconds": self._search(None, 0)}

    def first_answer_of_user(self) -> dict[str, Any]:
        """Search the site as a user who may see half: the database lists once which ones."""
        return {"milliseconds": self._search("bob", 0)}

    def index_searches(self) -> dict[str, Any]:
        return {"milliseconds": [self._search_index(number) for number in range(SEARCHES)]}

    def searches(self) -> dict[str, Any]:
        """Search often enough for every buffer to be there."""
        return {"milliseconds": [self._search("bob", number) for number in range(SEARCHES)]}

    def private_bytes(self) -> dict[str, Any]:
        """Return what only this process holds, in bytes; None where the kernel does not say."""
        if not SMAPS.exists():
            return {"bytes": None}
        kilobytes = [int(line.split()[1]) for line in SMAPS.read_text().splitlines() if line.startswith("Private_")]
        return {"bytes": 1024 * sum(kilobytes)}

    def _search_index(self, number: int) -> float:
        from gallery.search_index import search_index

        started = time.perf_counter()
        hits = search_index().search(self._queries[number : number + 1], 10)
        if len(hits.of(0).ids) != 10:
            raise RuntimeError(f"{len(hits.of(0).ids)} hits instead of 10")
        return (time.perf_counter() - started) * 1000

    def _search(self, username: str | None, number: int) -> float:
        from gallery.models import OPERATOR, Actor, Door, User

        from .stand_in import find_by_number

        started = time.perf_counter()
        by = OPERATOR if username is None else Actor.of(User.objects.get(username=username), door=Door.PAGE)
        page = find_by_number(number, by=by, top=10)
        if len(page.results) != 10:
            raise RuntimeError(f"{len(page.results)} results instead of 10")
        return (time.perf_counter() - started) * 1000


def main() -> None:
    set_up()
    import gallery.services.search  # noqa: F401 -- idle means: loaded, and nothing searched yet

    worker = Worker(sys.argv[1])
    for line in sys.stdin:
        task: Callable[[], dict[str, Any]] = getattr(worker, line.strip())
        print(json.dumps(task()), flush=True)


if __name__ == "__main__":
    main()
