"""make bench: what the product costs on this machine, part by part, each in a process of its own. Prints ratios.

    python -m tests.benchmarks                     every part
    python -m tests.benchmarks pictures            importing beside encoding alone, searching beside encoding the query
    python -m tests.benchmarks encoders            CLIP in full size: pictures, texts, import, memory of a worker
    python -m tests.benchmarks search              the vector engine beside NumPy and faiss, at each of --rows
    python -m tests.benchmarks library             store, database and processes, at the largest of --rows
    python -m tests.benchmarks cutoff              which results are meant, and how many, beside the search alone
    python -m tests.benchmarks columns             conditions, counts and orders on columns by row, the same
    python -m tests.benchmarks pages               each page at the smallest and the largest of --rows, on each database
    python -m tests.benchmarks filtered            searches with filters and facets, at the largest of --rows
    python -m tests.benchmarks rights              searches beside changes, the same
    python -m tests.benchmarks verify              `verify_index` beside a writer, the same
    python -m tests.benchmarks starting            first page and first search, at the smallest and the largest
    python -m tests.benchmarks exclusions          what is excluded among the first results of --images
    python -m tests.benchmarks report              nothing anew: write the report of the last results again

`--report FOLDER` keeps the results in FOLDER/performance.json, where the other parts' stay, and writes their tables and
the plot into FOLDER/performance.md.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from .results import Result, Results
from .sites import DATABASES, Sites, postgresql_server

SITE_PARTS = ("pages", "filtered", "rights", "verify", "starting")
PARTS = ("pictures", "encoders", "search", "library", "cutoff", "columns", *SITE_PARTS)
QUALITY_PART = "exclusions"  # measured only where it is asked for: the pictures are not here
PAGE_DIMENSION = 512
VERIFIED_DIMENSIONS = (512, 1_280)


def row_counts(text: str) -> list[int]:
    counts = sorted({int(part.replace("_", "")) for part in text.split(",")})
    if counts[0] < 1:
        raise argparse.ArgumentTypeError("each number of rows must be at least 1")
    return counts


def databases(text: str) -> tuple[str, ...]:
    names = tuple(text.split(","))
    if unknown := set(names) - set(DATABASES):
        raise argparse.ArgumentTypeError(f"{', '.join(sorted(unknown))} is none of {', '.join(DATABASES)}")
    return names


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("part", nargs="?", choices=("all", *PARTS, QUALITY_PART, "report"), default="all")
    parser.add_argument("--rows", type=row_counts, default=[10_000, 100_000], metavar="N[,N...]")
    parser.add_argument("--queries", type=int, default=50)
    parser.add_argument("--report", type=Path, metavar="FOLDER")
    parser.add_argument("--results", type=Path, metavar="FILE", help="keep the results in this file, write no report")
    parser.add_argument("--databases", type=databases, default=DATABASES, metavar="NAME[,NAME]")
    parser.add_argument(
        "--libraries", type=Path, metavar="FOLDER", help="keep large libraries here, use those of before"
    )
    parser.add_argument(
        "--server", metavar="URL", help="a PostgreSQL to keep their databases on, else one for this run"
    )
    parser.add_argument("--hnsw", action="store_true", help="faiss's graph at any size; making it takes minutes")
    parser.add_argument("--images", type=Path, metavar="DIR", help="labelled pictures, for exclusions")
    parser.add_argument("--labels", type=Path, metavar="FILE", help="what each of them shows")
    parser.add_argument("--encoder", default="offline", metavar="X", help="for exclusions")
    parser.add_argument("--npy", type=Path, metavar="PATH", help="search the vectors of this file")
    return parser


def run_part(part: str, options: argparse.Namespace, results: Results) -> None:
    if part == "pictures":
        from .pictures import bench_pictures

        results.put("pictures", bench_pictures())
    elif part == "encoders":
        from .encoders import bench_encoders

        results.put("encoders", bench_encoders())
    elif part == "search":
        from .search import bench_search

        for rows in options.rows:
            found = bench_search(rows, queries=options.queries, hnsw=options.hnsw, npy=options.npy)
            results.put_search(found)
    elif part == "library":
        from .library import bench_library

        results.put("library", bench_library(options.rows[-1], queries=options.queries))
    elif part == "cutoff":
        from .cutoff import bench_cutoff

        results.put("cutoff", bench_cutoff(options.rows[-1], queries=options.queries))
    elif part == "columns":
        from .columns import bench_columns

        results.put("columns", bench_columns(options.rows[-1]))
    elif part == QUALITY_PART:
        from .exclusions import bench_exclusions

        results.put(part, bench_exclusions(options.images, options.labels, encoder=options.encoder))


def run_site_part(part: str, options: argparse.Namespace, results: Results, scratch: Path) -> None:
    folder = options.libraries or scratch / "libraries"
    for database in options.databases:
        with nullcontext("") if database == "sqlite" else server(options) as address:
            for result in site_results(part, Sites(folder, address), options):
                results.put_of_site(part, result)


def server(options: argparse.Namespace) -> AbstractContextManager[str]:
    return nullcontext(options.server) if options.server else postgresql_server()


def site_results(part: str, sites: Sites, options: argparse.Namespace) -> Iterator[Result]:
    rows = options.rows
    if part == "pages":
        from .pages import bench_pages

        yield bench_pages(sites, rows, dimension=PAGE_DIMENSION)
    elif part == "filtered":
        from .filtered import bench_filtered

        yield bench_filtered(sites, rows[-1], dimension=PAGE_DIMENSION, queries=options.queries)
    elif part == "rights":
        from .rights import bench_rights

        yield bench_rights(sites, rows[-1], dimension=PAGE_DIMENSION)
    elif part == "verify":
        from .verify import bench_verify

        for dimension in VERIFIED_DIMENSIONS:
            yield bench_verify(sites, rows[-1], dimension=dimension)
    elif part == "starting":
        from .starting import bench_starting

        yield bench_starting(sites, rows, dimension=PAGE_DIMENSION)


def run_all(words: list[str], results: Path, options: argparse.Namespace, scratch: Path) -> None:
    """Run every part in a process of its own, so that none inherits the memory and the threads of another."""
    with server(options) if "postgresql" in options.databases else nullcontext("") as address:
        kept = ["--libraries", str(options.libraries or scratch / "libraries"), "--server", address]
        for part in PARTS:
            print(f"\n{part}", flush=True)
            command = [sys.executable, "-m", "tests.benchmarks", part, *words, *kept, "--results", str(results)]
            subprocess.run(command, check=True)


def main(words: list[str]) -> None:
    options = arguments().parse_args(words)
    if options.part == QUALITY_PART and not (options.images and options.labels):
        arguments().error("exclusions are measured with --images DIR and --labels FILE")
    with tempfile.TemporaryDirectory(prefix="imagesearch-bench-") as scratch:
        path = options.results or (options.report or Path(scratch)) / "performance.json"
        results = Results(path)
        if options.part == "all":
            run_all([word for word in words if word != "all"], path, options, Path(scratch))
        elif options.part in SITE_PARTS:
            run_site_part(options.part, options, results, Path(scratch))
        elif options.part != "report":
            os.environ["IMAGESEARCH_DATA_DIR"] = str(Path(scratch) / "data")  # never the site's own
            run_part(options.part, options, results)
        if options.report and not options.results:
            from .report import write_report

            write_report(options.report, results)


if __name__ == "__main__":
    main(sys.argv[1:])
