"""The decoder processes of this process: a few for each purpose, started when needed, ended after a while."""

import atexit
import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, TypeVar

from PIL import Image

from gallery.errors import (
    BrokenPicture,
    DecoderCrashed,
    DecodingOutOfMemory,
    DecodingTooSlow,
    InvalidPicture,
    ServerBusy,
    TooManyFrames,
    TooManyPixels,
    UnsupportedFormat,
    UnsupportedTiff,
)
from gallery.imaging.decoding import MAX_PREVIEW_PX, Decoded, Shares
from gallery.imaging.embedded.found import Embedded
from gallery.imaging.exif import Shot
from gallery.imaging.formats import format_named, sniff
from gallery.imaging.limits import Limits, Purpose
from gallery.imaging.plain_copy import COPY_FORMATS
from gallery.imaging.sandbox.child import Decoder
from gallery.imaging.sandbox.messages import COPY, DECODE, PART, TELL, TELL_XMP, BadMessage, Message

logger = logging.getLogger(__name__)
T = TypeVar("T")

PROCESSES = {  # at most, of each process of the site
    Purpose.BRINGING_IN: max(2, min(4, os.cpu_count() or 1)),
    Purpose.SEARCHING: 2,  # anybody may search with a picture; one that takes its whole time is not alone
    Purpose.COPYING: 1,
}
JOBS_PER_PROCESS = 1_000  # whatever a library leaks goes away; a start costs as much as some twenty photos
IDLE_SECONDS = 60
_ATTEMPTS = 2  # a process may die for other reasons, such as the kernel's need of memory; twice is the file's fault
_REFUSALS: dict[str, type[InvalidPicture]] = {
    kind.code: kind
    for kind in (
        *(UnsupportedFormat, UnsupportedTiff, TooManyPixels, TooManyFrames),
        *(BrokenPicture, DecodingOutOfMemory),
    )
}


