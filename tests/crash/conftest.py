"""Crash tests run a module of this folder in a process of its own, and judge its report."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.separate_python import printed_by

HANGS_AFTER_SECONDS = 900  # all the kills of one test, on a machine that does other work too


@pytest.fixture
def report_of(data_dir: Path, own_database: dict[str, str]) -> Callable[..., dict[str, Any]]:
    """Run a module on an empty library and return what it prints: report_of("index_kills", "random", 200)."""

    def run(module: str, *words: object) -> dict[str, Any]:
        arguments = ["-m", f"tests.crash.{module}", *map(str, words)]
        environment = {**own_database, "IMAGESEARCH_DATA_DIR": str(data_dir)}
        printed = printed_by(*arguments, timeout_seconds=HANGS_AFTER_SECONDS, **environment)
        report: dict[str, Any] = json.loads(printed)
        return report

    return run
