"""python -m tests.benchmarks.search_process ROWS DIMENSION: a process of a site, which searches as it is told.

A line is a JSON object with a "task", the name of one of the functions below, and what that takes. The searched texts
are the stand-in encoder's: encoding costs nothing.
"""

import json
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .environment import set_up

set_up()

from django.contrib.auth.models import AnonymousUser
from django.db import connection

from gallery.measuring.speed import ClusteredRows
from gallery.models import Actor, Door, User
from gallery.retrieval.request import SearchRequest
from gallery.services.search import find_images

from .changes import change_tags, place_originals, upload_tagged
from .spent import count_scans, measured
from .stand_in import StandInEncoder, stand_in

QUERIES = 64
TOP = 24
GAP_SECONDS = 0.05  # between two uploads, however slow the machine: others want the index's lock too
READERS = ("bob", "alice", "carol", None)  # a member, a large owner, a curator, nobody who signed in


class Searcher:
    def __init__(self, encoder: StandInEncoder) -> None:
        self._encoder = encoder
        self._asked = 0
        self._uploaded = 0

    def search(self, username: str | None, *, tags: list[str], changed: bool = False) -> dict[str, Any]:
        """Search once, right after somebody else has changed the tags of a picture if `changed`."""
        by = _actor(username)
        if changed:
            change_tags()
        with measured() as spent:
            self._find(by, tags)
        return spent.as_json()

    def read(self, *, threads: int, seconds: float) -> dict[str, Any]:
        """Search in threads for some time, each for another kind of reader; return how many were answered."""
        ends, counts = time.monotonic() + seconds, [0] * threads

        def keep_searching(place: int) -> None:
            by = _actor(READERS[place % len(READERS)])
            while time.monotonic() < ends:
                self._find(by, [])
                counts[place] += 1
            connection.close()

        readers = [threading.Thread(target=keep_searching, args=(place,)) for place in range(threads)]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join()
        return {"answers": sum(counts)}

    def upload(self, *, seconds: float, per_second: float) -> dict[str, Any]:
        """Add tagged pictures for some time; return how many, and the milliseconds that the slowest took."""
        ends = time.monotonic() + seconds
        return self._upload_while(lambda: time.monotonic() < ends, per_second)

    def upload_during(self, *, pid: int, per_second: float) -> dict[str, Any]:
        """Do the same as long as a process is there."""
        return self._upload_while(Path(f"/proc/{pid}").exists, per_second)

    def place_originals(self) -> dict[str, Any]:
        place_originals()
        return {}

    def _upload_while(self, is_on: Callable[[], bool], per_second: float) -> dict[str, Any]:
        started, slowest_ms, count = time.monotonic(), 0.0, 0
        while is_on():
            begun = time.monotonic()
            upload_tagged(self._encoder, number=self._uploaded)
            slowest_ms = max(slowest_ms, (time.monotonic() - begun) * 1000)
            self._uploaded, count = self._uploaded + 1, count + 1
            time.sleep(max(GAP_SECONDS, started + count / per_second - time.monotonic()))
        return {"uploads": count, "slowest_ms": slowest_ms}

    def _find(self, by: Actor, tags: list[str]) -> None:
        self._asked += 1
        text = str(self._asked % QUERIES)
        find_images(SearchRequest.of(text=text, tags=tags, top=TOP, max_top=TOP, max_characters=100), by=by)


def _actor(username: str | None) -> Actor:
    user = AnonymousUser() if username is None else User.objects.get(username=username)
    return Actor.of(user, door=Door.PAGE)


def main() -> None:
    rows, dimension = (int(word) for word in sys.argv[1:3])
    searcher = Searcher(stand_in(ClusteredRows(rows, dimension).queries(QUERIES)))
    count_scans()
    for line in sys.stdin:
        asked = json.loads(line)
        task: Callable[..., dict[str, Any]] = getattr(searcher, asked.pop("task"))
        print(json.dumps(task(**asked)), flush=True)


if __name__ == "__main__":
    main()
