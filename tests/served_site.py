"""The server of `make run`, on loopback, with a data folder of its own."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPResponse
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


@dataclass(slots=True)
class ServedSite:
    port: int
    log: Path
    environment: dict[str, str]
    process: "subprocess.Popen[bytes]" = field(init=False)

    def start(self) -> None:
        command = [sys.executable, "manage.py", "serve", "--port", str(self.port)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, cwd=settings.BASE_DIR, env=os.environ | self.environment, stdout=log, stderr=log
            )

    def children(self) -> list[int]:
        """Return the ids of the processes that the supervisor has started."""
        pid = self.process.pid
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def answers(self) -> bool:
        try:
            return self.ask("GET", "/healthz").status == 200
        except (OSError, HTTPException):
            return False

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> HTTPResponse:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        answer.read()
        connection.close()
        return answer

    def send(self, *sent: bytes, ends_sending: bool = False) -> bytes:
        """Write these bytes to the server, and return all that it answers until it closes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=60) as connection:
            for part in sent:
                connection.sendall(part)
            if ends_sending:
                connection.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: connection.recv(65_536), b""))

    def add_user(self) -> str:
        """Return the token of a new member, alice."""
        return printed_by("-c", ADD_USER, timeout_seconds=PATIENCE_SECONDS, **self.environment).strip()


@contextmanager
def served_site(folder: Path, **settings_of_site: str) -> Iterator[ServedSite]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (folder / "data" / "static").mkdir(parents=True)
    environment = {
        "IMAGESEARCH_DATA_DIR": str(folder / "data"),
        "IMAGESEARCH_DATABASE_URL": "",
        "IMAGESEARCH_LOG_LEVEL": "INFO",
        "DJANGO_SETTINGS_MODULE": "tests.quick_settings",
        **settings_of_site,
    }
    printed_by("manage.py", "migrate", timeout_seconds=PATIENCE_SECONDS, **environment)
    running = ServedSite(port, folder / "log", environment)
    running.start()
    try:
        until(lambda: running.process.poll() is not None or running.answers(), "the server answers")
        yield running
    finally:
        running.process.terminate()
        running.process.wait()
