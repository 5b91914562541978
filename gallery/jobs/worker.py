"""The background worker's loop: whatever is due, a portion at a time, until it is told to end."""

import logging
import threading
import time
from collections import Counter
from collections.abc import Sequence

from django.db import close_old_connections

from gallery.errors import ImageSearchError
from gallery.search_index.commit_mark import CommitMark
from gallery.services.workers import at_work

from .sources import WorkSource

PAUSE_SECONDS = 0.5  # between two looks whether something is due
LOOK_ANYWAY_SECONDS = 5.0  # what becomes due by the clock alone
LEFT_ALONE_SECONDS = 30.0  # a source that raised
KEPT_ERRORS = 8

logger = logging.getLogger(__name__)


class Worker:
    """Works at its sources in turn, so that none keeps another waiting for more than a portion."""

    def __init__(self, sources: Sequence[WorkSource]) -> None:
        self._sources = sources
        self._is_over = threading.Event()
        self._again_at: dict[str, float] = {}
        self.counts: Counter[str] = Counter()
        self.errors: list[Exception] = []  # the last ones

    def end(self) -> None:
        """Let the loop end after the portion that it is at. Can be called by a signal's handler."""
        self._is_over.set()

    @property
    def is_over(self) -> bool:
        return self._is_over.is_set()

    def run(self, *, linger_seconds: float | None = None) -> None:
        """Work until told to end, or until nothing was due for `linger_seconds`."""
        idle_since = time.monotonic()
        while not self.is_over:
            mark = CommitMark.now()
            done = self.work_round()
            if done or self._is_busy:
                idle_since = time.monotonic()
            elif linger_seconds is not None and time.monotonic() - idle_since >= linger_seconds:
                return
            if not done:
                self._wait_for_change(mark)

    def run_known(self, *, linger_seconds: float | None = None, alone: bool = False) -> None:
        """Run as a worker that others know of, who therefore start none.

        So it looks once more after it is known no longer: whoever brought something until then has started none.
        With `alone` it does nothing where another one that was asked to be alone is at work.
        """
        may_be_due = True
        while may_be_due and not self.is_over:
            with at_work(alone=alone) as may_work:
                if not may_work:
                    return
                self.run(linger_seconds=linger_seconds)
            may_be_due = not self.is_over and (self.work_round() > 0 or self._is_busy)

    @property
    def _is_busy(self) -> bool:
        return any(source.is_busy for source in self._sources)

    def work_round(self) -> int:
        """Do a portion of each source; return how much was done."""
        done = 0
        for source in self._sources:
            if self.is_over or time.monotonic() < self._again_at.get(source.name, 0.0):
                continue
            count = self._step(source)
            self.counts[source.name] += count
            done += count
        return done

    def _step(self, source: WorkSource) -> int:
        try:
            return source.step()
        except Exception as error:
            self.errors = [*self.errors[-KEPT_ERRORS + 1 :], error]
            self._again_at[source.name] = time.monotonic() + LEFT_ALONE_SECONDS
            if isinstance(error, ImageSearchError):
                logger.warning("%s is left alone for %.0f s: %s", source.name, LEFT_ALONE_SECONDS, error)
            else:
                logger.exception("%s is left alone for %.0f s.", source.name, LEFT_ALONE_SECONDS)
            close_old_connections()
            return 0

    def _wait_for_change(self, seen: CommitMark) -> None:
        """Wait until somebody has committed something, or some seconds: what is due may be so by the clock."""
        look_anyway_at = time.monotonic() + LOOK_ANYWAY_SECONDS
        was_busy = self._is_busy
        while not self._is_over.wait(PAUSE_SECONDS):
            if time.monotonic() >= look_anyway_at or CommitMark.now() != seen or self._is_busy != was_busy:
                return
