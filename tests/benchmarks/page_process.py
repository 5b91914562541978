"""python -m tests.benchmarks.page_process ROWS DIMENSION: a process of a site, which answers pages as it is told.

A line is a JSON object: {"task": "sign_in"}, {"task": "change"}, {"task": "next_part", "url", "session"} or
{"task": "page", "url", "session", "way"}. The ways: `warm`; `changed`, right after somebody else has changed the tags
of a picture; `cold`, in a process that has answered nothing before.
Django's test client asks in this very process, so that no server and no network is in the figures.
"""

import json
import os
import re
import sys
from collections.abc import Callable
from typing import Any

from .environment import set_up

set_up()

from django.conf import settings
from django.db import connection
from django.db.models import Count
from django.test import Client

from gallery.measuring.speed import ClusteredRows
from gallery.models import Album, Image, Tag, User, Visibility
from imagesearch_project.first_page import prepare_first_page

from .changes import change_tags
from .spent import count_scans, measured
from .stand_in import stand_in

QUERIES = 40
CURSOR = re.compile(r"[?&](?:amp;)?(cursor=[^\"&]+)")


def sign_in() -> dict[str, Any]:
    """Return the session of each role, and what the places of an address mean to it."""
    users = {"member": "bob", "owner": "alice", "curator": "carol"}
    accounts = User.objects.in_bulk(users.values(), field_name="username")
    common = _common_places() | {"owner": accounts["alice"].pk}
    roles = {"anonymous": {"session": None, "places": common}}
    for role, name in users.items():
        client = Client()
        client.force_login(accounts[name])
        own = Image.objects.filter(owner=accounts[name], trashed_at=None).order_by("pk").first()
        places = common | {"own": None if own is None else own.pk}
        roles[role] = {"session": client.cookies[settings.SESSION_COOKIE_NAME].value, "places": places}
    return roles


def _common_places() -> dict[str, Any]:
    seen = Image.objects.filter(visibility=Visibility.PUBLIC, trashed_at=None, embedding_row__isnull=False)
    public = seen.order_by("pk").first()
    albums = Album.objects.filter(members__username="bob").annotate(size=Count("images"))
    album = albums.order_by("-size", "pk").first()
    assert public is not None
    assert album is not None
    rows = Image.objects.order_by("-pk").values_list("pk", flat=True)[0]
    return {
        "public": public.pk,
        "md5": public.md5,
        "album": album.pk,
        "tag": Tag.objects.get(key="tag 3").pk,
        "deep": max(2, rows // 5 // 24),
        "deep_admin": max(2, rows // 2 // 100),
    }


def next_part(url: str, session: str | None) -> dict[str, Any]:
    """Return the address of the part that follows by its cursor; the same where none does."""
    cursors = CURSOR.findall(_client(session).get(url).content.decode())
    return {"url": f"{url.partition('?')[0]}?{cursors[-1]}" if cursors else url}


def page(url: str, session: str | None, way: str) -> dict[str, Any]:
    if way == "cold":
        return _in_a_new_process(url, session)
    if way == "changed":
        change_tags()
    return _asked(url, session)


def change() -> dict[str, Any]:
    change_tags()
    return {}


def _asked(url: str, session: str | None) -> dict[str, Any]:
    client = _client(session)
    with measured() as spent:
        response = client.get(url)
    return {"status": response.status_code, **spent.as_json()}


def _client(session: str | None) -> Client:
    client = Client(raise_request_exception=False)
    if session is not None:
        client.cookies[settings.SESSION_COOKIE_NAME] = session
    return client


def _in_a_new_process(url: str, session: str | None) -> dict[str, Any]:
    """Answer in a child of this process, which itself never touches the database."""
    assert connection.connection is None
    receiving, sending = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            found = _asked(url, session)
        except BaseException as error:  # noqa: BLE001 -- nothing may leave the child but its answer
            found = {"error": repr(error)}
        os.write(sending, json.dumps(found).encode())
        os._exit(0)
    os.close(sending)
    with os.fdopen(receiving, "rb") as answer:
        found = json.loads(answer.read() or '{"error": "it ended"}')
    os.waitpid(child, 0)
    if "error" in found:
        raise RuntimeError(f"{url}: {found['error']}")
    return found


def main() -> None:
    rows, dimension = (int(word) for word in sys.argv[1:3])
    settings.ALLOWED_HOSTS = ["*"]
    prepare_first_page()  # as wsgi.py does
    stand_in(ClusteredRows(rows, dimension).queries(QUERIES))
    count_scans()
    Client().get("/healthz")  # loads what belongs to no page, and asks no database
    tasks: dict[str, Callable[..., dict[str, Any]]] = {
        "sign_in": sign_in,
        "next_part": next_part,
        "change": change,
        "page": page,
    }
    for line in sys.stdin:
        asked = json.loads(line)
        print(json.dumps(tasks[asked.pop("task")](**asked)), flush=True)


if __name__ == "__main__":
    main()
