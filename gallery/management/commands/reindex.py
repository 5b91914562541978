import sys
import time
from argparse import ArgumentParser
from typing import Any

from gallery.management.command import GalleryCommand, Report, printed_images
from gallery.models import OPERATOR, Image
from gallery.services.embedding.model_change import cancel_change
from gallery.services.embedding.model_change_job import change_model_noted


class Command(GalleryCommand):
    help = (
        "Encode the whole library again, with another encoder if named, and move to it in one moment. Searches and "
        "uploads go on meanwhile. It may be killed and run again: it goes on where it was."
    )

    def add_own_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--encoder", metavar="X", help="offline, clip, or clip:MODEL (default: the present one)")
        parser.add_argument("--retry-failed", action="store_true", help="try again what the next encoder failed on")
        parser.add_argument(
            "--accept-failures", action="store_true", help="move also if many pictures cannot be found afterwards"
        )
        parser.add_argument("--cancel", action="store_true", help="give up the change that is under way")

    def run(self, **options: Any) -> Report:
        if options["cancel"]:
            return {"cancelled": cancel_change(by=OPERATOR)}
        started = time.perf_counter()
        with self.progress(Image.objects.searchable().count(), "picture") as advance:
            done = change_model_noted(
                options["encoder"],
                by=OPERATOR,
                retry_failed=options["retry_failed"],
                accept_failures=options["accept_failures"],
                progress=advance,
            )
        if done.started_over:
            sys.stderr.write("It started over: what was there could not be gone on with.\n")
        return {
            "encoder": done.encoder,
            "rows": done.rows,
            "pending": Image.objects.pending().count(),
            "failed": done.failed,
            "failures": printed_images(done.failures),
            "resumed": done.resumed,
            "seconds": round(time.perf_counter() - started, 3),
        }

    def describe(self, report: Report) -> str:
        if "cancelled" in report:
            return "The change was given up." if report["cancelled"] else "No change was under way."
        lines = [f"  {failure['name']}: {failure['error']}" for failure in report["failures"]]
        summary = f"{report['rows']} pictures encoded with “{report['encoder']}” in {report['seconds']:.1f} s."
        return "\n".join([summary, *lines])
