import time
from argparse import ArgumentParser
from typing import Any

from gallery.management.command import GalleryCommand, Report
from gallery.models import Image, IndexState
from gallery.services.maintenance import reindex


class Command(GalleryCommand):
    help = "Encode the whole library again, with another encoder if named. Searches go on in the old index meanwhile."

    def add_own_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--encoder", metavar="X", help="offline, clip, or clip:MODEL (default: the present one)")

    def run(self, **options: Any) -> Report:
        started = time.perf_counter()
        with self.progress(Image.objects.searchable().count(), "picture") as advance:
            rows = reindex(options["encoder"], progress=advance)
        return {
            "encoder": IndexState.objects.current().encoder_id,
            "rows": rows,
            "pending": Image.objects.pending().count(),
            "seconds": round(time.perf_counter() - started, 3),
        }

    def describe(self, report: Report) -> str:
        return f"{report['rows']} pictures encoded with “{report['encoder']}” in {report['seconds']:.1f} s."
