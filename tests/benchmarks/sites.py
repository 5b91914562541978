"""Sites with large libraries, each with a database and a data folder of its own, for processes to be started with."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from .environment import with_data_dir

DATABASES = ("sqlite", "postgresql")
DATABASE_SETTING = "IMAGESEARCH_DATABASE_URL"


@dataclass(frozen=True)
class Site:
    """`environment` is that of a process of this site."""

    database: str
    rows: int
    dimension: int
    environment: dict[str, str] = field(repr=False)

    @property
    def words(self) -> tuple[str, str]:
        """Return what a process is told of the library that it finds."""
        return str(self.rows), str(self.dimension)


@dataclass(frozen=True)
class Sites:
    """Makes libraries in `folder`; one that lies there from before is migrated and used again.

    `server` is the address of a PostgreSQL, "" for SQLite. Of one size both databases share their vectors.
    """

    folder: Path
    server: str = ""

    @property
    def database(self) -> str:
        return "postgresql" if self.server else "sqlite"

    def site(self, rows: int, *, dimension: int) -> Site:
        folder = self.folder / f"{self.database}-{rows}x{dimension}"
        made = folder / "made"
        folder.mkdir(parents=True, exist_ok=True)
        site = Site(self.database, rows, dimension, self._environment(folder, f"library_{rows}x{dimension}"))
        words = [*site.words, "--again"] if made.exists() else [*site.words, *self._vectors_of_another(rows, dimension)]
        command = [sys.executable, "-m", "tests.benchmarks.make_library", *words]
        subprocess.run(command, env=site.environment, check=True, stdout=sys.stderr)
        made.touch()
        return site

    def _environment(self, folder: Path, name: str) -> dict[str, str]:
        environment = {**with_data_dir(str(folder)), "IMAGESEARCH_METRICS": "true"}
        if not self.server:
            environment.pop(DATABASE_SETTING, None)
            return environment
        with psycopg.connect(self.server, autocommit=True) as maintenance:
            if not maintenance.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
                maintenance.execute(f'CREATE DATABASE "{name}"')
        return {**environment, DATABASE_SETTING: urlsplit(self.server)._replace(path=f"/{name}").geturl()}

    def _vectors_of_another(self, rows: int, dimension: int) -> list[str]:
        made = sorted(self.folder.glob(f"*-{rows}x{dimension}/made"))
        return [str(made[0].with_name("vectors"))] if made else []


@contextmanager
def postgresql_server() -> Iterator[str]:
    """Yield the address of a server that lives as long as the body; it is the tests' own."""
    command = [sys.executable, "-m", "tests.postgresql_server"]
    server = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True, env=os.environ
    )
    assert server.stdout is not None
    try:
        yield server.stdout.readline().strip()
    finally:
        server.communicate()
