from argparse import ArgumentParser, BooleanOptionalAction
from dataclasses import asdict
from typing import Any

from gallery.errors import InvalidInput
from gallery.management.command import GalleryCommand, Report, given_path
from gallery.measuring.speed import DEFAULT_DIMENSION, ClusteredRows, FileRows, RowSource, benchmark_search


class Command(GalleryCommand):
    help = (
        "Time our engines on synthetic vectors, or on your own, beside NumPy and faiss, in turns, with equal threads."
    )

    def add_own_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--rows", type=int, metavar="N", help="how many vectors; with --npy all by default")
        parser.add_argument("--dimension", type=int, help=f"numbers of a vector ({DEFAULT_DIMENSION}, or the file's)")
        parser.add_argument("--queries", type=int, default=50)
        parser.add_argument("--threads", type=int, help="of each contender; by default one per core")
        parser.add_argument("--npy", type=given_path, metavar="PATH", help="a float32 matrix to take the vectors from")
        parser.add_argument(
            "--hnsw",
            action=BooleanOptionalAction,
            help="faiss's graph too, however long making it takes, or not at all",
        )

    def run(self, **options: Any) -> Report:
        for name in ("rows", "dimension", "queries", "threads"):
            if options[name] is not None and options[name] < 1:
                raise InvalidInput(reason=f"--{name} is {options[name]}; it must be at least 1")
        source = _source(options)
        with self.progress(options["queries"], "query") as advance:
            found = benchmark_search(
                source,
                queries=options["queries"],
                threads=options["threads"],
                with_hnsw=options["hnsw"],
                progress=advance,
            )
        return asdict(found)

    def describe(self, report: Report) -> str:
        limit_ms = report["read_limit_ms"]
        held = "held in every answer" if report["certificate_held"] else "DID NOT HOLD"
        lines = [
            f"{report['rows']:,} x {report['dimension']}, {report['threads']} threads; "
            f"reading one byte per number takes {limit_ms:.2f} ms. The certificate of exact {held}."
        ]
        lines += [
            f"{run['name']:>20}: p50 {run['p50_ms']:8.2f} ms ({run['p50_ms'] / limit_ms:6.2f} x reading), "
            f"p99 {run['p99_ms']:8.2f} ms, recall@10 {run['recall_at_10']:.4f}"
            for run in report["runs"]
        ]
        lines += [
            f"{'count of ' + format(count['matches'], ','):>20}: p50 {count['p50_ms']:8.2f} ms "
            f"({count['p50_ms'] / limit_ms:6.2f} x reading), p99 {count['p99_ms']:8.2f} ms"
            for count in report["count_times"]
        ]
        return "\n".join(lines)


def _source(options: dict[str, Any]) -> RowSource:
    if options["npy"] is None:
        if options["rows"] is None:
            raise InvalidInput(reason="say how many vectors to search with --rows")
        return ClusteredRows(options["rows"], options["dimension"] or DEFAULT_DIMENSION)
    source = FileRows(options["npy"], rows=options["rows"], queries=options["queries"])
    if options["dimension"] not in {None, source.dimension}:
        raise InvalidInput(reason=f"--dimension is {options['dimension']}; the file's vectors have {source.dimension}")
    return source
