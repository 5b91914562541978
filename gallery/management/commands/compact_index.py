import time
from typing import Any

from gallery.management.command import GalleryCommand, Report
from gallery.models import OPERATOR, IndexState
from gallery.services.embedding.claimed_images import embed_pending
from gallery.services.maintenance import compact


class Command(GalleryCommand):
    help = "Write the vectors in use to a new file and drop those of deleted pictures."

    def run(self, **options: Any) -> Report:
        started = time.perf_counter()
        before = IndexState.objects.current().row_count
        rows = compact(by=OPERATOR)
        embed_pending()  # what came meanwhile may have waited for the lock in vain
        return {"rows": rows, "removed": before - rows, "seconds": round(time.perf_counter() - started, 3)}

    def describe(self, report: Report) -> str:
        return f"{report['rows']} rows kept, {report['removed']} removed, in {report['seconds']:.1f} s."
