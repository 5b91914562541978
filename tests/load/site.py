"""The site as `make run` starts it, on loopback, with a data folder of its own, and its processes."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.waiting import until

from .requests import HOST, Member

PROJECT = Path(__file__).resolve().parent.parent.parent
PREPARE = """
import json, sys
import django
django.setup()
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from gallery.models import ApiToken, User

def session_of(user):
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.create()
    return session.session_key

users = [User.objects.create_user(f"member{number}") for number in range(int(sys.argv[1]))]
print(json.dumps([(user.username, session_of(user), ApiToken.objects.issue(user)) for user in users]))
"""
STATES = """
import json
import django
django.setup()
from gallery.models import Image
images = Image.objects.all()
print(json.dumps({"all": sorted(images.values_list("pk", flat=True)),
                  "pending": images.pending().count(), "failed": images.failed().count()}))
"""
PUBLIC = """
import json
import django
django.setup()
from gallery.models import Image
public = Image.objects.filter(visibility="public").order_by("-size_bytes")
print(json.dumps(list(public.values_list("pk", flat=True))))
"""


@dataclass
class LoadedSite:
    """`image_ids` are those of its public pictures, the largest files first; `starts`: how often it was started."""

    port: int
    folder: Path
    environment: dict[str, str]
    members: list[Member] = field(default_factory=list)
    image_ids: list[int] = field(default_factory=list)
    starts: int = 0
    _root: subprocess.Popen[bytes] | None = None

    def start(self) -> float:
        """Start it and wait for its first answer, again where it ended; return how many seconds that took."""
        started = time.monotonic()
        self._run()
        until(self._answers_or_runs_again, "the site answers", pause_seconds=0.05)
        return time.monotonic() - started

    def _run(self) -> None:
        with (self.folder / "log").open("ab") as log:
            self._root = subprocess.Popen(
                [sys.executable, "manage.py", "serve", "--port", str(self.port)],
                cwd=PROJECT,
                env=self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.starts += 1

    def _answers_or_runs_again(self) -> bool:
        if self.has_ended:
            time.sleep(0.5)
            self._run()
        return self.is_alive()

    def stop(self) -> None:
        if self._root is not None and self._root.poll() is None:
            self._root.terminate()
            try:
                self._root.wait(timeout=40)
            except subprocess.TimeoutExpired:
                self._root.kill()
        for pid in self.processes():
            _kill(pid)
        if self._root is not None:
            self._root.wait()

    def is_alive(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://{HOST}:{self.port}/healthz", timeout=60) as answer:
                return answer.status == 200
        except (urllib.error.URLError, OSError):
            return False

    @property
    def has_ended(self) -> bool:
        return self._root is None or self._root.poll() is not None

    def processes(self) -> dict[int, str]:
        """Return all processes of this site with their command lines, those of its own and what they started."""
        mark = f"IMAGESEARCH_DATA_DIR={self.environment['IMAGESEARCH_DATA_DIR']}".encode()
        parents, found = {}, set()
        for path in Path("/proc").glob("[0-9]*"):
            try:
                parents[int(path.name)] = int((path / "stat").read_text().rpartition(")")[2].split()[1])
                if mark in (path / "environ").read_bytes().split(b"\0"):
                    found.add(int(path.name))
            except (OSError, ValueError):
                continue
        grown = True
        while grown:
            children = {pid for pid, parent in parents.items() if parent in found} - found
            found |= children
            grown = bool(children)
        return {pid: command for pid in sorted(found) if (command := _command_of(pid))}

    def processor_seconds(self) -> float:
        """Return what its processes have spent, and those that they waited for: a busy machine does not change it."""
        return sum(_processor_seconds_of(pid) for pid in self.processes())

    def run(self, *arguments: str, seconds: float = 600) -> str:
        """Run Python beside the site, in its environment, and return what it prints."""
        ran = subprocess.run(
            [sys.executable, *arguments],
            cwd=PROJECT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
        if ran.returncode:
            raise SystemExit(f"{' '.join(arguments[:2])} failed: {ran.stderr[-2000:]}")
        return ran.stdout

    def states(self) -> dict[str, object]:
        """Return what the database says, whoever serves: the ids of all pictures, how many wait and how many failed."""
        return json.loads(self.run("-c", STATES))


def _command_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return ""


def _processor_seconds_of(pid: int) -> float:
    try:
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(int(ticks) for ticks in words[11:15]) / os.sysconf("SC_CLK_TCK")


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


@contextmanager
def loaded_site(
    folder: Path, pictures: list[bytes], *, members: int = 30, settings: Mapping[str, str] | None = None
) -> Iterator[LoadedSite]:
    """Yield a site that serves these public pictures of member 0, embedded already."""
    site = LoadedSite(_free_port(), folder, {})
    site.environment = {**os.environ, **_settings(folder, site.port), **(settings or {})}
    site.run("manage.py", "migrate", "--verbosity", "0", "--skip-checks")
    site.run("manage.py", "collectstatic", "--noinput", "--verbosity", "0", "--skip-checks")
    site.members = [Member(*words) for words in json.loads(site.run("-c", PREPARE, str(members)))]
    (folder / "pictures").mkdir()
    for number, picture in enumerate(pictures):
        (folder / "pictures" / f"{number}.jpg").write_bytes(picture)
    owner = site.members[0].name
    site.run("manage.py", "import_images", str(folder / "pictures"), "--owner", owner, "--visibility", "public")
    site.image_ids = json.loads(site.run("-c", PUBLIC))
    try:
        site.start()
        yield site
    finally:
        site.stop()


def _settings(folder: Path, port: int) -> dict[str, str]:
    return {
        "PORT": str(port),
        "IMAGESEARCH_DATA_DIR": str(folder / "data"),
        "IMAGESEARCH_DATABASE_URL": "",
        "IMAGESEARCH_ENCODER": "offline",
        "HF_HUB_OFFLINE": "1",
        "DJANGO_SETTINGS_MODULE": "imagesearch_project.settings",
    }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
