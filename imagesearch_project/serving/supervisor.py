"""Starts the site's processes, starts again whichever ends, and ends them with itself."""

import errno
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from imagesearch_project.env import environment_with_defaults

BLAS_THREADS = "1"  # of NumPy: a second one waits for the first wherever other requests have its core
ARENAS = "2"  # glibc's memory areas: one for each thread would keep hundreds of megabytes that nobody uses
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 30
STEADY_SECONDS = 60  # whoever lived so long is started again at once
STOP_SECONDS = 35
POLL_SECONDS = 0.2
BIND_SECONDS = 35  # the processes of a supervisor that was killed have the socket while they finish what is under way
BACKLOG = 2_048


class PortTaken(Exception):
    """Another program serves there."""


def listening_socket(host: str, port: int) -> socket.socket:
    """Bind and listen. Raises PortTaken, OSError."""
    deadline = time.monotonic() + BIND_SECONDS
    while True:
        try:
            return socket.create_server((host, port), backlog=BACKLOG)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            if time.monotonic() >= deadline:
                raise PortTaken from error
            time.sleep(POLL_SECONDS)


@dataclass(slots=True)
class Child:
    """One process that is to run: `command` follows `child.py`'s own arguments."""

    command: Sequence[str]
    inherited: tuple[int, ...] = ()
    process: "subprocess.Popen[bytes] | None" = None
    started_at: float = 0.0
    pause_seconds: float = 0.0
    due_at: float = 0.0


@dataclass(slots=True)
class Supervisor:
    children: list[Child]
    say: Callable[[str], None]
    restarts: int = 0
    _stopping: bool = False
    _pipe: tuple[int, int] = field(default_factory=os.pipe)  # nobody writes: its end tells the children of ours

    def run(self) -> None:
        """Keep the children running until SIGTERM or SIGINT, then end them; what is under way is finished."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        try:
            while not self._stopping:
                for child in self.children:
                    self._tend(child)
                time.sleep(POLL_SECONDS)
        finally:
            self._end_all()

    def _stop(self, number: int, frame: object) -> None:
        self._stopping = True

    def _tend(self, child: Child) -> None:
        now = time.monotonic()
        if child.process is not None and (status := child.process.poll()) is not None:
            lived_seconds = now - child.started_at
            child.process = None
            self.restarts += 1
            steady = lived_seconds >= STEADY_SECONDS
            doubled = min(max(FIRST_PAUSE_SECONDS, child.pause_seconds * 2), LONGEST_PAUSE_SECONDS)
            child.pause_seconds = 0.0 if steady else doubled
            child.due_at = now + child.pause_seconds
            self.say(f"“{child.command[0]}” ended ({_reason(status)}); it starts again in {child.pause_seconds:g} s.")
        if child.process is None and now >= child.due_at:
            self._start(child)

    def _start(self, child: Child) -> None:
        watched = self._pipe[0]
        child.started_at = time.monotonic()
        try:
            child.process = self._begun(child, watched)
        except OSError as error:  # no memory or no process to be had, as under attack: later there may be
            child.due_at = child.started_at + LONGEST_PAUSE_SECONDS
            self.say(f"“{child.command[0]}” does not start ({error.strerror}); next try in {LONGEST_PAUSE_SECONDS} s.")

    def _begun(self, child: Child, watched: int) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(  # noqa: S603 -- the commands are ours
            [sys.executable, "-m", "imagesearch_project.serving.child", str(watched), *child.command],
            stdout=sys.stderr,  # stdout is the report's alone
            pass_fds=(watched, *child.inherited),
            env=environment_with_defaults(MALLOC_ARENA_MAX=ARENAS, OPENBLAS_NUM_THREADS=BLAS_THREADS),
            start_new_session=True,  # Ctrl-C reaches the supervisor alone, which ends them in order
        )

    def _end_all(self) -> None:
        running = [child.process for child in self.children if child.process is not None]
        for process in running:
            process.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        for process in running:
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _reason(status: int) -> str:
    return f"signal {-status}" if status < 0 else f"status {status}"
