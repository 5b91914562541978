"""The server of `make run`: what it lets through, what it cuts off, and what it does when its processes die."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from queue import Queue
from types import SimpleNamespace
from urllib.parse import quote

import psutil
import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from gallery.rooms import Room, room_of
from imagesearch_project.serving.server import begin_beside, warm_up
from tests.served_site import ServedSite, served_site
from tests.waiting import PATIENCE_SECONDS, until


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Iterator[ServedSite]:
    limits = {"IMAGESEARCH_HEADER_SECONDS": "2", "IMAGESEARCH_BODY_SILENCE_SECONDS": "2"}
    with served_site(tmp_path_factory.mktemp("server"), **limits) as running:
        yield running


def get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()


@pytest.mark.parametrize("text", ["猫" * 500, "😀" * 500], ids=["Chinese", "emoji"])
def test_server_hands_on_a_search_however_long_its_address_is(site, text):
    assert site.ask("GET", f"/api/v1/search/?q={quote(text)}").status == 200


@pytest.mark.parametrize("text", ["a" * 10_000, "猫" * 7_000], ids=["Latin", "Chinese"])
def test_server_hands_on_what_is_too_long_for_the_sites_own_answer(site, text):
    answer = site.send(get(f"/api/v1/search/?q={quote(text)}"))

    assert answer.startswith(b"HTTP/1.1 400")
    assert f'"length":{len(text)}' in answer.decode()


def test_server_refuses_an_address_that_no_server_reads(site):
    assert site.send(get(f"/search/?q={quote('猫' * 10_000)}")).startswith(b"HTTP/1.1 414")


def test_server_hands_on_every_character_of_an_address(site):
    assert f'value="{"猫" * 500}"' in site.send(get(f"/search/?q={quote('猫' * 500)}")).decode()


def test_server_closes_a_connection_whose_headers_do_not_come(site):
    assert site.send(b"GET / HTTP/1.1\r\nHost: local") == b""


@pytest.mark.parametrize(("path", "is_json"), [("/api/v1/search/", True), ("/upload/", False)])
def test_server_answers_a_body_that_does_not_come_with_408(site, path, is_json):
    answer = site.send(f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n{{".encode())

    assert answer.startswith(b"HTTP/1.1 408")
    assert (b'"code": "body_too_slow"' in answer) is is_json


def test_slow_connections_of_every_kind_stop_nobody(site):
    address = ("127.0.0.1", site.port)
    sent = [b"GET / HT", b"POST /upload/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n{"]
    slow = [socket.create_connection(address) for _ in range(100)]
    for number, connection in enumerate(slow):
        connection.sendall(sent[number % 2])

    assert [site.ask("GET", path).status for path in ("/healthz", "/", "/api/v1/search/?q=red")] == [200, 200, 200]
    for connection in slow:
        connection.close()


def test_worker_loads_the_encoder_beside_the_first_requests(monkeypatch):
    encoded: Queue[list[str]] = Queue()
    encoder = SimpleNamespace(encode_texts=encoded.put)
    monkeypatch.setattr("gallery.services.embedding.encoder_in_use.current_encoder", lambda: encoder)

    warm_up()

    assert encoded.get(timeout=PATIENCE_SECONDS) == ["warm up"]


def test_server_looks_for_waiting_work_beside_its_requests(monkeypatch):
    begun: Queue[str] = Queue()
    monkeypatch.setattr("imagesearch_project.serving.server.warm_up", lambda: begun.put("encoder"))
    monkeypatch.setattr("gallery.services.workers.keep_looking_for_work", lambda: begun.put("work"))

    begin_beside()

    assert {begun.get(timeout=PATIENCE_SECONDS) for _ in range(2)} == {"encoder", "work"}


@pytest.mark.parametrize(
    ("method", "path", "room"),
    [
        ("GET", "/healthz", Room.HEALTH),
        ("GET", "/", Room.PAGES),
        ("GET", "/nowhere", Room.PAGES),
        ("GET", "/search/", Room.TEXT_SEARCH),
        ("HEAD", "/search/", Room.TEXT_SEARCH),
        ("POST", "/search/", Room.PICTURE_SEARCH),
        ("GET", "/api/v1/search/", Room.TEXT_SEARCH),
        ("POST", "/api/v1/search/", Room.PICTURE_SEARCH),
        ("GET", "/upload/", Room.PAGES),
        ("POST", "/upload/", Room.UPLOAD),
        ("POST", "/upload/file/", Room.UPLOAD),
        ("GET", "/api/v1/images/", Room.PAGES),
        ("POST", "/api/v1/images/", Room.UPLOAD),
        ("GET", "/api/v1/images/1/original/", Room.DOWNLOAD),
        ("GET", "/images/1/original/", Room.DOWNLOAD),
        ("GET", "/images/1/thumbnail/400/", Room.FILES),
        ("HEAD", "/api/v1/images/1/thumbnail/400/", Room.FILES),
        ("GET", "/static/gallery/site.css", Room.FILES),
    ],
)
def test_room_of_a_request(method, path, room):
    assert room_of(method, path) is room


def test_worker_yields_to_the_pages(site):
    (worker,) = (child for child in map(psutil.Process, site.children()) if child.cmdline()[-1] == "work")

    until(lambda: worker.nice() == 10, "the worker has begun")
    group = Path(f"/proc/{worker.pid}/autogroup")
    assert not group.exists() or group.read_text().endswith("nice 10\n")  # else its session would weigh as much


def test_killed_serving_process_is_started_again(tmp_path):
    with served_site(tmp_path) as site:
        for child in site.children():
            os.kill(child, signal.SIGKILL)

        until(site.answers, "the site answers again")


def test_served_site_tells_at_its_end_in_json_and_nothing_else(tmp_path):
    with served_site(tmp_path) as site:
        site.process.terminate()
        site.process.wait()
        command = [sys.executable, "manage.py", "serve", "--port", str(site.port), "--json"]
        process = subprocess.Popen(
            command, cwd=settings.BASE_DIR, env=os.environ | site.environment, stdout=subprocess.PIPE
        )
        until(site.answers, "the site answers")
        process.terminate()
        printed, _ = process.communicate(timeout=PATIENCE_SECONDS)

    report = json.loads(printed)
    assert process.returncode == 0
    assert report == {"host": "127.0.0.1", "port": site.port, "seconds": report["seconds"], "restarts": 0}


def test_taken_port_is_told_in_one_sentence(monkeypatch):
    monkeypatch.setattr("imagesearch_project.serving.supervisor.BIND_SECONDS", 0)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]

        with pytest.raises(CommandError, match=f"^Another program serves 127.0.0.1:{port}. Stop it"):
            call_command("serve", port=port, json=True, skip_checks=True)


def test_killed_supervisor_leaves_the_port_to_the_next(tmp_path):
    with served_site(tmp_path) as site:
        children = site.children()
        site.process.kill()
        site.process.wait()

        until(lambda: not any(is_running(child) for child in children), "its processes end")
        site.start()

        until(site.answers, "the site answers again")


def is_running(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False
