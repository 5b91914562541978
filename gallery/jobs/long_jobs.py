"""Long work that waits, as work for a worker: one job at a time, in a thread of its own."""

import threading
from collections.abc import Callable

from django.db import connections

from gallery.models import Job
from gallery.services.long_kinds import LONG_KINDS
from gallery.services.waiting_jobs import LongKinds, end_killed, run_next


class LongJobs:
    """Pictures that wait are embedded meanwhile. `is_to_stop` puts the job off between two of its batches."""

    name = "long work"

    def __init__(self, *, is_to_stop: Callable[[], bool], kinds: LongKinds = LONG_KINDS) -> None:
        self._is_to_stop = is_to_stop
        self._kinds = kinds
        self._thread: threading.Thread | None = None
        self.job_ids: list[int] = []

    @property
    def is_busy(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def step(self) -> int:
        """Begin with the next job; return 1 if there is one."""
        if self.is_busy:
            return 0
        end_killed(self._kinds, Job.objects.all())
        if not Job.objects.due().filter(kind__in=self._kinds).exists():
            return 0
        self._thread = threading.Thread(target=self._run, name="long work")
        self._thread.start()
        return 1

    def wait(self) -> None:
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        try:
            if (job := run_next(self._kinds, is_to_stop=self._is_to_stop)) is not None:
                self.job_ids.append(job.pk)
        finally:
            connections.close_all()
