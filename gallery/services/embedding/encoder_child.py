"""A process that has the same encoder, and one picture at a time: what ends it ends nobody else."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL.Image import Image as Pixels

from gallery.conf import gallery
from gallery.encoders.abilities import Look, Thing
from gallery.encoders.base import Encoder
from gallery.errors import Phrase, gettext_noop
from gallery.imaging.sandbox.messages import BadMessage, Message, receive, send

CHILD_MODULE = "gallery.services.embedding.encoder_child_main"  # tests have one whose encoders are deadly
LOADING_SECONDS = 600  # weights from a slow disk, on a busy machine
PICTURE_SECONDS = 120  # one picture takes a second or two
PROJECT = Path(__file__).resolve().parents[3]

_TOLD_TO_END = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGPIPE}


@dataclass(frozen=True, slots=True)
class End:
    """How the process ended while it was at a picture, as a sentence names it, and what that weighs.

    1 for what its own code did: a fault, or more memory or time than there is. Half for SIGKILL, which the kernel sends
    where memory runs out, but so may anybody else. Nothing for what asks a process to end.
    """

    cause: Phrase
    weight: float


class ChildEnded(Exception):
    """The process has ended at this picture."""

    def __init__(self, end: End) -> None:
        super().__init__(str(end.cause))
        self.end = end


class ChildNotStarted(Exception):
    """There is no process to try pictures in now: no fault of a picture."""


class PictureRefused(Exception):
    """The encoder says an error at this picture, in the sentence here, and works on."""


class PictureDeferred(Exception):
    """The machine has a fault at this picture, which may be over later."""


class EncoderChild:
    """A process and its two pipes, for one thread. Raises ChildNotStarted, also where its encoder is another one.

    It inherits the environment, with which this process found its models, and has a group of its own: what ends this
    process by the terminal leaves it to end in order. It ends when this process does.
    """

    def __init__(self, encoder: Encoder) -> None:
        self._process = started_child(CHILD_MODULE)
        self._fds = [pipe.fileno() for pipe in (self._process.stdin, self._process.stdout) if pipe]
        for fd in self._fds:
            os.set_blocking(fd, False)
        try:
            self._load(encoder)
        except BaseException:
            self.close()
            raise

    def look(self, pixels: Pixels) -> Look:
        """Return one picture's unit vector and what is recognised in it.

        Raises PictureRefused, PictureDeferred; ChildEnded, after which the process must be closed.
        """
        picture = pixels.convert("RGB")
        try:
            answer, blobs = self._ask({"size": picture.size}, picture.tobytes(), seconds=PICTURE_SECONDS)
        except TimeoutError:
            raise ChildEnded(_too_slow()) from None
        except (EOFError, OSError, BadMessage):
            raise ChildEnded(end_of(self.close())) from None
        if answer.get("is_out_of_memory"):
            raise ChildEnded(_out_of_memory())
        if "error" in answer:
            raise (PictureDeferred if answer["may_be_over_later"] else PictureRefused)(answer["error"])
        things = answer["things"]
        return Look(np.frombuffer(blobs[0], np.float32), None if things is None else tuple(map(Thing.of_json, things)))

    def close(self) -> int:
        """End the process, which keeps nothing, and return its exit status: negative for the signal that ended it."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                pipe.close()
        try:
            return self._process.wait(timeout=1)  # it is dying, or sees its pipe close
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()

    def _load(self, encoder: Encoder) -> None:
        """Have the process load the encoder, at the commit of this one, without the network."""
        key = encoder.key
        wanted: Message = {"encoder": key.id, "revision": key.revision, "precision": gallery().precision}
        try:
            answer, _ = self._ask(wanted, b"", seconds=LOADING_SECONDS)
        except (EOFError, OSError, BadMessage, TimeoutError) as error:
            raise ChildNotStarted(f"it has ended while it loaded the encoder ({type(error).__name__})") from error
        if "error" in answer:
            raise ChildNotStarted(answer["error"])
        if answer["key"] != [key.id, key.revision]:
            raise ChildNotStarted(f"its encoder is {answer['key']}, not {key}")

    def _ask(self, request: Message, data: bytes, *, seconds: float) -> tuple[dict[str, Any], list[bytearray]]:
        deadline = time.monotonic() + seconds
        send(self._fds[0], request, [data], deadline=deadline)
        return receive(self._fds[1], max_blob_bytes=None, deadline=deadline)


def started_child(module: str) -> subprocess.Popen[bytes]:
    """Start a module of ours that answers through its pipes. Raises ChildNotStarted."""
    try:
        return subprocess.Popen(  # noqa: S603 -- our own module, by our own interpreter
            [sys.executable, "-m", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            cwd=PROJECT,
            process_group=0,
        )
    except OSError as error:  # too many processes, too little memory
        raise ChildNotStarted(f"the system starts none ({error.strerror or error})") from error


def end_of(status: int) -> End:
    """Return what an exit status, negative for a signal, says of the end of a process."""
    if status >= 0:
        return End(Phrase(gettext_noop("its exit with status %(status)s"), status=status), weight=1)
    name = _name_of(-status)
    if -status in _TOLD_TO_END:
        return End(Phrase(gettext_noop("the signal %(signal)s"), signal=name), weight=0)
    if -status == signal.SIGKILL:
        return End(Phrase(gettext_noop("the signal SIGKILL, which also ends what needs too much memory")), weight=0.5)
    return End(Phrase(gettext_noop("the signal %(signal)s"), signal=name), weight=1)


def _name_of(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # of those in real time only the first and the last have a name
        return str(number)


def _out_of_memory() -> End:
    return End(Phrase(gettext_noop("a lack of memory")), weight=1)


def _too_slow() -> End:
    return End(Phrase(gettext_noop("the limit of %(seconds)s seconds"), seconds=PICTURE_SECONDS), weight=1)
