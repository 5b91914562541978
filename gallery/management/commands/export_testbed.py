from argparse import ArgumentParser
from typing import Any

from gallery.management.command import GalleryCommand, Report, given_path, named_user, printed_images
from gallery.models import OPERATOR
from gallery.testbed import export_testbed, images_to_export


class Command(GalleryCommand):
    help = "Write the pictures as a folder of the learning project (testbed). It appears whole, or not at all."

    def add_own_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=given_path, metavar="DIR", help="a folder that does not exist yet")
        parser.add_argument("--owner", help="whose pictures (default: everybody's)")
        parser.add_argument(
            "--without-vectors", action="store_true", help="whatever the encoder; whoever reads it computes them"
        )

    def run(self, **options: Any) -> Report:
        owner = named_user(options["owner"]) if options["owner"] is not None else None
        with self.progress(images_to_export(owner, by=OPERATOR).count(), "picture") as advance:
            report = export_testbed(
                options["folder"],
                by=OPERATOR,
                owner=owner,
                with_vectors=not options["without_vectors"],
                progress=advance,
            )
        return {
            "images": report.images,
            "skipped": printed_images(report.skipped),
            "encoder": report.encoder,
            "seconds": round(report.seconds, 3),
        }

    def describe(self, report: Report) -> str:
        lines = [
            f"{report['images']} pictures written, {len(report['skipped'])} skipped, in {report['seconds']:.1f} s."
        ]
        lines += [f"  {skipped['name']}: {skipped['error']}" for skipped in report["skipped"]]
        return "\n".join(lines)
