"""The server of `make run`, on loopback, with a data folder of its own."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path

from django.conf import settings

from tests.separate_python import printed_by
from tests.waiting import PATIENCE_SECONDS, until

ADD_USER = """
import django
django.setup()
from gallery.models import ApiToken, User
print(ApiToken.objects.issue(User.objects.create_user("alice")))
"""


@dataclass(frozen=True, slots=True)
class ServedSite:
    port: int
    log: Path
    environment: dict[str, str]

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> HTTPResponse:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        answer.read()
        connection.close()
        return answer

    def send(self, *sent: bytes) -> bytes:
        """Write these bytes to the server, and return all that it answers until it closes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=60) as connection:
            for part in sent:
                connection.sendall(part)
            return b"".join(iter(lambda: connection.recv(65_536), b""))

    def add_user(self) -> str:
        """Return the token of a new member, alice."""
        return printed_by("-c", ADD_USER, timeout_seconds=PATIENCE_SECONDS, **self.environment).strip()


@contextmanager
def served_site(folder: Path) -> Iterator[ServedSite]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (folder / "data" / "static").mkdir(parents=True)
    environment = {
        "PORT": str(port),
        "IMAGESEARCH_DATA_DIR": str(folder / "data"),
        "IMAGESEARCH_DATABASE_URL": "",
        "IMAGESEARCH_LOG_LEVEL": "INFO",
        "DJANGO_SETTINGS_MODULE": "tests.quick_settings",
    }
    printed_by("manage.py", "migrate", timeout_seconds=PATIENCE_SECONDS, **environment)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", "--access-logfile", "-", "imagesearch_project.wsgi"],
            cwd=settings.BASE_DIR,
            env=os.environ | environment,
            stdout=log,
            stderr=log,
        )
    running = ServedSite(port, folder / "log", environment)
    try:
        until(lambda: process.poll() is not None or _answers(running), "the server answers")
        yield running
    finally:
        process.terminate()
        process.wait()


def _answers(site: ServedSite) -> bool:
    try:
        return site.ask("GET", "/healthz").status == 200
    except OSError:
        return False
