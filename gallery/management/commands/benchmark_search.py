from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from gallery.errors import InvalidInput
from gallery.management.command import GalleryCommand, Report
from gallery.services.search_benchmark import benchmark_search


class Command(GalleryCommand):
    help = "Time exact search on synthetic vectors beside NumPy and faiss, interleaved, with the same threads."

    def add_own_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--rows", type=int, required=True, metavar="N")
        parser.add_argument("--dimension", type=int, default=512)
        parser.add_argument("--queries", type=int, default=50)

    def run(self, **options: Any) -> Report:
        for name in ("rows", "dimension", "queries"):
            if options[name] < 1:
                raise InvalidInput(reason=f"--{name} is {options[name]}; it must be at least 1")
        with self.progress(options["queries"], "query") as advance:
            found = benchmark_search(
                rows=options["rows"], dimension=options["dimension"], queries=options["queries"], progress=advance
            )
        return asdict(found)

    def describe(self, report: Report) -> str:
        lines = [
            f"{report['rows']:,} x {report['dimension']}, {report['threads']} threads; "
            f"reading one byte per number takes {report['read_limit_ms']:.2f} ms."
        ]
        lines += [
            f"{run['name']:>20}: p50 {run['p50_ms']:8.2f} ms, p99 {run['p99_ms']:8.2f} ms, "
            f"recall@10 {run['recall_at_10']:.4f}"
            for run in report["runs"]
        ]
        return "\n".join(lines)
