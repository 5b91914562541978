"""How fast is exact search here, beside what one would write by hand: one process, interleaved, same threads."""

import os
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import faiss
import numpy as np
import numpy.typing as npt

from gallery.encoders.base import Vectors
from gallery.vectors.engines.exact import ExactEngine
from gallery.vectors.store import VectorStore
from gallery.vectors.unit_vectors import Ids

TOP = 10
BLOCK_ROWS = 100_000
ROWS_PER_CLUSTER = 200
SPREAD = 0.6  # length of the noise beside a cluster's centre of length 1: neighbours at cosine 0.7..0.8
Search = Callable[[Vectors], Ids]  # (dimension,) -> (TOP,) row numbers, best first


@dataclass(frozen=True, slots=True)
class Run:
    """Times of one way to search, and the share of the true ten nearest that it finds (equal scores aside)."""

    name: str
    p50_ms: float
    p99_ms: float
    recall_at_10: float


@dataclass(frozen=True, slots=True)
class SearchBenchmark:
    """`read_limit_ms` is the time to read one byte per number of the matrix once, with the same threads."""

    rows: int
    dimension: int
    threads: int
    read_limit_ms: float
    runs: tuple[Run, ...]


def benchmark_search(*, rows: int, dimension: int, queries: int, progress: Callable[[int], None]) -> SearchBenchmark:
    """Search `rows` clustered vectors with `queries` vectors from the same clusters, each way in turn."""
    threads = os.cpu_count() or 1
    faiss.omp_set_num_threads(threads)
    random = np.random.default_rng(20_24)
    centres = _unit(random.standard_normal((max(1, rows // ROWS_PER_CLUSTER), dimension), dtype=np.float32))
    with tempfile.TemporaryDirectory(prefix="imagesearch-benchmark-") as scratch:
        store = VectorStore(Path(scratch), dimension=dimension)
        for start in range(0, rows, BLOCK_ROWS):
            store.append(_near(centres, min(BLOCK_ROWS, rows - start), random), epoch=1)
        matrix = store.read(epoch=1)
        asked = _near(centres, queries, random)
        ways = _ways(matrix)
        times: dict[str, list[float]] = {name: [] for name in ways}
        recalls: dict[str, list[float]] = {name: [] for name in ways}
        for search in ways.values():  # the first search of each maps pages and starts threads
            search(asked[0])
        for query in asked:
            truth = _true_scores(matrix, query)
            for name, search in ways.items():
                started = time.perf_counter()
                found = search(query)
                times[name].append((time.perf_counter() - started) * 1000)
                recalls[name].append(_recall(truth, found))
            progress(1)
        read_limit_ms = _read_limit_ms(matrix, threads)
    runs = tuple(_run(name, times[name], recalls[name]) for name in ways)
    return SearchBenchmark(rows, dimension, threads, read_limit_ms, runs)


def _run(name: str, times_ms: list[float], recalls: list[float]) -> Run:
    p50_ms, p99_ms = (float(value) for value in np.percentile(times_ms, [50, 99]))
    return Run(name, p50_ms, p99_ms, float(np.mean(recalls)))


def _ways(matrix: Vectors) -> dict[str, Search]:
    """Every way to search, ready to go, on the same matrix."""
    engine = ExactEngine(matrix.shape[1])
    engine.replace(matrix=matrix, ids=np.arange(len(matrix), dtype=np.int64))
    flat = faiss.IndexFlatIP(matrix.shape[1])
    flat.add(matrix)
    in_memory = np.array(matrix)
    top = min(TOP, len(matrix))

    def argsort(query: Vectors) -> Ids:
        found: Ids = np.argsort(-(in_memory @ query))[:top]
        return found

    def argpartition(query: Vectors) -> Ids:
        scores = in_memory @ query
        best = np.argpartition(-scores, top - 1)[:top]
        found: Ids = best[np.argsort(-scores[best])]
        return found

    def faiss_flat(query: Vectors) -> Ids:
        found: Ids = flat.search(query[np.newaxis], top)[1][0]
        return found

    return {
        "exact": lambda query: engine.search(query[np.newaxis], k=top).ids[0],
        "numpy_argsort": argsort,
        "numpy_argpartition": argpartition,
        "faiss_flat": faiss_flat,
    }


def _near(centres: Vectors, count: int, random: np.random.Generator) -> Vectors:
    """Return unit vectors around randomly chosen centres: (count, dimension)."""
    chosen = centres[random.integers(len(centres), size=count)]
    noise = random.standard_normal(chosen.shape, dtype=np.float32)
    return _unit(chosen + np.float32(SPREAD) * _unit(noise))


def _unit(vectors: Vectors) -> Vectors:
    unit: Vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit


def _true_scores(matrix: Vectors, query: Vectors) -> npt.NDArray[np.float64]:
    """Return the float64 cosine of every row: (rows,)."""
    blocks = (matrix[start : start + BLOCK_ROWS] for start in range(0, len(matrix), BLOCK_ROWS))
    return np.concatenate([block.astype(np.float64) @ query.astype(np.float64) for block in blocks])


def _recall(truth: npt.NDArray[np.float64], found: Ids) -> float:
    """Return the share of `found` whose true score reaches the k-th best one: equal scores count as the same row."""
    kth_best = -np.partition(-truth, len(found) - 1)[len(found) - 1]
    tolerance = 1e-7  # below the resolution of a float32 score
    return float(np.mean(truth[found] >= kth_best - tolerance))


def _read_limit_ms(matrix: Vectors, threads: int) -> float:
    """Return the time to read rows x dimension bytes once: the best of five, all threads together."""
    words = np.ones(matrix.size // 8, dtype=np.uint64)
    parts = np.array_split(words, threads)
    best = float("inf")
    with ThreadPoolExecutor(threads) as pool:
        for _ in range(5):
            started = time.perf_counter()
            list(pool.map(np.max, parts))
            best = min(best, time.perf_counter() - started)
    return best * 1000
