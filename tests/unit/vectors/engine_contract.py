"""What every engine must do, whatever is behind it: one class, run for each engine."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from gallery.vectors.allowed import Allowed
from gallery.vectors.engines.contract import Searcher
from gallery.vectors.hits import Hits
from gallery.vectors.snapshot import Snapshot

DIMENSION = 32


def unit_rows(count: int, *, dimension: int = DIMENSION, seed: int = 0) -> np.ndarray:
    rows = np.random.default_rng(seed).standard_normal((count, dimension)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def oracle(matrix: np.ndarray, ids: np.ndarray, queries: np.ndarray, k: int, allowed=None) -> Hits:
    """Answer in float64, by sorting everything."""
    live = ids >= 0 if allowed is None else (ids >= 0) & np.isin(ids, allowed)
    rows, live_ids = matrix[live].astype(np.float64), ids[live]
    scores = np.stack([(rows * query).sum(axis=1) for query in queries.astype(np.float64)]).astype(np.float32)
    order = np.stack([np.lexsort((live_ids, -query_scores))[:k] for query_scores in scores])
    return Hits(ids=live_ids[order], scores=np.take_along_axis(scores, order, axis=1))


def assert_same(found: Hits, expected: Hits) -> None:
    assert found.ids.tolist() == expected.ids.tolist()
    assert found.ids.dtype == np.int64
    assert found.scores.dtype == np.float32
    np.testing.assert_allclose(found.scores, expected.scores, atol=1e-6)


class EngineContract:
    """Subclasses say how to open a snapshot; an inexact engine is held to recall instead of equality."""

    recall_floor = 1.0

    def open(self, snapshot: Snapshot, *, after: Searcher | None = None) -> Searcher:
        """Return what searches the snapshot in this process, which had `after` before."""
        raise NotImplementedError

    def allowing(self, snapshot: Snapshot, ids: np.ndarray) -> Allowed:
        """Return these ids in the form that the engine takes."""
        return snapshot.allowing(ids)

    @pytest.fixture
    def matrix(self) -> np.ndarray:
        return unit_rows(500)

    @pytest.fixture
    def ids(self) -> np.ndarray:
        """Neither contiguous nor in the order of the rows, with every tenth row dead."""
        ids = np.random.default_rng(1).permutation(10_000)[:500].astype(np.int64)
        ids[::10] = -1
        return ids

    @pytest.fixture
    def queries(self) -> np.ndarray:
        return unit_rows(20, seed=2)

    def assert_found(self, found: Hits, expected: Hits) -> None:
        if self.recall_floor == 1.0:
            assert_same(found, expected)
            return
        pairs = zip(found.ids, expected.ids, strict=True)
        recall = np.mean([len(np.intersect1d(got, true)) / len(true) for got, true in pairs])
        assert recall >= self.recall_floor

    def may_find(self, ids: np.ndarray, later_ids: np.ndarray) -> set[int]:
        """Return what a searcher of `ids` may find once its engine has been given `later_ids` too."""
        return set(ids.tolist()) - {-1}

    def need(self, searcher: Searcher, capability: str) -> None:
        if not getattr(searcher.capabilities, capability):
            pytest.skip(f"{type(self).__name__}: not {capability}")

    def test_empty_snapshot_finds_nothing(self, queries):
        hits = self.open(Snapshot.of(unit_rows(0), np.empty(0, dtype=np.int64))).search(queries, 10)

        assert hits.searched == 0
        assert hits.ids.shape == hits.scores.shape == (20, 0)

    def test_search_equals_float64(self, matrix, ids, queries):
        searcher = self.open(Snapshot.of(matrix, ids))

        self.assert_found(searcher.search(queries, 10), oracle(matrix, ids, queries, 10))

    def test_search_for_a_stored_vector_finds_it_with_score_one(self, matrix, ids):
        hits = self.open(Snapshot.of(matrix, ids)).search(matrix[1:2], 1)

        assert hits.ids.tolist() == [[ids[1]]]
        assert hits.scores[0, 0] == pytest.approx(1.0, abs=1e-5)

    def test_dead_row_is_never_found(self, matrix, ids):
        hits = self.open(Snapshot.of(matrix, ids)).search(matrix[:1], 500)

        assert hits.searched == 450
        assert sorted(hits.of(0).ids) == sorted(ids[ids >= 0])

    def test_k_beyond_the_rows_gives_all_of_them(self, queries):
        searcher = self.open(Snapshot.of(unit_rows(3), np.arange(3)))

        assert searcher.search(queries, 50).ids.shape == (20, 3)

    def test_equal_scores_come_in_order_of_id(self):
        same = np.repeat(unit_rows(1), 100, axis=0)
        searcher = self.open(Snapshot.of(same, np.random.default_rng(3).permutation(100)))

        hits = searcher.search(unit_rows(1, seed=4), 7)

        self.need(searcher, "exact")
        assert hits.ids.tolist() == [[0, 1, 2, 3, 4, 5, 6]]
        assert len(set(hits.scores[0].tolist())) == 1

    # Filters

    @pytest.mark.parametrize("n_allowed", [1, 5, 60, 200, 450])
    def test_filter_is_part_of_the_search(self, matrix, ids, queries, n_allowed):
        snapshot = Snapshot.of(matrix, ids)
        allowed = np.sort(np.random.default_rng(5).permutation(ids[ids >= 0])[:n_allowed])

        found = self.open(snapshot).search(queries, 10, self.allowing(snapshot, allowed))

        assert found.ids.shape == (20, min(10, n_allowed))
        assert found.searched == n_allowed
        self.assert_found(found, oracle(matrix, ids, queries, 10, allowed))

    def test_filter_of_nothing_finds_nothing(self, matrix, ids, queries):
        snapshot = Snapshot.of(matrix, ids)
        nothing = self.allowing(snapshot, np.empty(0, dtype=np.int64))

        assert self.open(snapshot).search(queries, 10, nothing).ids.shape == (20, 0)

    def test_filter_by_absent_ids_finds_nothing(self, matrix, ids, queries):
        snapshot = Snapshot.of(matrix, ids)
        absent = self.allowing(snapshot, np.array([20_000, 30_000]))

        assert self.open(snapshot).search(queries, 10, absent).ids.shape == (20, 0)

    # Changes

    def test_added_vectors_are_found(self, matrix, queries):
        first = self.open(Snapshot.of(matrix[:250], np.arange(100, 350)))

        searcher = self.open(Snapshot.of(matrix, np.arange(100, 600)), after=first)

        self.assert_found(searcher.search(queries, 10), oracle(matrix, np.arange(100, 600), queries, 10))

    def test_image_with_a_new_vector_is_found_by_that_alone(self):
        first, second = unit_rows(2)
        before = self.open(Snapshot.of(first[None], np.array([7])))

        moved = Snapshot.of(np.stack([np.zeros_like(first), second]), np.array([-1, 7]))
        searcher = self.open(moved, after=before)

        hits = searcher.search(second[None], 10)
        assert hits.of(0).ids.tolist() == [7]
        assert hits.scores[0, 0] == pytest.approx(1.0, abs=1e-5)

    def test_removed_ids_are_not_found(self, matrix, queries):
        left = np.setdiff1d(np.arange(500), [3, 17, 499])
        before = self.open(Snapshot.of(matrix, np.arange(500)))

        ids = np.where(np.isin(np.arange(500), left), np.arange(500), -1)
        searcher = self.open(Snapshot.of(np.where(ids[:, None] < 0, 0, matrix).astype(np.float32), ids), after=before)

        found = searcher.search(queries, 10)
        assert found.searched == 497
        self.assert_found(found, oracle(matrix[left], left, queries, 10))

    def test_earlier_searcher_goes_on_while_later_ones_are_opened(self, matrix, ids, queries):
        earlier = self.open(Snapshot.of(matrix[:250], ids[:250]))
        stop = threading.Event()

        def search_on():
            found = set()
            while not stop.is_set():
                found |= set(earlier.search(queries[:1], 10).of(0).ids.tolist())
            return found

        with ThreadPoolExecutor(1) as thread:
            searching, later = thread.submit(search_on), earlier
            for row_count in range(260, 501, 20):
                later = self.open(Snapshot.of(matrix[:row_count], ids[:row_count]), after=later)
            stop.set()

        assert searching.result() <= self.may_find(ids[:250], ids)
        self.assert_found(later.search(queries, 10), oracle(matrix, ids, queries, 10))

    def test_another_process_finds_the_same(self, matrix, ids, queries):
        snapshot = Snapshot.of(matrix, ids)
        here = self.open(snapshot)

        there = self.open(snapshot)

        assert here.search(queries, 10).ids.tolist() == there.search(queries, 10).ids.tolist()

    def test_searcher_of_another_size_begins_anew(self, queries):
        before = self.open(Snapshot.of(unit_rows(500), np.arange(500)))

        searcher = self.open(Snapshot.of(unit_rows(2), np.array([1000, 1001])), after=before)

        assert sorted(searcher.search(queries[:1], 10).of(0).ids) == [1000, 1001]

    # Counts

    @pytest.mark.parametrize("n_allowed", [None, 5, 200])
    def test_count_is_that_of_the_scores(self, matrix, ids, queries, n_allowed):
        snapshot = Snapshot.of(matrix, ids)
        searcher = self.open(snapshot)
        self.need(searcher, "counts")
        chosen = np.sort(np.random.default_rng(6).permutation(ids[ids >= 0])[:n_allowed])
        allowed = None if n_allowed is None else self.allowing(snapshot, chosen)

        for query in queries[:5]:
            scores = oracle(matrix, ids, query[None], 500, chosen).scores[0]
            limits = [-1.0, 0.0, 0.1, float(scores[3]), 1.0]
            counts = [int((scores >= np.float32(limit)).sum()) for limit in limits]
            assert [searcher.count_above(query, limit, allowed) for limit in limits] == counts
            assert searcher.counts_above(query, limits, allowed) == counts

    @pytest.mark.parametrize("n_allowed", [None, 5, 200])
    def test_hits_above_are_those_that_are_counted(self, matrix, ids, queries, n_allowed):
        snapshot = Snapshot.of(matrix, ids)
        searcher = self.open(snapshot)
        self.need(searcher, "counts")
        chosen = np.sort(np.random.default_rng(6).permutation(ids[ids >= 0])[:n_allowed])
        allowed = None if n_allowed is None else self.allowing(snapshot, chosen)

        for query in queries[:5]:
            hits = oracle(matrix, ids, query[None], 500, chosen)
            found, scores = hits.ids[0][hits.ids[0] >= 0], hits.scores[0][hits.ids[0] >= 0]
            for limit in (-np.inf, -1.0, 0.0, 0.1, float(scores[3]), 1.0, np.inf):
                expected = sorted(zip(found.tolist(), scores.tolist(), strict=True))
                above = searcher.hits_above(query, limit, allowed)
                assert list(zip(above.ids.tolist(), above.scores.tolist(), strict=True)) == [
                    (image_id, score) for image_id, score in expected if score >= np.float32(limit)
                ]

    def test_count_in_an_empty_snapshot_is_zero(self, queries):
        searcher = self.open(Snapshot.of(unit_rows(0), np.empty(0, dtype=np.int64)))
        self.need(searcher, "counts")

        assert searcher.count_above(queries[0], -1.0) == 0
        assert searcher.counts_above(queries[0], []) == []
        assert searcher.hits_above(queries[0], -1.0).ids.tolist() == []

    def test_distribution_of_a_single_query_is_told_where_the_engine_can(self, matrix, ids, queries):
        searcher = self.open(Snapshot.of(matrix, ids))
        self.need(searcher, "distribution")

        told, of_many = searcher.search(queries[:1], 5).distribution, searcher.search(queries, 5).distribution

        assert of_many is None
        assert told is not None
        scores = oracle(matrix, ids, queries[:1], 500).scores[0]
        assert 0 < told.count <= 450  # it may be a sample
        assert told.mean == pytest.approx(scores.mean(), abs=4 * float(scores.std()) / told.count**0.5)

    # What makes no sense

    @pytest.mark.parametrize(
        ("query", "k", "reason"),
        [
            (np.zeros((1, DIMENSION + 1)), 1, "shape"),
            (np.zeros(DIMENSION), 1, "shape"),
            (np.full((1, DIMENSION), np.nan), 1, "not finite"),
            (np.zeros((1, DIMENSION)), 0, "k is 0"),
        ],
    )
    def test_search_refuses_what_makes_no_sense(self, matrix, ids, query, k, reason):
        searcher = self.open(Snapshot.of(matrix, ids))

        with pytest.raises(ValueError, match=reason):
            searcher.search(query.astype(np.float32), k)

    def test_count_refuses_what_makes_no_sense(self, matrix, ids):
        searcher = self.open(Snapshot.of(matrix, ids))
        self.need(searcher, "counts")

        with pytest.raises(ValueError, match="shape"):
            searcher.count_above(np.zeros(DIMENSION + 1, dtype=np.float32), 0.0)
        with pytest.raises(ValueError, match="not a number"):
            searcher.count_above(np.zeros(DIMENSION, dtype=np.float32), np.nan)
        with pytest.raises(ValueError, match="not a number"):
            searcher.hits_above(np.zeros(DIMENSION, dtype=np.float32), np.nan)

    def test_no_query_gives_no_answer(self, matrix, ids):
        searcher = self.open(Snapshot.of(matrix, ids))

        assert len(searcher.search(np.empty((0, DIMENSION), dtype=np.float32), 5)) == 0
