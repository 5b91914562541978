"""faiss's HNSW graph, for comparison and for those who prefer it: approximate, and a copy in each process."""

import threading
from pathlib import Path

import faiss
import numpy as np

from gallery.vectors.codes import Codes
from gallery.vectors.row_mask import RowMask
from gallery.vectors.unit_vectors import Rows, Vectors

from .base import Capabilities, Hits
from .scanning import Candidates, Floats, ScanningEngine, Snapshot, exact_best

NEIGHBOURS = 32
BUILD_BREADTH = 80
SEARCH_BREADTH = 128
DIRECT_SHARE = 0.02  # with fewer allowed rows the graph falls apart into islands; they are all scored instead


class FaissHnswEngine(ScanningEngine):
    """Walks a graph of neighbours (Malkov and Yashunin 2018). What it finds is ranked as ExactEngine ranks.

    The graph is made when the vectors are first served, which takes minutes at a million rows, and grows with each row;
    it lies in the memory of each process and takes all of the vectors along, those of deleted pictures too until the
    process ends. So it suits one process that runs long.
    """

    name = "faiss"
    capabilities = Capabilities(exact=False, filters=True, incremental=True, distribution=False, shares_memory=False)

    def __init__(self, dimension: int, *, threads: int = 0, code_folder: Path | None = None) -> None:
        super().__init__(dimension, threads=threads, code_folder=code_folder)
        self._graph = self._empty_graph()
        self._changing = threading.Lock()  # a search may not walk the graph while it grows

    def serve(self, matrix: Vectors, codes: Codes) -> None:
        with self._changing:
            faiss.omp_set_num_threads(self.threads)
            self._graph.add(np.ascontiguousarray(matrix[self._graph.ntotal :]))
        super().serve(matrix, codes)

    def _empty_graph(self) -> faiss.IndexHNSWFlat:
        graph = faiss.IndexHNSWFlat(self.dimension, NEIGHBOURS, faiss.METRIC_INNER_PRODUCT)
        graph.hnsw.efConstruction = BUILD_BREADTH
        return graph

    def replace(self, *, matrix: Vectors, ids: "np.ndarray[tuple[int], np.dtype[np.int64]]") -> None:
        self._graph = self._empty_graph()
        super().replace(matrix=matrix, ids=ids)

    def _answers(self, snapshot: Snapshot, queries: Vectors, k: int, mask: RowMask) -> list[Hits]:
        if mask.count <= max(2 * k, DIRECT_SHARE * len(snapshot.matrix)):
            return [self._ranked(snapshot, query, mask.rows, k) for query in queries]
        return [self._ranked(snapshot, query, self._walk(query, k, mask), k) for query in queries]

    def _walk(self, query: Floats, k: int, mask: RowMask) -> Rows:
        """Return at least `k` allowed rows near the query, walking more of the graph until there are that many."""
        breadth = max(SEARCH_BREADTH, 2 * k)
        while breadth < self._graph.ntotal:
            selector = faiss.IDSelectorBitmap(mask.bits)
            parameters = faiss.SearchParametersHNSW(efSearch=breadth, sel=selector)
            with self._changing:
                faiss.omp_set_num_threads(self.threads)
                found: Rows = self._graph.search(query[np.newaxis], min(2 * k, mask.count), params=parameters)[1][0]
            if np.count_nonzero(found >= 0) >= k:
                return found[found >= 0]
            breadth *= 4
        return mask.rows

    def _ranked(self, snapshot: Snapshot, query: Floats, rows: Rows, k: int) -> Hits:
        unbounded = np.full(len(rows), np.inf, dtype=np.float32)
        return exact_best(snapshot.matrix, snapshot.codes, query, Candidates(rows, unbounded), k)
