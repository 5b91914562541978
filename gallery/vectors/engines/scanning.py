"""What the scanning engines share: threads over blocks of codes, and candidates for the first places."""

import ctypes
import os
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from gallery.vectors.codes import BLOCK_ROWS, Codes, block_layout
from gallery.vectors.hits import Hits, ScoreDistribution
from gallery.vectors.kernels.scan import Scanner, scanner
from gallery.vectors.kernels.scan_job import DONE, HISTOGRAM_BINS, MAX_DIMENSION, TILE_ROWS, ScanJob
from gallery.vectors.quantization import BitQuery, ByteQueries
from gallery.vectors.row_mask import RowMask
from gallery.vectors.snapshot import Snapshot
from gallery.vectors.unit_vectors import Floats, Vectors

from .contract import Capabilities, Searcher
from .rescoring import Candidates, exact_best, scored_directly
from .snapshot_searcher import SnapshotSearcher
from .threads import run_together

FIRST_CAPACITY = 4 * BLOCK_ROWS  # candidates a thread keeps per query before the worse ones are thrown out
HISTOGRAM_TILES = 8  # where there are many rows, every eighth part of them is enough for quantiles
MANY_ROWS = 65_536  # of fewer, which may all lie together, no sample is taken and no gate is worth its uncertainty
DIRECT_ROWS = 256  # fewer allowed rows are scored without a scan


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
    run_together([partial(part.run, kernel) for part in parts])
    found = [_merged(parts, query) for query in range(len(queries))]
    return found, None if kernel.query_tile > 1 else _distribution(parts)


def _gate(codes: Codes, query: Floats, deviations: float) -> BitQuery:
    centres = codes.blocks["centre"]
    wide = np.zeros(centres.shape[1], dtype=np.float32)
    wide[: len(query)] = query
    return BitQuery.of(wide, centres, deviations=deviations)


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


class ScanningSearcher(SnapshotSearcher):
    """Scans the codes of all allowed rows and ranks the best by their vectors.

    `gate_deviations`: read the bytes of those rows only whose 1-bit estimate, raised by so many standard deviations of
    its error, may reach the first places.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        capabilities: Capabilities,
        *,
        threads: int,
        code_folder: Path | None,
        gate_deviations: float | None,
    ) -> None:
        super().__init__(snapshot, capabilities, threads=threads, code_folder=code_folder)
        self._gate_deviations = gate_deviations

    def _answers(self, queries: Vectors, k: int, mask: RowMask) -> list[Hits]:
        if self._gate_deviations is None or mask.count < MANY_ROWS:
            return self._scanned(queries, k, mask)
        return [self._scanned(query[np.newaxis], k, mask)[0] for query in queries]

    def _scanned(self, queries: Vectors, k: int, mask: RowMask) -> list[Hits]:
        """Answer by one scan: of all queries together, or, behind the gate, of a single one."""
        if mask.count <= DIRECT_ROWS:
            return [scored_directly(self.snapshot, query, mask.rows, k) for query in queries]
        gated = self._gate_deviations is not None and mask.count >= MANY_ROWS and len(queries) == 1
        layout = block_layout(self.snapshot.dimension)
        kernel = scanner(layout, batch=len(queries) > 1, gated=gated, code_folder=self._code_folder)
        deviations = self._gate_deviations if gated else None
        found, distribution = scan(
            self.snapshot.codes, queries, k, mask, kernel, threads=self._threads, deviations=deviations
        )
        hits = [
            exact_best(self.snapshot, query, candidates, k) for query, candidates in zip(queries, found, strict=True)
        ]
        return [replace(one, distribution=distribution) for one in hits]


class ScanningEngine:
    """Opens a snapshot at no cost. Subclasses say what they scan."""

    name: str
    capabilities: Capabilities
    gate_deviations: float | None = None

    def __init__(self, *, threads: int = 0, code_folder: Path | None = None) -> None:
        """Use `threads` threads for each search; 0 means one per core.

        Machine code is kept in `code_folder`, if there is one, for the next process.
        """
        self.threads = threads or os.cpu_count() or 1
        self.code_folder = code_folder

    def open(self, snapshot: Snapshot, *, after: Searcher | None = None) -> ScanningSearcher:
        """Raises ValueError for a dimension over 4096."""
        if snapshot.dimension > MAX_DIMENSION:
            raise ValueError(
                f"the vectors have {snapshot.dimension} numbers; the scan is written for at most {MAX_DIMENSION}"
            )
        return ScanningSearcher(
            snapshot,
            self.capabilities,
            threads=self.threads,
            code_folder=self.code_folder,
            gate_deviations=self.gate_deviations,
        )
