"""faiss's HNSW graph, for comparison and for those who prefer it: approximate, and a copy in each process."""

import os
import threading
from pathlib import Path

import faiss
import numpy as np

from gallery.vectors.hits import Hits
from gallery.vectors.row_mask import RowMask
from gallery.vectors.snapshot import Snapshot
from gallery.vectors.unit_vectors import Floats, Rows, Vectors

from .contract import Capabilities, Searcher
from .rescoring import Candidates, exact_best
from .snapshot_searcher import SnapshotSearcher

NEIGHBOURS = 32
BUILD_BREADTH = 80
SEARCH_BREADTH = 128
DIRECT_SHARE = 0.02  # with fewer allowed rows the graph falls apart into islands; they are all scored instead


class Graph:
    """A graph of the rows of one epoch, which grows with them: row r of the epoch is its node r."""

    def __init__(self, dimension: int, *, threads: int) -> None:
        self._graph = faiss.IndexHNSWFlat(dimension, NEIGHBOURS, faiss.METRIC_INNER_PRODUCT)
        self._graph.hnsw.efConstruction = BUILD_BREADTH
        self._threads = threads
        self._changing = threading.Lock()  # a search may not walk the graph while it grows

    def grow(self, matrix: Vectors) -> None:
        with self._changing:
            faiss.omp_set_num_threads(self._threads)
            self._graph.add(np.ascontiguousarray(matrix[self._graph.ntotal :]))

    def walk(self, query: Floats, k: int, mask: RowMask, *, breadth: int) -> Rows:
        """Return at most `k` rows of `mask` near the query, which may include rows that are far from the nearest."""
        selector = faiss.IDSelectorBitmap(mask.bits)
        parameters = faiss.SearchParametersHNSW(efSearch=breadth, sel=selector)
        with self._changing:
            faiss.omp_set_num_threads(self._threads)
            found: Rows = self._graph.search(query[np.newaxis], k, params=parameters)[1][0]
        return found[found >= 0]


class GraphSearcher(SnapshotSearcher):
    """Walks the graph to rows of its snapshot only, though later ones may have been added to it meanwhile."""

    def __init__(
        self, snapshot: Snapshot, graph: Graph, capabilities: Capabilities, *, threads: int, code_folder: Path | None
    ) -> None:
        super().__init__(snapshot, capabilities, threads=threads, code_folder=code_folder)
        self.graph = graph

    def _answers(self, queries: Vectors, k: int, mask: RowMask) -> list[Hits]:
        return [self._answer(query, k, mask) for query in queries]

    def _answer(self, query: Floats, k: int, mask: RowMask) -> Hits:
        few = mask.count <= max(2 * k, DIRECT_SHARE * self.snapshot.row_count)
        rows = mask.rows if few else self._near(query, k, mask)
        unbounded = np.full(len(rows), np.inf, dtype=np.float32)
        return exact_best(self.snapshot, query, Candidates(rows, unbounded), k)

    def _near(self, query: Floats, k: int, mask: RowMask) -> Rows:
        """Return at least `k` allowed rows near the query, walking more of the graph until there are that many."""
        breadth = max(SEARCH_BREADTH, 2 * k)
        while breadth < self.snapshot.row_count:
            found = self.graph.walk(query, min(2 * k, mask.count), mask, breadth=breadth)
            if len(found) >= k:
                return found
            breadth *= 4
        return mask.rows


class FaissHnswEngine:
    """Walks a graph of neighbours (Malkov and Yashunin 2018). What it finds is ranked as ExactEngine ranks.

    The graph is made when an epoch's vectors are first opened, which takes minutes at a million rows, and grows with
    each row; it lies in the memory of each process and takes all of the vectors along, those of deleted pictures too
    until the process ends. So it suits one process that runs long.
    """

    name = "faiss"
    capabilities = Capabilities(exact=False, counts=True)

    def __init__(self, *, threads: int = 0, code_folder: Path | None = None) -> None:
        """Use `threads` threads to build, to search and to count; 0 means one per core.

        Machine code for counting is kept in `code_folder`, if there is one.
        """
        self.threads = threads or os.cpu_count() or 1
        self.code_folder = code_folder

    def open(self, snapshot: Snapshot, *, after: Searcher | None = None) -> GraphSearcher:
        if isinstance(after, GraphSearcher) and after.snapshot.row_count <= snapshot.row_count:
            graph = after.graph
        else:
            graph = Graph(snapshot.dimension, threads=self.threads)
        graph.grow(snapshot.matrix)
        return GraphSearcher(snapshot, graph, self.capabilities, threads=self.threads, code_folder=self.code_folder)
