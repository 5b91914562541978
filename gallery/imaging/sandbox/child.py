"""One decoder process, seen from the site: started, asked, killed."""

import os
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from gallery.errors import DecoderUnavailable
from gallery.imaging.sandbox.messages import COPY, DECODE, PART, TELL, TELL_XMP, BadMessage, Message, receive, send

_MODULE = "gallery.imaging.sandbox.child_main"
# All that the process is told. NumPy would start a thread for each core, which is never used here.
_ENVIRONMENT = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
_PROJECT = Path(__file__).parents[3]
_START_SECONDS = 60  # on a very busy machine; half a second otherwise
_PIPE_BYTES = 1 << 20  # of Linux: 16 times the default, so that a picture takes a few turns, not a hundred
_MAX_ANSWER_BYTES = {
    DECODE: 64_000_000,  # one preview and its thumbnails are far below
    PART: 64_000_000,
    COPY: 1_000_000_000,  # 128 million pixels of 4 bytes each, not packed, take half of it
    TELL: 0,
    TELL_XMP: 0,
}


class Decoder:
    """A process and its two pipes; one thread at a time may use it. Raises DecoderUnavailable if it does not start.

    The process gets an environment of its own: no setting or secret of the site is in the reach of a hostile file.
    """

    def __init__(self) -> None:
        self.jobs = 0
        self.idle_since = 0.0
        with tempfile.TemporaryFile() as complaints:
            try:
                self._process = subprocess.Popen(  # noqa: S603 -- our own module, by our own interpreter
                    [sys.executable, "-m", _MODULE],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=complaints,
                    bufsize=0,
                    cwd=_PROJECT,
                    env=_ENVIRONMENT,
                    process_group=0,  # Ctrl-C in the site's terminal is the site's business
                )
            except OSError as error:
                raise DecoderUnavailable(reason=str(error)) from error
            self._fds = [_widened(pipe.fileno()) for pipe in (self._process.stdin, self._process.stdout) if pipe]
            self._await_ready(complaints)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def ask(self, request: Message, data: bytes, *, timeout_seconds: float) -> tuple[Message, list[bytearray]]:
        """Send one job and return the answer. After any error but its answer's, the process must be closed.

        Raises TimeoutError; EOFError, OSError or BadMessage when the process died or talks nonsense.
        """
        self.jobs += 1
        deadline = time.monotonic() + timeout_seconds
        send(self._fds[0], request, [data], deadline=deadline)
        return receive(self._fds[1], max_blob_bytes=_MAX_ANSWER_BYTES[request["job"]], deadline=deadline)

    def close(self) -> int:
        """End the process, which keeps nothing, and return its exit status: negative for the signal that ended it."""
        if self._process.poll() is None:
            self._process.kill()
        status = self._process.wait()
        self._close_pipes()
        return status

    def forget(self) -> None:
        """Let go of the process in a fork of the site, where it belongs to the parent."""
        self._process.returncode = 0
        self._close_pipes()

    def _close_pipes(self) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                pipe.close()

    def _await_ready(self, complaints: BinaryIO) -> None:
        try:
            receive(self._fds[1], max_blob_bytes=0, deadline=time.monotonic() + _START_SECONDS)
        except (EOFError, OSError, BadMessage) as error:
            status = self.close()
            complaints.seek(0)
            last = complaints.read().decode("utf-8", "replace").strip().rpartition("\n")[2]
            raise DecoderUnavailable(reason=last or f"{type(error).__name__}, exit status {status}") from error
        except BaseException:
            self.close()
            raise


def _widened(fd: int) -> int:
    """Make our end of a pipe one that never blocks, and the pipe itself large where the system can."""
    os.set_blocking(fd, False)
    if sys.platform == "linux":
        import fcntl  # noqa: PLC0415 -- the constant is only there

        with suppress(OSError):  # the user's share of pipe memory is used up: slower, not worse
            fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    return fd
