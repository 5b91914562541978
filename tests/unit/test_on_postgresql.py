"""The PostgreSQL of the tests: which tests it is for, and that it never outlives them."""

import signal
import subprocess
import sys
from pathlib import Path

from django.conf import settings

from tests.on_postgresql import touches_the_database
from tests.waiting import PATIENCE_SECONDS, until

STARTED_AND_KILLED = """
import os, signal
from tests.on_postgresql import Server
print(Server().address, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_server_ends_and_leaves_nothing_when_its_run_is_killed():
    command = [sys.executable, "-c", STARTED_AND_KILLED]
    ran = subprocess.run(
        command, cwd=settings.BASE_DIR, stdout=subprocess.PIPE, text=True, check=False, timeout=PATIENCE_SECONDS
    )
    folder = Path(ran.stdout.strip().partition("host=")[2])

    assert ran.returncode == -signal.SIGKILL
    assert folder.name.startswith("imagesearch-postgresql-")
    until(lambda: not folder.exists(), f"{folder} goes away")


def test_a_test_with_neither_fixture_nor_mark_of_the_database_is_not_for_postgresql(request):
    assert not touches_the_database(request.node)


def test_a_test_that_has_a_user_is_for_postgresql(request, alice):
    assert touches_the_database(request.node)
