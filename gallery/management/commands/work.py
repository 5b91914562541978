import os
import signal
import threading
from argparse import ArgumentParser
from contextlib import suppress
from pathlib import Path
from typing import Any

from django.db import connections

from gallery.jobs.long_jobs import LongJobs
from gallery.jobs.periodic import PeriodicChores
from gallery.jobs.suspects import Suspects
from gallery.jobs.unread_images import UnreadImages
from gallery.jobs.waiting_images import WaitingImages
from gallery.jobs.worker import Worker
from gallery.management.command import GalleryCommand, Report
from gallery.models import Claim, Image, Job
from gallery.models.claim import NOBODY
from gallery.services.embedding.encoder_in_use import warm_up_for_images
from gallery.services.holders import free_claims_of_the_dead, holding
from gallery.services.reading.state import INSTALL_READER, ReadingState, reading

NICENESS = 10  # pages come first; where others keep every core busy it still gets a tenth of one
SESSION_NICENESS = Path("/proc/self/autogroup")  # Linux weighs sessions before the processes in them: sched(7)


class Command(GalleryCommand):
    help = (
        "Do in the background what is due: make uploaded pictures searchable, carry out long work, empty the trash, "
        "and so on. Any number may run on the machine of the vectors; it may be killed at any moment."
    )

    def add_own_arguments(self, parser: ArgumentParser) -> None:
        ends = parser.add_mutually_exclusive_group()
        ends.add_argument("--once", action="store_true", help="end when nothing is due")
        ends.add_argument(
            "--linger",
            type=float,
            metavar="SECONDS",
            help="end when nothing was due for so long, or at once where another one lingers",
        )

    def run(self, **options: Any) -> Report:
        linger_seconds = 0.0 if options["once"] else options["linger"]
        with holding() as holder:
            free_claims_of_the_dead()
            if options["once"]:
                Claim.objects.of(NOBODY).delete()  # whoever asks may have mended why these could not be done
            images = WaitingImages(holder)
            jobs = LongJobs(is_to_stop=lambda: worker.is_over)
            suspects = Suspects(holder)
            texts = UnreadImages(holder)
            worker = Worker([images, suspects, jobs, PeriodicChores(), texts])
            if getattr(self, "_called_from_command_line", False):  # a test's own process stays as it is
                _be_background_work(worker)
                if not options["once"] and options["linger"] is None:
                    threading.Thread(target=_warm_up, name="encoder warm-up").start()
            worker.run_known(linger_seconds=linger_seconds, alone=options["linger"] is not None)
            worker.end()
            jobs.wait()
            suspects.wait()
            texts.close()
        if options["once"] and worker.errors:
            raise worker.errors[-1]
        return {
            "embedded": images.embedded + suspects.embedded,
            "failed": images.failed + suspects.failed,
            "waiting": Image.objects.pending().count(),
            "text": {"read": texts.read, "failed": texts.failed, **_told_of_reading()},
            "jobs": [_told(job) for job in Job.objects.filter(pk__in=jobs.job_ids).order_by("pk")],
        }

    def describe(self, report: Report) -> str:
        lines = [f"{job['title']}: {job['status']}, {job['done']} of {job['total']}" for job in report["jobs"]]
        summary = f"{report['embedded']} embedded, {report['failed']} failed, {report['waiting']} wait."
        return "\n".join([summary, *_text_in_words(report["text"]), *lines])


def _be_background_work(worker: Worker) -> None:
    _yield_to_pages()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: worker.end())


def _yield_to_pages() -> None:
    os.nice(NICENESS)
    if os.getsid(0) == os.getpid():  # else it is the session of whoever began it
        with suppress(OSError):
            SESSION_NICENESS.write_text(str(NICENESS))


def _warm_up() -> None:
    try:
        warm_up_for_images()
    finally:
        connections.close_all()


def _told_of_reading() -> Report:
    now = reading()
    return {"waiting": now.waiting, "state": now.state}


def _text_in_words(text: Report) -> list[str]:
    """Return nothing where it is switched off: who did that knows it."""
    if text["state"] == ReadingState.OFF:
        return []
    if text["state"] == ReadingState.NOT_INSTALLED:
        return [f"Text in pictures is not read: {INSTALL_READER}"]
    return [f"Text was read in {text['read']} pictures, not in {text['failed']}; {text['waiting']} wait for it."]


def _told(job: Job) -> Report:
    told = {"id": job.pk, "kind": job.kind, "title": job.title, "status": job.status}
    return told | {"done": job.done, "total": job.total, "failed": job.failed}
