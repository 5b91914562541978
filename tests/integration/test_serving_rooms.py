"""Rooms as visitors meet them: whoever fills one is told to come back, and the others do not notice."""

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from gallery.errors import ServerBusy
from gallery.rooms import Room
from imagesearch_project.serving.bodies import KEPT_IN_MEMORY_BYTES, BodyLimits
from imagesearch_project.serving.rooms import RoomSize
from tests.full_disk import fill_disk_of_spool
from tests.rooms_urls import LARGE_FILE, entered, open_rooms
from tests.served_adapter import ServedAdapter, served_adapter
from tests.waiting import PATIENCE_SECONDS, until

ONE_PLACE = RoomSize(threads=1, waiting=0, wait_seconds=1)
LIMITS = BodyLimits(
    silence_seconds=60, grace_seconds=60, bytes_per_second=1, total_bytes=100_000_000, strangers_bytes=100_000_000
)


@pytest.fixture
def site(db, settings) -> Iterator[ServedAdapter]:
    settings.ROOT_URLCONF = "tests.rooms_urls"
    for room in Room:
        open_rooms[room].set()
    with served_adapter(ONE_PLACE, LIMITS) as served:
        yield served
        for room in Room:
            open_rooms[room].set()


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as pool:
        yield pool


def fill(room: Room) -> None:
    open_rooms[room].clear()
    while entered[room].acquire(blocking=False):
        pass


def wait_until_entered(room: Room) -> None:
    assert entered[room].acquire(timeout=PATIENCE_SECONDS)


def is_free(site: ServedAdapter, room: Room) -> bool:
    return site.ask("GET", f"/rooms/{room}/")[0].status == 200


@pytest.mark.parametrize("filled", Room)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_filled_room_sends_away_whoever_comes_to_it_and_no_other(site, threads, filled, method):
    fill(filled)
    first = threads.submit(site.ask, method, f"/rooms/{filled}/", b"first" if method == "POST" else None)
    wait_until_entered(filled)

    others = {room: site.ask(method, f"/rooms/{room}/")[0].status for room in Room if room is not filled}
    page, sentence = site.ask(method, f"/rooms/{filled}/")
    answer, body = site.ask(method, f"/api/rooms/{filled}/")
    open_rooms[filled].set()

    assert set(others.values()) == {200}
    assert (page.status, page.headers["Retry-After"], page.headers.get_content_type()) == (503, "5", "text/html")
    assert ServerBusy.message.encode() in sentence
    assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
    assert json.loads(body) == {"code": "server_busy", "message": ServerBusy.message, "details": {}}
    assert first.result()[0].status == 200
    until(lambda: is_free(site, filled), "the room is free again")


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_health_is_answered_by_the_loop_itself_as_its_view_would(site, client, threads, method):
    fill(Room.HEALTH)
    filling = threads.submit(site.ask, "GET", "/rooms/health/")
    wait_until_entered(Room.HEALTH)

    answer, content = site.ask(method, "/healthz")
    open_rooms[Room.HEALTH].set()

    expected = client.generic(method, "/healthz")
    names = ("Content-Type", "Cache-Control", "X-Content-Type-Options")
    assert (answer.status, content) == (expected.status_code, expected.content)
    assert [answer.headers[name] for name in names] == [expected.headers[name] for name in names]
    assert filling.result()[0].status == 200


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_visitors_who_go_away_leave_no_queue_behind_them(site, method):
    fill(Room.PAGES)
    head = f"{method} /rooms/pages/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n".encode()

    with site.begin(head):
        wait_until_entered(Room.PAGES)
    statuses = {site.ask(method, "/rooms/pages/")[0].status for _ in range(20)}
    open_rooms[Room.PAGES].set()

    assert statuses == {503}
    until(lambda: is_free(site, Room.PAGES), "the room is free again")


def test_request_that_goes_on_in_another_room_leaves_its_own(site, threads):
    fill(Room.DOWNLOAD)
    moved = threads.submit(site.ask, "GET", "/moving/")
    wait_until_entered(Room.DOWNLOAD)

    stayed, _content = site.ask("GET", "/rooms/files/")
    open_rooms[Room.DOWNLOAD].set()

    assert stayed.status == 200
    assert moved.result()[0].status == 200


def test_request_that_goes_on_in_a_full_room_is_sent_away(site, threads):
    fill(Room.DOWNLOAD)
    first = threads.submit(site.ask, "GET", "/rooms/download/")
    wait_until_entered(Room.DOWNLOAD)

    answer, _sentence = site.ask("GET", "/moving/")
    open_rooms[Room.DOWNLOAD].set()

    assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
    assert first.result()[0].status == 200


@pytest.mark.parametrize(
    ("address", "kind"), [("/rooms/upload/", "text/html"), ("/api/rooms/upload/", "application/json")]
)
def test_full_disk_is_told_at_each_door_and_stops_nobody_else(site, monkeypatch, address, kind):
    with monkeypatch.context() as patch:
        fill_disk_of_spool(patch)
        answer, sentence = site.ask("POST", address, b"x" * (KEPT_IN_MEMORY_BYTES + 1))
    after, content = site.ask("POST", address, b"small")

    assert (answer.status, answer.headers.get_content_type()) == (507, kind)
    assert b"There is no free space left" in sentence
    assert (after.status, content) == (200, b"small")


def test_stopping_server_answers_what_is_under_way(site, threads):
    fill(Room.PAGES)
    under_way = threads.submit(site.ask, "POST", "/rooms/pages/", b"sent before")
    wait_until_entered(Room.PAGES)

    site.stop()
    threading.Timer(0.5, open_rooms[Room.PAGES].set).start()
    answer, content = under_way.result(PATIENCE_SECONDS)

    assert (answer.status, content) == (200, b"sent before")
    site.thread.join(PATIENCE_SECONDS)
    assert not site.thread.is_alive()


def test_readers_who_do_not_read_hold_no_thread(site, settings):
    content = bytes(range(256)) * 4 * 50_000
    (settings.DATA_DIR / LARGE_FILE).write_bytes(content)
    slow = [site.begin(b"GET /large/ HTTP/1.1\r\nHost: localhost\r\n\r\n") for _ in range(3)]
    for connection in slow:
        assert until(lambda connection=connection: connection.recv(8), "the answer begins") == b"HTTP/1.1"

    answer, read = site.ask("GET", "/large/")

    assert (answer.status, read == content) == (200, True)
    for connection in slow:
        connection.close()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ('{"text": "red"}', 200),
        ('{"text": "\\u732b"}', 200),
        ('{"text": "red", "image": "AAAA"}', 503),
        ('{"\\u0069mage": "AAAA"}', 503),
        ('["image"]', 503),
        ("[" * 10_000, 503),
        ("{", 503),
        ('{"text": "' + "a" * 16_000 + '"}', 503),
    ],
    ids=["words", "escaped", "picture", "hidden picture", "list", "deep", "broken", "long"],
)
def test_words_in_json_do_not_wait_behind_pictures(site, threads, body, status):
    fill(Room.PICTURE_SEARCH)
    filling = threads.submit(site.ask, "GET", "/rooms/picture_search/")
    wait_until_entered(Room.PICTURE_SEARCH)

    answer, content = site.ask("POST", "/rooms/search/", body.encode(), **{"Content-Type": "application/json"})
    open_rooms[Room.PICTURE_SEARCH].set()

    assert answer.status == status
    assert (content == body.encode()) is (status == 200)
    assert filling.result()[0].status == 200
