"""The site as `make run` serves it, on a free port of this machine, with a library of its own."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

from tests.waiting import PATIENCE_SECONDS

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Site:
    url: str
    tokens: Mapping[str, str]
    environment: Mapping[str, str]


@contextmanager
def library_and_server(data_dir: str | Path, *, empty: bool = False, **environment: str) -> Iterator[Site]:
    """Make a library in `data_dir`, and serve it until the end of the block."""
    own = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.quick_settings",
        "IMAGESEARCH_DATA_DIR": str(data_dir),
        "IMAGESEARCH_LOG_LEVEL": "ERROR",
        **environment,
    }
    command = [sys.executable, "-m", "tests.conformance.library", *(["empty"] if empty else [])]
    made = subprocess.run(command, cwd=ROOT, env=own, stdout=subprocess.PIPE, check=True)
    with served(own) as url:
        yield Site(url, json.loads(made.stdout), own)


@contextmanager
def served(environment: dict[str, str]) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "manage.py", "serve", "--port", str(port)]
    process = subprocess.Popen(command, cwd=ROOT, env=environment)
    try:
        wait_until_ready(port, process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(PATIENCE_SECONDS)


def wait_until_ready(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        if _is_ready(port):
            return
        time.sleep(0.1)
    raise RuntimeError("the server did not start: see above")


def _is_ready(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except OSError:
        return False
