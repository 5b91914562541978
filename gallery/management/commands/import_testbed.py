from argparse import ArgumentParser
from typing import Any

from gallery.management.command import (
    GalleryCommand,
    Report,
    given_path,
    owner_named,
    printed_files,
    printed_skips,
    skipped_lines,
)
from gallery.models import OPERATOR
from gallery.testbed import import_testbed, read_index


class Command(GalleryCommand):
    help = "Bring in a folder of the learning project (testbed), vectors included. It may be killed and run again."

    def add_own_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=given_path, metavar="DIR", help="the folder with image_index.json")
        parser.add_argument("--owner", help="whose pictures they become (default: the first administrator)")
        parser.add_argument("--reembed", action="store_true", help="compute all vectors with this library's encoder")

    def run(self, **options: Any) -> Report:
        index = read_index(options["folder"])
        owner = owner_named(options["owner"])
        with self.progress(index.total, "picture") as advance:
            report = import_testbed(
                options["folder"], index, owner=owner, by=OPERATOR, reembed=options["reembed"], progress=advance
            )
        return {
            "added": report.added,
            "duplicates": report.duplicates,
            "failed": printed_files(report.failed),
            "skipped": printed_skips(report.skipped),
            "warnings": printed_files(report.warnings),
            "vectors_taken": report.vectors_taken,
            "reembedded": report.reembedded,
            "unused_rows": report.unused_rows,
            "seconds": round(report.seconds, 3),
        }

    def describe(self, report: Report) -> str:
        lines = [
            f"{report['added']} added, {report['duplicates']} already there, {len(report['failed'])} failed; "
            f"{report['vectors_taken']} vectors taken over, {report['reembedded']} computed, "
            f"in {report['seconds']:.1f} s."
        ]
        lines += [f"  {failure['path']}: {failure['error']}" for failure in report["failed"]]
        lines += skipped_lines(report)
        lines += [f"  Warning: {warning['path']}: {warning['error']}" for warning in report["warnings"]]
        if report["unused_rows"]:
            lines.append(f"  Warning: no picture uses {report['unused_rows']} rows of image_embeddings.npy.")
        return "\n".join(lines)
