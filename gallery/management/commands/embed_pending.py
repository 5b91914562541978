from argparse import ArgumentParser
from typing import Any

from gallery.management.command import GalleryCommand, Report, printed_images
from gallery.models import OPERATOR, Image
from gallery.services.curation import requeue_failed
from gallery.services.embedding.claimed_images import embed_pending
from gallery.services.folding import fold_waiting_texts, waiting_text_count


class Command(GalleryCommand):
    help = "Make every waiting picture searchable. It may be killed and run again, and run beside itself."

    def add_own_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--retry-failed", action="store_true", help="try the failed pictures again, too")

    def run(self, **options: Any) -> Report:
        if options["retry_failed"]:
            requeue_failed(Image.objects.all(), by=OPERATOR)
        with self.progress(waiting_text_count(), "name") as advance:
            folded = fold_waiting_texts(progress=advance)
        with self.progress(Image.objects.pending().count(), "picture") as advance:
            report = embed_pending(progress=advance)
        return {
            "embedded": report.embedded,
            "folded": folded,
            "failed": report.failed,
            "failures": printed_images(report.failures),
            "seconds": round(report.seconds, 3),
        }

    def describe(self, report: Report) -> str:
        lines = [f"  {failure['name']}: {failure['error']}" for failure in report["failures"]]
        summary = f"{report['embedded']} embedded, {report['failed']} failed, in {report['seconds']:.1f} s."
        return "\n".join([summary, *lines])
