"""How many images score at least so much, and which: by their codes, and by the vectors themselves where those cannot
tell.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from gallery.vectors.codes import BLOCK_ROWS, Codes, block_layout
from gallery.vectors.hits import Hits
from gallery.vectors.kernels.scan import Counter, counter
from gallery.vectors.kernels.scan_job import DONE, TILE_ROWS, CountJob
from gallery.vectors.quantization import ByteQueries
from gallery.vectors.row_mask import RowMask
from gallery.vectors.snapshot import Snapshot
from gallery.vectors.unit_vectors import NO_ID, Floats, Ids, Rows

from .rescoring import RESCORE_ROWS, largest_possible, rescored
from .threads import run_together

FLOAT32_ERROR = 2.0**-24  # of one multiplication or addition, at most
NOTED_ROWS = 2 * BLOCK_ROWS  # a thread keeps, before they are summed in float64

Counts = npt.NDArray[np.int64]


def counts_above(
    snapshot: Snapshot,
    query: Floats,
    scores: Sequence[float],
    mask: RowMask,
    *,
    threads: int,
    code_folder: Path | None,
) -> list[int]:
    """Return, for each of `scores`, how many rows of `mask` reach it as a search shows them: rounded to float32.

    One pass over the codes, whatever the scores are. Only a row that its code leaves open is read as a vector, so one
    that was damaged after its code was made may count as what it was.
    """
    limits = _checked(scores, query)
    if mask.count == 0 or not len(limits):
        return [0] * len(limits)
    kernel = counter(block_layout(snapshot.dimension), code_folder=code_folder)
    counting = _Counting(snapshot, query, limits, mask)
    parts = [_ThreadCount(counting) for _ in range(max(1, min(threads, len(snapshot.codes.blocks))))]
    run_together([partial(part.run, kernel) for part in parts])
    total: list[int] = np.sum([part.above for part in parts], axis=0).tolist()
    return total


def hits_above(
    snapshot: Snapshot, query: Floats, score: float, mask: RowMask, *, threads: int, code_folder: Path | None
) -> Hits:
    """Return the rows that `counts_above` counts for a score, ascending by id: any number of them, (n,) ids and scores.

    Every row that may reach it is noted, as those are that float32 cannot tell, and looked at again.
    """
    limits = _checked([score], query)
    if mask.count == 0:
        return Hits.none(1).of(0)
    kernel = counter(block_layout(snapshot.dimension), code_folder=code_folder)
    counting = _Counting(snapshot, query, limits, mask)
    counting.leave_all_open()
    parts = [_ThreadNaming(counting) for _ in range(max(1, min(threads, len(snapshot.codes.blocks))))]
    run_together([partial(part.run, kernel) for part in parts])
    ids, scores = (np.concatenate(found) for found in zip(*(one for part in parts for one in part.found), strict=True))
    order = np.argsort(ids)
    return Hits(ids[order], scores[order], searched=mask.count)


def _checked(scores: Sequence[float], query: Floats) -> Floats:
    limits = np.asarray(scores, dtype=np.float32)
    if np.isnan(limits).any():
        raise ValueError("a score to count from is not a number")
    beyond = np.float32(2 * largest_possible(query) + 1)  # infinity means no more, and would not calculate as well
    found: Floats = np.clip(limits, -beyond, beyond)
    return found


class _Counting:
    """What all threads of a count share, and what each begins with."""

    def __init__(self, snapshot: Snapshot, query: Floats, limits: Floats, mask: RowMask) -> None:
        self.snapshot, self.query, self.limits = snapshot, np.ascontiguousarray(query), limits
        codes: Codes = snapshot.codes
        self._matrix = np.ascontiguousarray(snapshot.matrix)
        self._words = mask.words(len(codes.blocks) * BLOCK_ROWS)
        self._next_block = np.zeros(1, dtype=np.int64)
        self._prepared = ByteQueries.in_two(self.query)
        possible = largest_possible(query)
        # sums in float32 are off by less than this, in whatever order they are added up
        error = 1.01 * snapshot.dimension * FLOAT32_ERROR * possible
        self._possible = np.array([possible - error, possible + error], dtype=np.float32)
        self._limits = _limits(limits, error=error)
        self.job = CountJob(
            blocks=codes.blocks.ctypes.data,
            block_count=len(codes.blocks),
            next_block=self._next_block.ctypes.data,
            mask=self._words.ctypes.data,
            queries=self._prepared.codes.ctypes.data,
            constants=self._prepared.constants.ctypes.data,
            score_count=len(limits),
            limits=self._limits.ctypes.data,
            matrix=self._matrix.ctypes.data,
            vector=self.query.ctypes.data,
            dimension=snapshot.dimension,
            possible=self._possible.ctypes.data,
        )

    def leave_all_open(self) -> None:
        """Let no row be surely above, so that all are noted but those that are surely below."""
        self._limits[:, [0, 2]] = np.inf


def _limits(scores: Floats, *, error: float) -> Floats:
    """Return CountJob's limits of each score, (n, 4), for products in float32 that are off by less than `error`.

    What does not reach the next smaller number is not rounded to a score.
    """
    margins = 1.01 * error + 2 * FLOAT32_ERROR * np.abs(scores)
    up, down = np.float32(np.inf), np.float32(-np.inf)
    above, below = (scores + margins).astype(np.float32), (scores - margins).astype(np.float32)
    return np.stack([scores, np.nextafter(scores, down), np.nextafter(above, up), np.nextafter(below, down)], axis=1)


class _ThreadCount:
    """One thread's part of a count."""

    def __init__(self, counting: _Counting) -> None:
        self._counting = counting
        self.above: Counts = np.zeros(len(counting.limits), dtype=np.int64)
        self._rows: Rows = np.empty(NOTED_ROWS, dtype=np.int64)
        self._noted = np.zeros(1, dtype=np.int64)
        self._totals = np.empty((2, TILE_ROWS), dtype=np.int32)
        self._job = CountJob.from_buffer_copy(counting.job)
        self._job.capacity = NOTED_ROWS
        for name, array in (
            ("above", self.above),
            ("rows", self._rows),
            ("noted", self._noted),
            ("totals", self._totals),
        ):
            setattr(self._job, name, array.ctypes.data)

    def run(self, kernel: Counter) -> None:
        done = False
        while not done:
            done = kernel.run(self._job) == DONE
            self._settle()

    def _settle(self) -> None:
        """Score the rows that were noted as a search scores them."""
        snapshot, query = self._counting.snapshot, self._counting.query
        for start in range(0, int(self._noted[0]), RESCORE_ROWS):
            rows = self._rows[start : min(start + RESCORE_ROWS, int(self._noted[0]))]
            ids = snapshot.codes.ids_of(rows)
            exact = rescored(snapshot.matrix[rows], query)
            real = (ids != NO_ID) & (np.abs(exact) <= largest_possible(query))
            self._take(ids[real], exact[real].astype(np.float32))
        self._noted[0] = 0

    def _take(self, _ids: Ids, scores: Floats) -> None:
        self.above += (scores >= self._counting.limits[:, np.newaxis]).sum(axis=1)


class _ThreadNaming(_ThreadCount):
    """One thread's part of naming what is above a single score."""

    def __init__(self, counting: _Counting) -> None:
        super().__init__(counting)
        self.found: list[tuple[Ids, Floats]] = [(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float32))]

    def _take(self, ids: Ids, scores: Floats) -> None:
        reaching = scores >= self._counting.limits[0]
        self.found.append((ids[reaching], scores[reaching]))
