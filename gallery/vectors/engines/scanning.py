"""What the scanning engines share: threads, candidates, and the proof that nothing better was left out."""

import ctypes
import os
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from gallery.vectors.codes import BLOCK_ROWS, Codes, block_layout
from gallery.vectors.kernels.scan import Scanner, scanner
from gallery.vectors.kernels.scan_job import DONE, HISTOGRAM_BINS, MAX_DIMENSION, TILE_ROWS, ScanJob
from gallery.vectors.quantization import BitQuery, ByteQueries
from gallery.vectors.row_mask import RowMask
from gallery.vectors.unit_vectors import NO_ID, Ids, Rows, Vectors

from .base import Hits, ScoreDistribution, checked_queries

Floats = npt.NDArray[np.float32]

FIRST_CAPACITY = 4 * BLOCK_ROWS  # candidates a thread keeps per query before the worse ones are thrown out
FIRST_RESCORED = 64
HISTOGRAM_TILES = 8  # where there are many rows, every eighth part of them is enough for quantiles
MANY_ROWS = 65_536  # of fewer, which may all lie together, no sample is taken and no gate is worth its uncertainty
DIRECT_ROWS = 256  # fewer allowed rows are scored without a scan
RESCORE_ROWS = 4_096  # 16 MiB of float64 at 512 numbers
FLOAT32_TIE = 2.0**-22  # scores this close may be equal once they are rounded to float32


class ThreadScan:
    """One thread's part of a scan: a job for the kernel and the arrays that it writes to."""

    def __init__(self, template: ScanJob, *, queries: int, k: int) -> None:
        self.capacity = FIRST_CAPACITY
        self.best = np.full((queries, k), -np.inf, dtype=np.float32)
        self.counts = np.zeros(queries, dtype=np.int64)
        self.rows = np.empty((queries, self.capacity), dtype=np.int64)
        self.limits = np.empty((queries, self.capacity), dtype=np.float32)
        self.sums = np.zeros(3, dtype=np.float64)
        self.histogram = np.zeros(HISTOGRAM_BINS, dtype=np.int64)
        self.totals = np.empty((queries, TILE_ROWS), dtype=np.int32)
        self.job = ScanJob()
        ctypes.memmove(ctypes.addressof(self.job), ctypes.addressof(template), ctypes.sizeof(ScanJob))
        for name in ("best", "counts", "sums", "histogram", "totals"):
            setattr(self.job, name, getattr(self, name).ctypes.data)
        self._point_to_lists()

    def run(self, kernel: Scanner) -> None:
        while kernel.run(self.job) != DONE:
            self._make_room()

    def _make_room(self) -> None:
        """Throw out what is no candidate any more; where that frees too little, take longer lists."""
        for query, count in enumerate(self.counts):
            kept = np.flatnonzero(self.limits[query, :count] >= self.best[query, -1])
            self.rows[query, : len(kept)] = self.rows[query, kept]
            self.limits[query, : len(kept)] = self.limits[query, kept]
            self.counts[query] = len(kept)
        if self.counts.max() > self.capacity // 2:
            self.rows = np.concatenate([self.rows, np.empty_like(self.rows)], axis=1)
            self.limits = np.concatenate([self.limits, np.empty_like(self.limits)], axis=1)
            self.capacity *= 2
        self._point_to_lists()

    def _point_to_lists(self) -> None:
        self.job.rows, self.job.limits = self.rows.ctypes.data, self.limits.ctypes.data
        self.job.capacity = self.capacity


@dataclass(frozen=True)
class Candidates:
    """Of one query: rows and the most that each can score, best first.

    Rows that are not here are certainly worse, if no gate kept them out.
    """

    rows: Rows
    limits: Floats


