"""Pictures that nobody has read, as work for a worker, in a thread of its own once nothing waits to be embedded."""

import logging
import threading
import time
from collections.abc import Sequence

from django.db import connections

from gallery.models import FoldedRecognisedText, Image, RecognisedText
from gallery.services.reading.state import ReadingState, reading_state
from gallery.services.reading.unread_images import TextReading, embedding_waits

LOOK_SECONDS, AFTER_NOTHING_SECONDS = 5.0, 60.0  # between two looks at all pictures; new ones are seen at once
LEFT_ALONE_SECONDS = 30.0  # after pictures that could not be read at all
IDLE_SECONDS = 60.0  # without a picture, after which the process that reads is ended
FOLDED_AT_A_TIME = 500

logger = logging.getLogger(__name__)


class UnreadImages:
    """Pictures are embedded meanwhile: a page full of print takes a dozen seconds. One is read at a time."""

    name = "text in pictures"

    def __init__(self, holder: str) -> None:
        self._reading = TextReading(holder)
        self._thread: threading.Thread | None = None
        self._place = 0  # of the last picture that was taken; older ones come with the next look at all
        self._look_at = self._again_at = self._used_at = 0.0
        self.read = self.failed = 0

    @property
    def is_busy(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def step(self) -> int:
        """Begin to read some pictures; return how many, or how many were folded again where none is to be read."""
        if self.is_busy or reading_state() is not ReadingState.ON or time.monotonic() < self._again_at:
            return 0
        images = self.take()
        if not images:
            if time.monotonic() - self._used_at >= IDLE_SECONDS:
                self._reading.close()
            return FoldedRecognisedText.objects.fold_some(FOLDED_AT_A_TIME)
        self._thread = threading.Thread(target=self._run, args=[images], name="text in pictures")
        self._thread.start()
        return len(images)

    def take(self) -> list[Image]:
        """Claim the next pictures, none while others wait to be embedded."""
        if embedding_waits():
            return []
        images = self._reading.take_some(self._place)
        if not images and self._are_older_left():
            images = self._reading.take_some(0)
            self._look_at = time.monotonic() + (LOOK_SECONDS if images else AFTER_NOTHING_SECONDS)
        if images:
            self._place = images[-1].pk
        return images

    def read_these(self, images: Sequence[Image]) -> None:
        """Read what was taken. Raises ReaderUnavailable."""
        report = self._reading.read(images)
        self.read += report.read
        self.failed += report.failed

    def close(self) -> None:
        """Wait for what is being read, and end the process that reads."""
        if self._thread is not None:
            self._thread.join()
        self._reading.close()

    def _run(self, images: Sequence[Image]) -> None:
        try:
            self.read_these(images)
        except Exception:
            self._again_at = time.monotonic() + LEFT_ALONE_SECONDS
            self._place = 0
            logger.exception("Pictures could not be read; they are left alone for %.0f s.", LEFT_ALONE_SECONDS)
        finally:
            self._used_at = time.monotonic()
            connections.close_all()

    def _are_older_left(self) -> bool:
        """Say whether to look at all pictures again: some may have been embedded late, or are to be read again."""
        if not self._place or time.monotonic() < self._look_at:
            return False
        self._look_at = time.monotonic() + LOOK_SECONDS
        return RecognisedText.objects.waiting() > 0
