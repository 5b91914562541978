"""Pictures at which a process died, as work for a worker: tried beside all other work, in a thread of its own."""

import logging
import threading
import time

from django.db import connections

from gallery.services.embedding.claimed_images import suspects_wait, try_some

LOOK_SECONDS = 5.0  # between two looks
LEFT_ALONE_SECONDS = 30.0  # after a trial that could not be carried out

logger = logging.getLogger(__name__)


class Suspects:
    """Pictures that nobody suspects are embedded meanwhile: a trial takes some seconds, for a process has to start."""

    name = "suspects"

    def __init__(self, holder: str) -> None:
        self._holder = holder
        self._thread: threading.Thread | None = None
        self._look_at = 0.0
        self.embedded = self.failed = 0

    @property
    def is_busy(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def step(self) -> int:
        """Begin a trial of some suspects that nobody tries."""
        if self.is_busy or time.monotonic() < self._look_at:
            return 0
        self._look_at = time.monotonic() + LOOK_SECONDS
        if suspects_wait():
            self._thread = threading.Thread(target=self._try, name="trial of suspects")
            self._thread.start()
        return 0  # the thread tells whether it is busy

    def wait(self) -> None:
        if self._thread is not None:
            self._thread.join()

    def _try(self) -> None:
        try:
            report = try_some(holder=self._holder)
            self.embedded += report.embedded
            self.failed += report.failed
            if report.count:
                self._look_at = 0.0  # there may be more
        except Exception:
            self._look_at = time.monotonic() + LEFT_ALONE_SECONDS
            logger.exception("The trial of suspects failed; they are left alone for %.0f s.", LEFT_ALONE_SECONDS)
        finally:
            connections.close_all()
