"""python -m tests.benchmarks.filtered_process ROWS DIMENSION: a process of a site, which searches as it is told.

A line is a JSON object: {"username", "kind", "number", "way"}. The ways: `search`, from the text of the search box to
results and facets; `engine`, the first vector search of that one alone, once more; `page`, the page of the website with
such a search. The encoder is the stand-in: encoding costs nothing.
"""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .environment import set_up

set_up()

from django.conf import settings
from django.test import Client
from django.utils.http import urlencode

from gallery.measuring.speed import ClusteredRows
from gallery.models import Actor, Door, User
from gallery.retrieval.request import SearchRequest
from gallery.services.search import find_images
from gallery.vectors.engines.snapshot_searcher import SnapshotSearcher
from imagesearch_project.first_page import prepare_first_page

from .filtered_searches import query
from .spent import Spent, measured
from .stand_in import stand_in

QUERIES = 64
TOP = 24
Answer = dict[str, Any]


@dataclass(frozen=True)
class Visitor:
    by: Actor
    client: Client

    @classmethod
    def named(cls, name: str) -> "Visitor":
        user, client = User.objects.get(username=name), Client()
        client.force_login(user)
        return cls(Actor.of(user, door=Door.PAGE), client)


class FirstScan:
    """Remembers the first vector search of each search, to do it again."""

    def __init__(self) -> None:
        self.again: Callable[[], object] | None = None
        search = SnapshotSearcher.search

        def remembered(searcher: SnapshotSearcher, *words: Any, **named: Any) -> Any:
            if self.again is None:
                self.again = lambda: search(searcher, *words, **named)
            return search(searcher, *words, **named)

        SnapshotSearcher.search = remembered  # type: ignore[method-assign]


class Searching:
    def __init__(self) -> None:
        self._visitors: dict[str, Visitor] = {}
        self._scan = FirstScan()
        self._ways: dict[str, Callable[[Visitor, str], Answer]] = {
            "search": self._search,
            "engine": self._engine,
            "page": self._page,
        }

    def answer(self, *, username: str, kind: str, number: int, way: str) -> Answer:
        if username not in self._visitors:
            self._visitors[username] = Visitor.named(username)
        return self._ways[way](self._visitors[username], query(kind, number, meanings=QUERIES))

    def _search(self, visitor: Visitor, text: str) -> Answer:
        self._scan.again = None
        with measured() as spent:
            request = SearchRequest.of(query=text, top=TOP, max_top=TOP)
            page = find_images(request, by=visitor.by, with_facets=True)
        return {**_told(spent), "found": page.searched, "meant": page.confident_count, "facets": len(page.facets)}

    def _engine(self, _visitor: Visitor, _text: str) -> Answer:
        with measured() as spent:
            if self._scan.again is not None:
                self._scan.again()
        return _told(spent)

    def _page(self, visitor: Visitor, text: str) -> Answer:
        with measured() as spent:
            response = visitor.client.get(f"/search/?{urlencode({'q': text, 'top': TOP})}")
        assert response.status_code == 200, text
        return _told(spent)


def _told(spent: Spent) -> Answer:
    return {"wall_ms": spent.wall_ms, "cpu_ms": spent.cpu_ms, "queries": spent.queries}


def main() -> None:
    rows, dimension = (int(word) for word in sys.argv[1:3])
    settings.ALLOWED_HOSTS = ["*"]
    prepare_first_page()
    stand_in(ClusteredRows(rows, dimension).queries(QUERIES))
    searching = Searching()
    for line in sys.stdin:
        print(json.dumps(searching.answer(**json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
