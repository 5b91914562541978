"""Ways to search the same rows: our engines as in production, and what one would write or install instead."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import faiss
import numpy as np

from gallery.vectors.allowed import Allowed
from gallery.vectors.codes import Codes
from gallery.vectors.engines import local_engine
from gallery.vectors.engines.contract import Searcher
from gallery.vectors.row_mask import RowMask
from gallery.vectors.snapshot import Snapshot
from gallery.vectors.unit_vectors import NO_ID, Floats, Ids, Vectors

from .rows import SEED

SHARES = (0.001, 0.01, 0.1, 0.5, 0.9)  # of the rows, allowed by a filter
BATCHES = (8, 64)
COUNTED = (10, 1_000, 10_000)  # rows that score at least so much, ascending

Search = Callable[[Vectors], Ids]  # (batch, dimension) -> (batch, at most top) row numbers, best first


@dataclass(frozen=True)
class Contender:
    """One way to search. `batch` queries are asked at once; `allowed` are the rows that may be found, None for all."""

    name: str
    search: Search
    batch: int = 1
    allowed: RowMask | None = None


@dataclass(frozen=True)
class Index:
    """The rows to search, as the site has them: the mapped `.npy` and the mapped codes; row r is image r."""

    matrix: Vectors
    codes: Codes
    threads: int
    top: int

    def opened_by(self, engine_name: str) -> Searcher:
        return local_engine(engine_name, threads=self.threads).open(Snapshot(self.matrix, self.codes))

    def all_rows(self) -> RowMask:
        return RowMask.of_booleans(np.ones(len(self.matrix), dtype=bool))


def our_engines(index: Index) -> list[Contender]:
    """Our engines without a filter, `exact` with filters of every width and for many queries at once."""
    exact, fast = index.opened_by("exact"), index.opened_by("fast")
    found = [Contender("exact", _ours(exact, index)), Contender("fast", _ours(fast, index))]
    for share in SHARES:
        mask = _random_rows(len(index.matrix), share)
        found.append(Contender(f"exact_allowed_{share:.1%}".replace(".0%", "%"), _ours(exact, index, mask), 1, mask))
    return found + [Contender(f"exact_batch_{size}", _ours(exact, index), size) for size in BATCHES]


def counting_ways(index: Index, query: Floats) -> dict[int, Callable[[], int]]:
    """Return ways to count the rows that reach the score of the `key`-th best one."""
    exact = index.opened_by("exact")
    [scores] = exact.search(query[np.newaxis], min(COUNTED[-1], len(index.matrix))).scores
    return {
        matches: partial(exact.count_above, query, float(scores[matches - 1]))
        for matches in sorted({min(matches, len(scores)) for matches in COUNTED})
    }


def rivals(index: Index, pool: ThreadPoolExecutor) -> list[Contender]:
    """NumPy on one copy in memory, and faiss, which keeps another."""
    matrix = np.array(index.matrix)
    flat = faiss.IndexFlatIP(matrix.shape[1])
    flat.add(matrix)
    parts = np.array_split(np.arange(len(matrix)), index.threads)
    return [
        Contender("numpy_argsort", lambda queries: _argsort(matrix @ queries[0], index.top)),
        Contender("numpy_argpartition", lambda queries: _argpartition(matrix @ queries[0], index.top)),
        Contender("faiss_flat", lambda queries: flat.search(queries, index.top)[1]),
        Contender("faiss_flat_split", lambda queries: _split_flat(matrix, queries, parts, index.top, pool)),
        *(
            Contender(f"numpy_batch_{size}", lambda queries: _batch(matrix, queries, index.top), size)
            for size in BATCHES
        ),
        *(
            Contender(f"faiss_batch_{size}", lambda queries: flat.search(queries, index.top)[1], size)
            for size in BATCHES
        ),
    ]


def hnsw(index: Index) -> tuple[Contender, float]:
    """Return the graph of faiss and the seconds that making it took."""
    started = time.perf_counter()
    searcher = index.opened_by("faiss")
    return Contender("faiss_hnsw", _ours(searcher, index)), time.perf_counter() - started


def _ours(searcher: Searcher, index: Index, mask: RowMask | None = None) -> Search:
    allowed = Allowed.of_rows(mask, index.codes) if mask is not None else None
    return lambda queries: searcher.search(queries, k=index.top, allowed=allowed).ids


def _random_rows(row_count: int, share: float) -> RowMask:
    """Return a mask of about this share of the rows, at least one, scattered: no block of codes can be left out."""
    allowed = np.zeros(row_count, dtype=bool)
    chosen = np.random.default_rng(SEED).permutation(row_count)[: max(1, round(share * row_count))]
    allowed[chosen] = True
    return RowMask.of_booleans(allowed)


def _argsort(scores: Vectors, top: int) -> Ids:
    found: Ids = np.argsort(-scores)[np.newaxis, :top]
    return found


def _argpartition(scores: Vectors, top: int) -> Ids:
    best = np.argpartition(-scores, top - 1)[:top]
    found: Ids = best[np.argsort(-scores[best])][np.newaxis]
    return found


def _batch(matrix: Vectors, queries: Vectors, top: int) -> Ids:
    return np.concatenate([_argpartition(scores, top) for scores in queries @ matrix.T])


def _split_flat(matrix: Vectors, queries: Vectors, parts: list[Ids], top: int, pool: ThreadPoolExecutor) -> Ids:
    """Search a part of the rows in each thread, where faiss uses no further ones: its own threads help one query little
    or not at all.
    """

    def search(rows: Ids) -> tuple[Vectors, Ids]:
        faiss.omp_set_num_threads(1)  # of this thread's own searches, not of the others'
        part = matrix[rows[0] : rows[-1] + 1]
        scores, found = faiss.knn(queries, part, min(top, len(part)), faiss.METRIC_INNER_PRODUCT)
        return scores, found + rows[0]

    answers = list(pool.map(search, [rows for rows in parts if len(rows)]))
    scores, found = (np.concatenate(columns, axis=1) for columns in zip(*answers, strict=True))
    best: Ids = np.take_along_axis(found, np.argsort(-scores, axis=1)[:, :top], axis=1)
    return best


def without_padding(found: Ids) -> Ids:
    """Return the row numbers of one answer: our engines fill short ones up with -1, and so does faiss."""
    kept: Ids = found[found != NO_ID]
    return kept
