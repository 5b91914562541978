"""A process that reads one picture at a time: what ends it ends no worker, and its memory goes with it."""

import os
import subprocess
import time
from typing import Any

from PIL.Image import Image as Pixels

from gallery.errors import Phrase, gettext_noop
from gallery.imaging.sandbox.messages import BadMessage, Message, receive, send
from gallery.reading import Line
from gallery.services.embedding.encoder_child import (
    ChildEnded,
    ChildNotStarted,
    End,
    PictureDeferred,
    PictureRefused,
    end_of,
    started_child,
)

CHILD_MODULE = "gallery.services.reading.reader_child_main"  # tests have one that is deadly
LOADING_SECONDS = 120  # the networks have 32 MB
PICTURE_SECONDS = 120  # a page full of small print takes a dozen
TOO_SLOW_WEIGHT = 2.0  # it would be as slow once more


class ReaderChild:
    """A process and its two pipes, for one thread. Raises ChildNotStarted. It ends when this process does."""

    def __init__(self) -> None:
        self._process = started_child(CHILD_MODULE)
        self._fds = [pipe.fileno() for pipe in (self._process.stdin, self._process.stdout) if pipe]
        for fd in self._fds:
            os.set_blocking(fd, False)
        try:
            self._load()
        except BaseException:
            self.close()
            raise

    def read(self, pixels: Pixels) -> tuple[Line, ...]:
        """Return the lines in a picture.

        Raises PictureRefused, PictureDeferred; ChildEnded, after which the process must be closed.
        """
        picture = pixels.convert("RGB")
        try:
            answer = self._ask({"size": picture.size}, picture.tobytes(), seconds=PICTURE_SECONDS)
        except TimeoutError:
            raise ChildEnded(_too_slow()) from None
        except (EOFError, OSError, BadMessage):
            raise ChildEnded(end_of(self.close())) from None
        if "error" in answer:
            raise (PictureDeferred if answer["may_be_over_later"] else PictureRefused)(answer["error"])
        return tuple(map(Line.of_json, answer["lines"]))

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

    def _load(self) -> None:
        try:
            answer = self._ask({}, b"", seconds=LOADING_SECONDS)
        except (EOFError, OSError, BadMessage, TimeoutError) as error:
            raise ChildNotStarted(f"its process has ended while it loaded ({type(error).__name__})") from error
        if "error" in answer:
            raise ChildNotStarted(answer["error"])

    def _ask(self, request: Message, data: bytes, *, seconds: float) -> dict[str, Any]:
        deadline = time.monotonic() + seconds
        send(self._fds[0], request, [data], deadline=deadline)
        return receive(self._fds[1], max_blob_bytes=0, deadline=deadline)[0]


def _too_slow() -> End:
    return End(
        Phrase(gettext_noop("the limit of %(seconds)s seconds"), seconds=PICTURE_SECONDS), weight=TOO_SLOW_WEIGHT
    )
