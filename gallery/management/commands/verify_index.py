from argparse import ArgumentParser
from typing import Any

from gallery.management.command import GalleryCommand, Report
from gallery.models import OPERATOR, Image, IndexState
from gallery.services.maintenance import repair, verify


class Command(GalleryCommand):
    help = "Compare database, vectors and files; with --repair mend what can be mended. Exit status 1 on a problem."

    def add_own_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--repair", action="store_true", help="mend what can be mended, then verify again")

    def run(self, **options: Any) -> Report:
        looked_at = IndexState.objects.current().row_count + Image.objects.count()
        with self.progress(looked_at, "row") as advance:
            found = repair(by=OPERATOR, progress=advance) if options["repair"] else verify(progress=advance)
        return {
            "ok": found.ok,
            "rows": found.rows,
            "indexed": found.indexed,
            "pending": found.pending,
            "failed": found.failed,
            "problems": [{"code": problem.code, "detail": problem.detail} for problem in found.problems],
        }

    def failed(self, report: Report) -> bool:
        return not report["ok"]

    def describe(self, report: Report) -> str:
        lines = [f"{problem['code']}: {problem['detail']}" for problem in report["problems"]]
        counts = f"{report['indexed']} searchable, {report['pending']} waiting, {report['failed']} failed"
        verdict = "The index is whole" if report["ok"] else f"{len(lines)} problems; run it with --repair"
        return "\n".join([*lines, f"{verdict}: {report['rows']} rows, {counts}."])
