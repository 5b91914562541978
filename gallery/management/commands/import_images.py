from argparse import ArgumentParser
from typing import Any

from gallery.conf import gallery
from gallery.management.command import (
    GalleryCommand,
    Report,
    given_path,
    owner_named,
    printed_files,
    printed_skips,
    skipped_lines,
)
from gallery.models import OPERATOR, Visibility
from gallery.services.changed_files import OnChange
from gallery.services.found_files import find_files
from gallery.services.import_jobs import ChangedFile
from gallery.services.importing import import_files
from gallery.services.labels import check_labels


class Command(GalleryCommand):
    help = "Bring in pictures from files and folders. It may be killed and run again: nothing is lost or doubled."

    def add_own_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("paths", nargs="+", type=given_path, metavar="PATH")
        parser.add_argument("--owner", help="whose pictures they become (default: the first administrator)")
        parser.add_argument("--tags", default="", help="comma-separated tags for all of them")
        parser.add_argument("--visibility", default=Visibility.PRIVATE, help=", ".join(Visibility.values))
        parser.add_argument(
            "--without-embedded-words",
            action="store_true",
            help="leave titles, captions and keywords inside of the files, and beside them, where they are",
        )
        parser.add_argument("--recursive", action="store_true", help="look into folders of folders too")
        parser.add_argument(
            "--changed",
            default=OnChange.KEEP.value,
            choices=[choice.value for choice in OnChange],
            help="when a file was edited in place: keep the picture that it held before, too (default), or replace it, "
            "in albums as well, and move it to the trash",
        )

    def run(self, **options: Any) -> Report:
        labels = check_labels(
            tags=options["tags"],
            visibility=options["visibility"],
            takes_embedded_words=gallery().embedded_words and not options["without_embedded_words"],
        )
        found = find_files(options["paths"], recursive=options["recursive"])
        owner = owner_named(options["owner"])
        with self.progress(len(found.sources), "picture") as advance:
            report = import_files(
                found,
                owner=owner,
                labels=labels,
                by=OPERATOR,
                on_change=OnChange(options["changed"]),
                progress=advance,
            )
        return {
            "added": report.added,
            "duplicates": report.duplicates,
            "failed": printed_files(report.failed),
            "skipped": printed_skips(report.skipped),
            "warnings": printed_files(report.warnings),
            "changed": [_printed(changed) for changed in report.changed],
            "ignored": report.ignored,
            "seconds": round(report.seconds, 3),
            "images_per_second": round(report.images_per_second, 2),
        }

    def describe(self, report: Report) -> str:
        lines = [
            f"{report['added']} added, {report['duplicates']} already there, {len(report['failed'])} failed, "
            f"{len(report['skipped'])} skipped, {report['ignored']} other files ignored, "
            f"in {report['seconds']:.1f} s ({report['images_per_second']:.1f} pictures/s)."
        ]
        lines += [f"  {failure['path']}: {failure['error']}" for failure in report["failed"]]
        lines += skipped_lines(report)
        lines += [f"  {warning['path']}: {warning['error']}" for warning in report["warnings"]]
        lines += [
            f"  Changed: {changed['path']}: picture {changed['id']}, before it was {changed['previous_id']}."
            for changed in report["changed"]
        ]
        return "\n".join(lines)

    def failed(self, report: Report) -> bool:
        return bool(report["failed"])


def _printed(changed: ChangedFile) -> dict[str, Any]:
    return {
        "path": changed.path,
        "id": changed.image_id,
        "previous_id": changed.previous_id,
        "labels_taken_over": changed.has_labels,
        "replaced": changed.is_replaced,
    }