class Decoders:
    """A pool: one job at a time for each process, and every job waits for its turn. For any number of threads.

    Who waits for longer than its limits say is sent away with ServerBusy, before anything was begun.

    A fork of the site starts with an empty pool and closes its copies of the pipes, so that each process still ends
    with the one that started it. At exit all are ended; after `kill -9` of the site they see their pipe close.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._turn = threading.Condition()
        self._idle: list[Decoder] = []
        self._all: set[Decoder] = set()
        self._starting = 0
        self._keeper: threading.Thread | None = None
        self._closed = threading.Event()

    def decode(self, data: bytes, limits: Limits, *, thumbnails: bool) -> Decoded:
        """Do what `decoding.decode` does, elsewhere.

        Raises what that raises, DecodingTooSlow, DecodingOutOfMemory, DecoderCrashed, ServerBusy, DecoderUnavailable.
        """
        request = {"job": DECODE, "limits": asdict(limits), "thumbnails": thumbnails}
        return self._answer(request, data, limits, _decoded)

    def copy(self, data: bytes, limits: Limits) -> tuple[str, bytes]:
        """Return the format and the file of a `plain_copy` of the whole picture, made elsewhere. Raises as `decode`."""
        return self._answer({"job": COPY, "limits": asdict(limits)}, data, limits, _copy)

    def part(self, data: bytes, limits: Limits, shares: Shares) -> Image.Image:
        """Do what `decoding.decode_part` does, elsewhere. Raises as `decode`."""
        return self._answer({"job": PART, "limits": asdict(limits), "shares": shares}, data, limits, _pixels)

    def tell(self, data: bytes, limits: Limits) -> tuple[dict[str, Any], Embedded]:
        """Return the EXIF selection and the words of a picture, read elsewhere. Raises as `decode`."""
        return self._answer({"job": TELL, "limits": asdict(limits)}, data, limits, _told)

    def tell_xmp(self, data: bytes, limits: Limits) -> Embedded:
        """Return what an XMP file beside a picture says, read elsewhere. Raises as `decode`."""
        return self._answer({"job": TELL_XMP, "limits": asdict(limits)}, data, limits, _told_by_xmp)

    def _answer(
        self, request: Message, data: bytes, limits: Limits, read: Callable[[Message, list[bytearray]], T]
    ) -> T:
        for _attempt in range(_ATTEMPTS):
            decoder = self._take(limits.wait_seconds)
            try:
                outcome = _outcome(*decoder.ask(request, data, timeout_seconds=limits.clock_seconds), read)
            except TimeoutError:
                self._drop(decoder)
                raise DecodingTooSlow(limit_seconds=limits.timeout_seconds) from None
            except (EOFError, OSError, BadMessage, LookupError, TypeError, ValueError) as error:
                status = self._drop(decoder)
                if status == -signal.SIGPROF:  # its own timer of the processor's time
                    raise DecodingTooSlow(limit_seconds=limits.timeout_seconds) from None
                _log_death(status, len(data), error)
                continue
            except BaseException:
                self._drop(decoder)
                raise
            self._give_back(decoder, reusable=not isinstance(outcome, DecodingOutOfMemory))
            if isinstance(outcome, InvalidPicture):
                raise outcome
            return outcome
        raise DecoderCrashed(size_bytes=len(data))

    @property
    def pids(self) -> list[int]:
        with self._turn:
            return sorted(decoder.pid for decoder in self._all)

    def close(self) -> None:
        """End all processes that are idle or busy; the pool can be used again."""
        self._closed.set()
        with self._turn:
            decoders, self._all, self._idle = self._all, set(), []
        for decoder in decoders:
            decoder.close()

    def forget(self) -> None:
        for decoder in self._all:
            decoder.forget()

    def _take(self, wait_seconds: float | None) -> Decoder:
        """Return an idle process or a new one, waiting while all are busy. Raises ServerBusy."""
        deadline = None if wait_seconds is None else time.monotonic() + wait_seconds
        with self._turn:
            while True:
                while self._idle:
                    decoder = self._idle.pop()  # the latest: the others get old enough to end
                    if decoder.is_alive:
                        return decoder
                    self._all.discard(decoder)
                    decoder.close()
                if len(self._all) + self._starting < self._size:
                    self._starting += 1
                    break
                left = None if deadline is None else deadline - time.monotonic()
                if left is not None and left <= 0:
                    raise ServerBusy
                self._turn.wait(left)
        return self._start()

    def _start(self) -> Decoder:
        decoder = None
        try:
            decoder = Decoder()
            return decoder
        finally:
            with self._turn:
                self._starting -= 1
                if decoder:
                    self._all.add(decoder)
                    self._keep()
                else:
                    self._turn.notify()

    def _give_back(self, decoder: Decoder, *, reusable: bool = True) -> None:
        if not reusable or decoder.jobs >= JOBS_PER_PROCESS:
            self._drop(decoder)
            return
        with self._turn:
            if decoder in self._all:  # the pool may have been closed meanwhile
                decoder.idle_since = time.monotonic()
                self._idle.append(decoder)
            self._turn.notify()

    def _drop(self, decoder: Decoder) -> int:
        status = decoder.close()
        with self._turn:
            self._all.discard(decoder)
            self._turn.notify()
        return status

    def _keep(self) -> None:
        """See to it that a thread ends what is idle for long; called with the lock held."""
        if self._keeper is None:
            self._keeper = threading.Thread(target=self._end_idle_ones, name="decoder keeper", daemon=True)
            self._keeper.start()

    def _end_idle_ones(self) -> None:
        while True:
            self._closed.wait(IDLE_SECONDS / 4)
            self._closed.clear()
            oldest = time.monotonic() - IDLE_SECONDS
            with self._turn:
                ended = [one for one in self._idle if one.idle_since < oldest or not one.is_alive]
                self._idle = [one for one in self._idle if one not in ended]
                self._all.difference_update(ended)
                is_over = not self._all
                if is_over:
                    self._keeper = None
                self._turn.notify(len(ended))
            for decoder in ended:
                decoder.close()
            if is_over:
                return


def _outcome(
    answer: Message, blobs: list[bytearray], read: Callable[[Message, list[bytearray]], T]
) -> T | InvalidPicture:
    """Return what a process answered. Raises LookupError, TypeError or ValueError for an answer that is none."""
    if "error" in answer:
        return _REFUSALS[answer["error"]](**answer["details"])
    return read(answer, blobs)


def _copy(answer: Message, blobs: list[bytearray]) -> tuple[str, bytes]:
    content = bytes(blobs[0])
    if answer["format"] not in COPY_FORMATS or sniff(content).name != answer["format"]:
        raise ValueError("a copy of an unknown kind")
    return answer["format"], content


def _told(answer: Message, blobs: list[bytearray]) -> tuple[dict[str, Any], Embedded]:
    return answer["exif"], _told_by_xmp(answer, blobs)


def _told_by_xmp(answer: Message, _blobs: list[bytearray]) -> Embedded:
    return Embedded.from_json(answer["embedded"])


def _pixels(answer: Message, blobs: list[bytearray]) -> Image.Image:
    width, height = answer["size"]
    if not 0 < width * height <= MAX_PREVIEW_PX or len(blobs[0]) != width * height * 3:
        raise ValueError("an answer of the wrong size")
    return Image.frombytes("RGB", (width, height), blobs[0])


def _decoded(answer: Message, blobs: list[bytearray]) -> Decoded:
    return Decoded(
        format_named(answer["format"]),
        int(answer["width_px"]),
        int(answer["height_px"]),
        int(answer["frame_count"]),
        Shot(answer["exif"]),
        Embedded.from_json(answer["embedded"]),
        _pixels(answer, blobs),
        dict(zip(map(int, answer["thumbnails"]), map(bytes, blobs[1:]), strict=True)),
    )


def _log_death(status: int, size_bytes: int, error: Exception) -> None:
    cause = signal.Signals(-status).name if status < 0 else f"exit status {status}"
    logger.warning("A decoder process died (%s, %r) while it read a file of %s bytes.", cause, error, size_bytes)


def _new_pools() -> dict[Purpose, Decoders]:
    return {purpose: Decoders(size) for purpose, size in PROCESSES.items()}


_pools = _new_pools()


def decoders(purpose: Purpose = Purpose.BRINGING_IN) -> Decoders:
    """Return this process's pool for a purpose."""
    return _pools[purpose]


def _start_anew() -> None:
    global _pools  # noqa: PLW0603 -- one set of pools for each process
    for pool in _pools.values():
        pool.forget()
    _pools = _new_pools()


def _close() -> None:
    for pool in _pools.values():
        pool.close()


os.register_at_fork(after_in_child=_start_anew)
atexit.register(_close)