def scan(
    codes: Codes, queries: Vectors, k: int, mask: RowMask, kernel: Scanner, *, threads: int, deviations: float | None
) -> tuple[list[Candidates], ScoreDistribution | None]:
    """Return each query's candidates. `deviations` prepares a single query for a gated scan."""
    asked = -(-len(queries) // kernel.query_tile) * kernel.query_tile
    prepared = ByteQueries.of(np.concatenate([queries, np.zeros((asked - len(queries), queries.shape[1]), np.float32)]))
    words = mask.words(len(codes.blocks) * BLOCK_ROWS)
    next_block = np.zeros(1, dtype=np.int64)
    job = ScanJob(
        blocks=codes.blocks.ctypes.data,
        block_count=len(codes.blocks),
        next_block=next_block.ctypes.data,
        mask=words.ctypes.data,
        queries=prepared.codes.ctypes.data,
        constants=prepared.constants.ctypes.data,
        query_count=asked,
        k=k,
        histogram_tiles=HISTOGRAM_TILES if mask.count >= MANY_ROWS else 1,
    )
    if deviations is not None:
        gate = _gate(codes, queries[0], deviations)
        job.planes, job.gate = gate.planes.ctypes.data, gate.constants.ctypes.data
    parts = [ThreadScan(job, queries=asked, k=k) for _ in range(max(1, min(threads, len(codes.blocks))))]
    for part in parts:
        part.best[len(queries) :] = np.inf  # nothing is good enough for the queries that fill the tile up
    _run(parts, kernel)
    found = [_merged(parts, query) for query in range(len(queries))]
    return found, None if kernel.query_tile > 1 else _distribution(parts)


def _gate(codes: Codes, query: Floats, deviations: float) -> BitQuery:
    centres = codes.blocks["centre"]
    wide = np.zeros(centres.shape[1], dtype=np.float32)
    wide[: len(query)] = query
    return BitQuery.of(wide, centres, deviations=deviations)


def _run(parts: Sequence[ThreadScan], kernel: Scanner) -> None:
    """Run one part in this thread and the others beside it; none is left running, whatever happens to another."""
    others: list[Future[None]] = []
    try:
        others.extend(_pool(os.getpid()).submit(part.run, kernel) for part in parts[1:])
        parts[0].run(kernel)
    finally:
        wait(others)  # they write to arrays that go away with the scan
    for other in others:
        other.result()


@lru_cache(maxsize=1)
def _pool(pid: int) -> ThreadPoolExecutor:
    """Return the threads of this process: a forked child inherits none of its parent's."""
    return ThreadPoolExecutor(max(1, os.cpu_count() or 1), thread_name_prefix="search")


def _merged(parts: Sequence[ThreadScan], query: int) -> Candidates:
    """Join the lists of all threads. What one thread's k best exclude, the others' need not keep."""
    threshold = max(float(part.best[query, -1]) for part in parts)
    rows = np.concatenate([part.rows[query, : part.counts[query]] for part in parts])
    limits = np.concatenate([part.limits[query, : part.counts[query]] for part in parts])
    kept = np.flatnonzero(limits >= threshold)
    order = kept[np.argsort(-limits[kept], kind="stable")]
    return Candidates(rows[order], limits[order])


def _distribution(parts: Sequence[ThreadScan]) -> ScoreDistribution:
    histogram = np.sum([part.histogram for part in parts], axis=0)
    total, squares, count = np.sum([part.sums for part in parts], axis=0)
    return ScoreDistribution.of(histogram, count=int(count), total=float(total), squares=float(squares))


def exact_best(matrix: Vectors, codes: Codes, query: Floats, candidates: Candidates, k: int) -> Hits:
    """Score candidates with the vectors themselves until no other can be among the `k` best; (k,) ids and scores.

    Candidates come in the order of their limits, so once the next limit is below the k-th best score found, no other
    candidate can be better; where no gate was before them, that is the proof that no other row can. Rows whose picture
    has gone meanwhile are left out, and damaged ones: those whose score no unit vector could have.
    """
    possible = 1.01 * float(np.linalg.norm(query))
    found_ids = np.empty(0, dtype=np.int64)
    scores = np.empty(0, dtype=np.float64)
    start, size = 0, min(RESCORE_ROWS, max(FIRST_RESCORED, 2 * k))
    while start < len(candidates.rows):
        if len(scores) >= k and candidates.limits[start] < scores[k - 1] - FLOAT32_TIE:
            break
        rows = candidates.rows[start : start + size]
        new_ids = codes.ids_of(rows)
        new_scores = rescored(matrix[rows], query)
        real = (new_ids != NO_ID) & (np.abs(new_scores) <= possible)
        found_ids, scores = np.concatenate([found_ids, new_ids[real]]), np.concatenate([scores, new_scores[real]])
        order = np.argsort(-scores, kind="stable")
        found_ids, scores = found_ids[order], scores[order]
        start, size = start + size, min(RESCORE_ROWS, 2 * size)
    return _ranked(found_ids, scores, k)


def scored_directly(matrix: Vectors, codes: Codes, query: Floats, rows: Rows, k: int) -> Hits:
    """Score a few rows with the vectors themselves, without a scan: (k,) ids and scores, and their distribution."""
    ids, scores = codes.ids_of(rows), rescored(matrix[rows], query)
    real = (ids != NO_ID) & (np.abs(scores) <= 1.01 * float(np.linalg.norm(query)))
    ids, scores = ids[real], scores[real]
    histogram = np.histogram(scores, bins=HISTOGRAM_BINS, range=(-1.0, 1.0))[0].astype(np.int64)
    sums = float(scores.sum()), float((scores**2).sum())
    distribution = ScoreDistribution.of(histogram, count=len(scores), total=sums[0], squares=sums[1])
    return replace(_ranked(ids, scores, k), distribution=distribution)


def _ranked(ids: Ids, scores: npt.NDArray[np.float64], k: int) -> Hits:
    """Return the best `k` by score as float32, equal ones in ascending order of id."""
    rounded = scores.astype(np.float32)
    order = np.lexsort((ids, -rounded))[:k]
    return Hits(ids=ids[order], scores=rounded[order])


def rescored(vectors: Vectors, query: Floats) -> npt.NDArray[np.float64]:
    """Return each vector's dot product with `query`, summed in float64 in an order that no other row can change."""
    products = vectors.astype(np.float64) * query.astype(np.float64)
    scores: npt.NDArray[np.float64] = products.sum(axis=1)
    return scores


@dataclass(frozen=True)
class Snapshot:
    """One version of the index: vectors and their codes. Never changed, only replaced."""

    matrix: Vectors
    codes: Codes

    @cached_property
    def rows_by_id(self) -> tuple[Ids, Rows]:
        """The images that have a row, ascending, and their rows."""
        rows = self.codes.live.rows
        ids = self.codes.ids[rows]
        order = np.argsort(ids, kind="stable")
        return ids[order], rows[order]

    def mask_of(self, allowed: Ids) -> RowMask:
        """Return the rows of those of the sorted ids that are here."""
        ids, rows = self.rows_by_id
        if not len(ids):
            return RowMask.of_rows(rows, self.codes.row_count)
        places = np.minimum(np.searchsorted(ids, allowed), len(ids) - 1)
        return RowMask.of_rows(rows[places[ids[places] == allowed]], self.codes.row_count)


class ScanningEngine:
    """Scans the codes of all allowed rows and ranks the best by their vectors. Subclasses say what they scan."""

    gate_deviations: float | None = None

    def __init__(self, dimension: int, *, threads: int = 0, code_folder: Path | None = None) -> None:
        """Use `threads` threads for each search; 0 means one per core. Raises ValueError for a dimension over 4096.

        Machine code is kept in `code_folder`, if there is one, for the next process.
        """
        if dimension > MAX_DIMENSION:
            raise ValueError(f"the vectors have {dimension} numbers; the scan is written for at most {MAX_DIMENSION}")
        self.dimension = dimension
        self.threads = threads or os.cpu_count() or 1
        self.code_folder = code_folder
        empty = np.empty((0, dimension), dtype=np.float32)
        self._snapshot = Snapshot(empty, Codes.of(empty, np.empty(0, dtype=np.int64)))

    def __len__(self) -> int:
        return self._snapshot.codes.live.count

    def replace(self, *, matrix: Vectors, ids: Ids) -> None:
        """Serve `matrix` itself, without a copy; its codes are computed. Raises ValueError if the shapes do not fit."""
        if matrix.shape != (len(ids), self.dimension) or matrix.dtype != np.float32:
            raise ValueError(f"{len(ids)} ids do not fit a {matrix.dtype} matrix of shape {matrix.shape}")
        self.serve(matrix, Codes.of(matrix, np.asarray(ids, dtype=np.int64)))

    def serve(self, matrix: Vectors, codes: Codes) -> None:
        """Serve `matrix` with codes that exist already: costs nothing at any size."""
        self._snapshot = Snapshot(matrix, codes)

    def add(self, ids: Ids, vectors: Vectors) -> None:
        """Copies everything: for scripts and small sets. The site calls `serve`."""
        self.remove(ids)
        old = self._snapshot
        self.replace(matrix=np.concatenate([old.matrix, vectors]), ids=np.concatenate([old.codes.ids, ids]))

    def remove(self, ids: Ids) -> None:
        old = self._snapshot
        kept_ids = old.codes.ids.copy()
        kept_ids[old.mask_of(np.unique(ids)).rows] = NO_ID
        self.replace(matrix=old.matrix, ids=kept_ids)

    def search(self, queries: Vectors, k: int, allowed: Ids | RowMask | None = None) -> Hits:
        queries = checked_queries(queries, dimension=self.dimension, k=k)
        snapshot = self._snapshot  # one version for the whole search, whatever another thread puts in its place
        mask = allowed if isinstance(allowed, RowMask) else self._mask(snapshot, allowed)
        mask = mask.first(snapshot.codes.row_count)  # it may be that of a newer version
        width = min(k, mask.count)
        if width == 0 or len(queries) == 0:
            return Hits.none(len(queries))
        if len(queries) > 1 and (self.gate_deviations is None or mask.count < MANY_ROWS):
            return stacked(self._answers(snapshot, queries, width, mask), width, searched=mask.count)
        answers = [self._answers(snapshot, query[np.newaxis], width, mask)[0] for query in queries]
        return stacked(answers, width, searched=mask.count)

    def _mask(self, snapshot: Snapshot, allowed: Ids | None) -> RowMask:
        return snapshot.codes.live if allowed is None else snapshot.mask_of(allowed)

    def _answers(self, snapshot: Snapshot, queries: Vectors, k: int, mask: RowMask) -> list[Hits]:
        if mask.count <= DIRECT_ROWS:
            return [scored_directly(snapshot.matrix, snapshot.codes, query, mask.rows, k) for query in queries]
        gated = self.gate_deviations is not None and mask.count >= MANY_ROWS and len(queries) == 1
        layout = block_layout(self.dimension)
        kernel = scanner(layout, batch=len(queries) > 1, gated=gated, code_folder=self.code_folder)
        deviations = self.gate_deviations if gated else None
        found, distribution = scan(
            snapshot.codes, queries, k, mask, kernel, threads=self.threads, deviations=deviations
        )
        hits = [
            exact_best(snapshot.matrix, snapshot.codes, query, candidates, k)
            for query, candidates in zip(queries, found, strict=True)
        ]
        return [replace(one, distribution=distribution) for one in hits]


def stacked(answers: Sequence[Hits], width: int, *, searched: int) -> Hits:
    """Join the hits of single queries, padded to `width` as Hits says."""
    ids = np.full((len(answers), width), NO_ID, dtype=np.int64)
    scores = np.full((len(answers), width), -np.inf, dtype=np.float32)
    for row, hits in enumerate(answers):
        ids[row, : len(hits.ids)], scores[row, : len(hits.ids)] = hits.ids, hits.scores
    return Hits(ids, scores, searched, answers[0].distribution if len(answers) == 1 else None)
