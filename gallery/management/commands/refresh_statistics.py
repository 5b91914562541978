import time
from typing import Any

from gallery.management.command import GalleryCommand, Report
from gallery.services.database_care import keep_statistics


class Command(GalleryCommand):
    help = (
        "Collect the statistics by which the database plans, where much has changed since. The site does it by itself "
        "after `migrate`, after imports and now and then."
    )

    def run(self, **options: Any) -> Report:
        started = time.perf_counter()
        return {"tables": keep_statistics(), "seconds": round(time.perf_counter() - started, 3)}

    def describe(self, report: Report) -> str:
        if not report["tables"]:
            return "The database's statistics are up to date."
        return f"Collected the statistics of {', '.join(report['tables'])} in {report['seconds']:.1f} s."
