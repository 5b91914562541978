"""The whole measurement of the vector engine, from rows to figures."""

import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gallery.vectors.codes import CodesFile
from gallery.vectors.kernels.machine_code import host_instruction_set
from gallery.vectors.store import VectorStore
from gallery.vectors.unit_vectors import Vectors

from .contenders import BATCHES, Contender, Index, counting_ways, hnsw, our_engines, rivals, without_padding
from .measurement import Measured, measure
from .read_limit import reading_ways
from .rows import RowSource
from .threads import available_threads, use_threads
from .truth import Truth, true_answers

TOP = 10
HNSW_ROWS = 100_000  # up to so many rows the graph is made in less than a minute or two, so it takes part


@dataclass(frozen=True, slots=True)
class Run:
    """One contender's milliseconds per query, and the share of the true ten nearest that it finds (equal scores aside).

    `equals_float64`: every answer was the true one, place by place, up to scores that are equal as float32.
    """

    name: str
    p50_ms: float
    p99_ms: float
    recall_at_10: float
    equals_float64: bool


@dataclass(frozen=True, slots=True)
class ReadTime:
    """Milliseconds of one way to read as many bytes as `exact` has codes."""

    name: str
    p50_ms: float
    p99_ms: float


@dataclass(frozen=True, slots=True)
class CountTime:
    """Milliseconds of counting exactly how many rows reach the score of the `matches`-th best, for one query."""

    matches: int
    p50_ms: float
    p99_ms: float


@dataclass(frozen=True, slots=True)
class SearchBenchmark:
    """`read_limit_ms` is the p50 of the faster one of `read_times`, which took turns with the searches.

    `certificate_held`: no answer of `exact` that was checked, filtered and batched ones included, differs from float64.
    `thread_counts` is what each library says that it uses. `hnsw_build_seconds` is None where the graph took no part.
    """

    rows: int
    dimension: int
    threads: int
    read_limit_ms: float
    runs: tuple[Run, ...]
    certificate_held: bool
    read_times: tuple[ReadTime, ...]
    count_times: tuple[CountTime, ...]
    thread_counts: dict[str, int]
    instruction_set: str
    hnsw_build_seconds: float | None


def benchmark_search(
    source: RowSource,
    *,
    queries: int,
    threads: int | None = None,
    with_hnsw: bool | None = None,
    progress: Callable[[int], None] = lambda _count: None,
) -> SearchBenchmark:
    """Let every contender answer the same `queries` queries; `progress` hears of each. Writes to a temporary folder
    about 2.6 bytes per number and holds 8 in memory.
    """
    threads = threads or available_threads()
    asked = source.queries(max(queries, *BATCHES))
    with (
        tempfile.TemporaryDirectory(prefix="imagesearch-benchmark-") as folder,
        ThreadPoolExecutor(threads, thread_name_prefix="rival") as pool,
    ):
        index = _stored(source, Path(folder), threads=threads)
        contenders = [*our_engines(index), *rivals(index, pool)]
        build_seconds = None
        if source.rows <= HNSW_ROWS if with_hnsw is None else with_hnsw:
            graph, build_seconds = hnsw(index)
            contenders.append(graph)
        truths = _truths(contenders, index, asked)
        thread_counts = use_threads(threads)  # now that every library is loaded
        readers = reading_ways(source.rows * source.dimension, threads=threads, pool=pool)
        counters = counting_ways(index, asked[0])
        turns = {**readers, **{str(matches): count for matches, count in counters.items()}}
        found = measure(contenders, turns, asked, rounds=queries, progress=progress)
        runs = tuple(_run(one.name, found[one.name], truth) for one, truth in zip(contenders, truths, strict=True))
    times = tuple(ReadTime(name, found[name].percentile_ms(50), found[name].percentile_ms(99)) for name in readers)
    counts = tuple(
        CountTime(matches, found[str(matches)].percentile_ms(50), found[str(matches)].percentile_ms(99))
        for matches in counters
    )
    return SearchBenchmark(
        rows=source.rows,
        dimension=source.dimension,
        threads=threads,
        read_limit_ms=min(time.p50_ms for time in times),
        runs=runs,
        certificate_held=all(run.equals_float64 for run in runs if run.name.startswith("exact")),
        read_times=times,
        count_times=counts,
        thread_counts=thread_counts,
        instruction_set=host_instruction_set().name,
        hnsw_build_seconds=build_seconds,
    )


def _stored(source: RowSource, folder: Path, *, threads: int) -> Index:
    """Write the rows and their codes as the site does, and map both."""
    store = VectorStore(folder, dimension=source.dimension)
    store.write_epoch(1, source.blocks())
    matrix = store.read(epoch=1)
    file = CodesFile(folder / "codes-1.bin", dimension=source.dimension)
    file.build(matrix, np.arange(len(matrix), dtype=np.int64))
    return Index(matrix, file.read(len(matrix)), threads, min(TOP, len(matrix)))


def _truths(contenders: Sequence[Contender], index: Index, queries: Vectors) -> list[Truth]:
    masks = [one.allowed for one in contenders if one.allowed is not None]
    everything, *filtered = true_answers(index.matrix, queries, [index.all_rows(), *masks], top=TOP)
    of_masks = iter(filtered)
    return [everything if one.allowed is None else next(of_masks) for one in contenders]


def _run(name: str, measured: Measured, truth: Truth) -> Run:
    answers = [(query, without_padding(found)) for query, found in measured.answers]
    return Run(
        name=name,
        p50_ms=measured.percentile_ms(50),
        p99_ms=measured.percentile_ms(99),
        recall_at_10=float(np.mean([truth.recall(query, found) for query, found in answers])),
        equals_float64=all(truth.equals(query, found) for query, found in answers),
    )
