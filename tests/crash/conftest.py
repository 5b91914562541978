"""Crash tests run a module of this folder in a process of its own, and judge its report."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

HANGS_AFTER_SECONDS = 900  # all the kills of one test, on a machine that does other work too


@pytest.fixture
def report_of(data_dir: Path, own_database: dict[str, str]) -> Callable[..., dict[str, Any]]:
    """Run a module on an empty library and return what it prints: report_of("index_kills", "random", 200)."""

    def run(module: str, *words: object) -> dict[str, Any]:
        ran = subprocess.run(
            [sys.executable, "-m", f"tests.crash.{module}", *map(str, words)],
            cwd=settings.BASE_DIR,
            env={**os.environ, **own_database, "IMAGESEARCH_DATA_DIR": str(data_dir)},
            capture_output=True,
            text=True,
            check=False,
            timeout=HANGS_AFTER_SECONDS,
        )
        assert ran.returncode == 0, ran.stderr[-3000:]
        report: dict[str, Any] = json.loads(ran.stdout)
        return report

    return run
