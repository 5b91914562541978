"""Further processes of the site, driven line by line."""

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self


class TaskProcess:
    """A module of the benchmarks in a process of its own that answers each line it is told with one JSON object."""

    def __init__(self, module: str, *words: str, environment: Mapping[str, str] | None = None) -> None:
        self._command = [sys.executable, "-m", f"tests.benchmarks.{module}", *words]
        self._environment = environment

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=self._environment,
            start_new_session=True,
        )
        return self

    def __exit__(self, *_error: object) -> None:
        self._process.communicate()

    def ask(self, task: str, *, timeout_seconds: float | None = None) -> dict[str, Any]:
        self.tell(task)
        return self.answer(timeout_seconds=timeout_seconds)

    def tell(self, task: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(task + "\n")
        self._process.stdin.flush()

    def answer(self, *, timeout_seconds: float | None = None) -> dict[str, Any]:
        """Return the answer to the oldest line that has none yet.

        Raises TimeoutError when there is none in time; the process, and what it started, is ended then.
        """
        assert self._process.stdout is not None
        if not select.select([self._process.stdout], [], [], timeout_seconds)[0]:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            raise TimeoutError
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the worker ended")
        return json.loads(line)


class WorkerProcess(TaskProcess):
    """`worker` in a process of its own, with this one's environment and so its data folder."""

    def __init__(self, queries_path: Path) -> None:
        super().__init__("worker", str(queries_path))
