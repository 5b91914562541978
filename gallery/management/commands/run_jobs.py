import time
from argparse import ArgumentParser
from typing import Any

from gallery.errors import StoreBusy
from gallery.management.command import GalleryCommand, Report
from gallery.models import Job
from gallery.services.long_kinds import LONG_KINDS
from gallery.services.waiting_jobs import at_work, end_killed, run_next

POLL_SECONDS = 0.5


class Command(GalleryCommand):
    help = (
        "Carry out the long work that waits, what a killed process left included, and end when there is none. It may "
        "be killed and run again."
    )

    def add_own_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--linger", type=float, default=0.0, metavar="SECONDS", help="wait so long for more")

    def run(self, **options: Any) -> Report:
        try:
            with at_work():
                done = _carried_out(options["linger"])
        except StoreBusy:
            done = []  # another process is at it
        return {"jobs": [_told(job) for job in Job.objects.filter(pk__in=done).order_by("pk")]}

    def describe(self, report: Report) -> str:
        lines = [f"{job['title']}: {job['status']}, {job['done']} of {job['total']}" for job in report["jobs"]]
        return "\n".join(lines or ["Nothing waits."])


def _carried_out(linger_seconds: float) -> list[int]:
    """Return the jobs' ids."""
    done: list[int] = []
    idle_since = time.monotonic()
    while True:
        end_killed(LONG_KINDS, Job.objects.all())
        job = run_next(LONG_KINDS)
        if job is not None:
            done.append(job.pk)
            idle_since = time.monotonic()
        elif time.monotonic() - idle_since >= linger_seconds:
            return done
        else:
            time.sleep(POLL_SECONDS)


def _told(job: Job) -> Report:
    told = {"id": job.pk, "kind": job.kind, "title": job.title, "status": job.status}
    return told | {"done": job.done, "total": job.total, "failed": job.failed}
