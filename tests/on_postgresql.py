"""Run the tests that touch the database on a PostgreSQL of their own: python -m pytest -p tests.on_postgresql ...

All of pytest's options work as ever; parallel workers share the server, each with a database of its own. Tests that
touch no database, and those of the browser, say nothing new there and are left out.
"""

import os
import subprocess
import sys

import pytest
from django.db import connection

ADDRESS = "IMAGESEARCH_DATABASE_URL"
FIXTURES_WITH_A_DATABASE = {"db", "transactional_db", "own_database"}


class Server:
    """The server of this run, which ends when its input closes: with this process at the latest."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "tests.postgresql_server"]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        assert self._process.stdout is not None
        self.address = self._process.stdout.readline().strip()
        if not self.address:
            raise pytest.UsageError("PostgreSQL did not start: see above.")

    def end(self) -> None:
        self._process.communicate()


def touches_the_database(item: pytest.Item) -> bool:
    used = set(getattr(item, "fixturenames", ()))
    return item.get_closest_marker("django_db") is not None or not used.isdisjoint(FIXTURES_WITH_A_DATABASE)


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Start the server before the settings are read; workers inherit its address."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        server = Server()
        early_config.add_cleanup(server.end)
        os.environ[ADDRESS] = server.address


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if connection.vendor != "postgresql":
        raise pytest.UsageError("-p tests.on_postgresql: the settings were read before the server was there.")
    chosen = [item for item in items if touches_the_database(item) and not item.get_closest_marker("browser")]
    config.hook.pytest_deselected(items=[item for item in items if item not in set(chosen)])
    items[:] = chosen
