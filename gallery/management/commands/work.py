import os
import signal
from argparse import ArgumentParser
from typing import Any

from gallery.jobs.long_jobs import LongJobs
from gallery.jobs.periodic import PeriodicChores
from gallery.jobs.suspects import Suspects
from gallery.jobs.waiting_images import WaitingImages
from gallery.jobs.worker import Worker
from gallery.management.command import GalleryCommand, Report
from gallery.models import Image, Job
from gallery.services.holders import free_claims_of_the_dead, holding
from gallery.services.workers import at_work

NICENESS = 5  # pages come first


class Command(GalleryCommand):
    help = (
        "Do in the background what is due: make uploaded pictures searchable, carry out long work, empty the trash, "
        "and so on. Any number may run on the machine of the vectors; it may be killed at any moment."
    )

    def add_own_arguments(self, parser: ArgumentParser) -> None:
        ends = parser.add_mutually_exclusive_group()
        ends.add_argument("--once", action="store_true", help="end when nothing is due")
        ends.add_argument("--linger", type=float, metavar="SECONDS", help="end when nothing was due for so long")

    def run(self, **options: Any) -> Report:
        if self._called_from_command_line:
            os.nice(NICENESS)
        linger_seconds = 0.0 if options["once"] else options["linger"]
        with at_work(), holding() as holder:
            free_claims_of_the_dead()
            images = WaitingImages(holder)
            jobs = LongJobs(is_to_stop=lambda: worker.is_over)
            suspects = Suspects(holder)
            worker = Worker([images, suspects, jobs, PeriodicChores()])
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: worker.end())
            worker.run(linger_seconds=linger_seconds)
            worker.end()
            jobs.wait()
            suspects.wait()
        return {
            "embedded": images.embedded + suspects.embedded,
            "failed": images.failed + suspects.failed,
            "waiting": Image.objects.pending().count(),
            "jobs": [_told(job) for job in Job.objects.filter(pk__in=jobs.job_ids).order_by("pk")],
        }

    def describe(self, report: Report) -> str:
        lines = [f"{job['title']}: {job['status']}, {job['done']} of {job['total']}" for job in report["jobs"]]
        summary = f"{report['embedded']} embedded, {report['failed']} failed, {report['waiting']} wait."
        return "\n".join([summary, *lines])


def _told(job: Job) -> Report:
    told = {"id": job.pk, "kind": job.kind, "title": job.title, "status": job.status}
    return told | {"done": job.done, "total": job.total, "failed": job.failed}
