from argparse import ArgumentParser
from typing import Any

from gallery.management.command import GalleryCommand, Report, named_user, printed_images
from gallery.models import OPERATOR, Image
from gallery.services.rereading import reread


class Command(GalleryCommand):
    help = "Read once more from the originals when pictures were taken and, with --words, what is written in them."

    def add_own_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--owner", help="only this member's pictures (default: everybody's)")
        parser.add_argument(
            "--words", action="store_true", help="also description and tags, where nobody has ever written any here"
        )

    def run(self, **options: Any) -> Report:
        images = Image.objects.all()
        if options["owner"] is not None:
            images = images.filter(owner=named_user(options["owner"]))
        with self.progress(images.live().count(), "picture") as advance:
            done = reread(images, with_words=options["words"], by=OPERATOR, progress=advance)
        return {
            "pictures": done.pictures,
            "dated": done.dated,
            "worded": done.worded,
            "failed": printed_images(done.failed),
            "warnings": printed_images(done.warnings),
            "seconds": round(done.seconds, 3),
        }

    def describe(self, report: Report) -> str:
        lines = [
            f"{report['pictures']} pictures read in {report['seconds']:.1f} s: {report['dated']} got another date or "
            f"other facts, {report['worded']} got words, {len(report['failed'])} could not be read."
        ]
        told = [*report["failed"], *report["warnings"]]
        return "\n".join([*lines, *(f"  {each['id']} {each['name']}: {each['error']}" for each in told)])

    def failed(self, report: Report) -> bool:
        return bool(report["failed"])
