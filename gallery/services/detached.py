"""Work that takes hours, begun by a request: in a process of its own."""

import logging
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from django.db import connections

from gallery.conf import gallery

PROJECT = Path(__file__).resolve().parents[2]

logger = logging.getLogger(__name__)


def _nothing_more(_status: int) -> None:
    """Most commands need nobody when they end."""


def run_detached(command: str, *words: str, on_end: Callable[[int], None] = _nothing_more) -> None:
    """Run a management command in a session of its own; what it says goes to `logs/COMMAND.log` in the data folder.

    `on_end` is told its exit status by a thread of this process, if that still lives; a signal's is negative.

    It outlives the request and the server's process, which may be restarted. A service manager that ends everything
    it began (systemd, containers) ends it too: commands that are begun so must go on where they were.
    """
    log = gallery().data_dir / "logs" / f"{command}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as out:
        process = subprocess.Popen(  # noqa: S603 -- our own command; the words are arguments, not a shell's
            [sys.executable, str(PROJECT / "manage.py"), command, *words],
            cwd=PROJECT,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    logger.info("Process %s runs %s; see %s.", process.pid, command, log)
    threading.Thread(target=_wait, args=(process, on_end), name=f"wait for {command}", daemon=True).start()


def _wait(process: subprocess.Popen[bytes], on_end: Callable[[int], None]) -> None:
    try:
        on_end(process.wait())
    finally:
        connections.close_all()
