from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.db import DatabaseError

from gallery.conf import gallery
from gallery.encoders.registry import choose_encoder_name
from gallery.errors import InvalidInput
from gallery.management.command import GalleryCommand, Report, given_path, lacks_tables
from gallery.measuring.quality import (
    as_report,
    compare,
    encoder_names,
    make_report_folder,
    read_queries,
    steps,
    summary,
    write_report,
)
from gallery.services.embedding.encoder_in_use import current_encoder_name

DEFAULT_COPIES = 50


class Command(GalleryCommand):
    help = "Measure search quality on labelled pictures, in a throw-away library, with one or more encoders."

    def add_own_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("queries", type=given_path, metavar="QUERIES.json")
        parser.add_argument("--images", type=given_path, required=True, metavar="DIR")
        parser.add_argument(
            "--encoder",
            action="append",
            metavar="X",
            help="offline, clip, or clip:MODEL (default: the one in use); given again, each is compared with the first",
        )
        parser.add_argument(
            "--copies",
            type=int,
            nargs="?",
            default=None,
            const=DEFAULT_COPIES,
            metavar="N",
            help=f"also look for the originals of altered copies of N pictures (without a number: {DEFAULT_COPIES})",
        )
        parser.add_argument(
            "--report", type=given_path, metavar="FOLDER", help="write evaluation.json, evaluation.md, evaluation.svg"
        )

    def run(self, **options: Any) -> Report:
        copies, folder = options["copies"] or 0, options["report"]
        if options["copies"] is not None and copies < 1:
            raise InvalidInput(reason=f"--copies is {copies}; it must be at least 1")
        queries = read_queries(options["queries"], max_characters=gallery().max_query_characters)
        if folder is not None:
            make_report_folder(folder)
        encoders = encoder_names(options["encoder"] or [_encoder_in_use()])
        total = steps(queries, folder=options["images"], encoders=len(encoders), copies=copies)
        with self.progress(total, "step") as advance:
            found = compare(
                queries,
                folder=options["images"],
                encoders=encoders,
                copies=copies,
                calibrations=gallery().calibrations_dir,
                progress=advance,
            )
        report = as_report(found)
        if folder is not None:
            self._write(report, folder)
        return report

    def describe(self, report: Report) -> str:
        return summary(report)

    def _write(self, report: Report, folder: Path) -> None:
        written = write_report(report, folder)
        lines = [f"written: {path}" for path in written]
        if not any(path.suffix == ".svg" for path in written):
            lines.append("No plot was drawn: matplotlib is not installed. It comes with requirements-dev.txt.")
        if not self.quiet:
            self.stderr.write("\n".join(lines), style_func=str)  # not in the colour of errors


def _encoder_in_use() -> str:
    """Return the encoder of this library or, where there is none yet, the one that the settings choose."""
    try:
        return current_encoder_name()
    except DatabaseError as error:
        if not lacks_tables(str(error)):
            raise
        return choose_encoder_name(gallery().encoder)
