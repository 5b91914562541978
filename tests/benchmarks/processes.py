"""Further processes of the site, driven line by line."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Self


class WorkerProcess:
    """`worker` in a process of its own, with this one's environment and so its data folder."""

    def __init__(self, queries_path: Path) -> None:
        self._command = [sys.executable, "-m", "tests.benchmarks.worker", str(queries_path)]

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        return self

    def __exit__(self, *_error: object) -> None:
        self._process.communicate()

    def ask(self, task: str) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(task + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the worker ended at {task}")
        return json.loads(line)
