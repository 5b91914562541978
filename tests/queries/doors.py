"""The same search through every door, page by page."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from html import unescape
from io import StringIO
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from django.core.management import CommandError, call_command
from django.test import Client

from gallery.models import SavedSearch, User
from tests.integration.api_client import API, Api
from tests.pages import as_user, images_on

from .generating import Query

PAGES, SIZE = 2, 24  # a list on a page has no other size
PLACE = re.compile(r" It stands at characters \d+ to \d+: .*$", re.DOTALL)  # a terminal marks nothing


@dataclass(frozen=True, slots=True)
class Answer:
    """The first pages' ids, the totals where a door says them, and the status of a refusal, with its sentence.

    `wanted` is how many ids were asked for.
    """

    ids: tuple[int, ...] = ()
    totals: tuple[int, int] | None = None
    status: int = 200
    sentence: str = ""
    wanted: int = PAGES * SIZE


@dataclass
class Visit:
    """Somebody at all doors; the command knows no visitors."""

    user: User | None
    page: Client = field(init=False)
    api: Client = field(init=False)

    def __post_init__(self) -> None:
        self.page = Client() if self.user is None else as_user(self.user)
        self.api = Api(self.user).client

    @property
    def doors(self) -> dict[str, Callable[[Query], Answer]]:
        all_have = {"page": self.by_page, "GET": self.by_get, "POST": self.by_post}
        members_have = {"command": self.by_command, "saved search": self.by_saved_search}
        return all_have if self.user is None else all_have | members_have

    def by_page(self, query: Query) -> Answer:
        return self._by_pages("/search/?" + urlencode(_asked(query)), pages=PAGES)

    def by_saved_search(self, query: Query) -> Answer:
        """Save the search and go where that leads; one page is enough, since it is the address of the search."""
        body = {"name": "kept", "query": urlencode(_asked(query))}
        saved = self.api.post(f"{API}/saved-searches/", body, content_type="application/json")
        if saved.status_code != 201:
            return Answer(status=saved.status_code)
        SavedSearch.objects.all().delete()  # there is a limit
        return self._by_pages("/search/?" + urlsplit(saved.json()["page"]).query, pages=1)

    def _by_pages(self, address: str, *, pages: int) -> Answer:
        found: list[int] = []
        for _ in range(pages):
            page = self.page.get(address)
            if page.status_code != 200:
                return Answer(status=page.status_code)
            found += images_on(page)
            following = _next_address(page.content.decode())
            if following is None:
                break
            address = following
        return Answer(tuple(found), wanted=pages * SIZE)

    def by_get(self, query: Query) -> Answer:
        asked = _asked(query)
        return self._by_api(lambda cursor: self.api.get(f"{API}/search/", asked | cursor))

    def by_post(self, query: Query) -> Answer:
        asked = _asked(query)
        return self._by_api(
            lambda cursor: self.api.post(f"{API}/search/", asked | cursor, content_type="application/json")
        )

    def _by_api(self, ask: Callable[[dict[str, str]], Any]) -> Answer:
        found: list[int] = []
        cursor: dict[str, str] = {}
        totals = set()
        for _ in range(PAGES):
            response = ask(cursor)
            body = response.json()
            if response.status_code != 200:
                return Answer(status=response.status_code, sentence=body["message"])
            found += [row["id"] for row in body["results"]]
            totals.add((body["total"], body["confident_total"]))
            if body["next"] is None:
                break
            cursor = {"cursor": _cursor_in(body["next"])}
        [total] = totals  # each page says the same
        return Answer(tuple(found), total)

    def by_command(self, query: Query) -> Answer:
        out = StringIO()
        words = ["search_images", query.text, "--top", str(PAGES * SIZE), "--order", query.order.value, "--json"]
        try:
            call_command(*words, "--user", str(self.user), stdout=out)
        except CommandError as error:
            return Answer(status=400, sentence=PLACE.sub("", str(error)))
        said = json.loads(out.getvalue())
        return Answer(tuple(row["id"] for row in said["results"]), totals=(said["total"], said["confident_total"]))


def disagreement(query: Query, visit: Visit) -> str | None:
    """Return where two doors differ; None where all give the same pictures in the same order, or refuse alike."""
    answers = {name: ask(query) for name, ask in visit.doors.items()}
    first = answers["GET"]
    for name, answer in answers.items():
        if answer.ids != first.ids[: answer.wanted]:
            return f"{name} gives {len(answer.ids)} pictures in another order than GET, {len(first.ids)}"
        if answer.totals not in (None, first.totals) and first.status == 200:
            return f"{name} counts {answer.totals}, GET {first.totals}"
        if (answer.status == 200) != (first.status == 200):
            return f"{name} answers {answer.status}, GET {first.status}"
        if answer.sentence and answer.sentence != first.sentence:
            return f"{name} says {answer.sentence!r}, GET {first.sentence!r}"
    return None


def _asked(query: Query) -> dict[str, str]:
    return {"q": query.text, "top": str(SIZE), "order": query.order.value}


def _next_address(html: str) -> str | None:
    onward = re.sub(r'<a\b[^>]*rel="prev"[^>]*>', "", html)
    found = {unescape(link) for link in re.findall(r'<a\b[^>]*\bhref="([^"]*\bcursor=[^"]*)"', onward)}
    if len(found) > 1:
        raise AssertionError(f"several next pages: {found}")
    return "/search/?" + urlsplit(found.pop()).query if found else None


def _cursor_in(address: str) -> str:
    return parse_qs(urlsplit(address).query)["cursor"][0]
