"""What every engine must do, whatever is behind it: one class, run for each engine."""

import numpy as np
import pytest

from gallery.vectors.engines.base import Engine, Hits

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
    """Subclasses say how to make an empty engine; an inexact one is held to recall instead of equality."""

    recall_floor = 1.0

    def make_engine(self, dimension: int) -> Engine:
        raise NotImplementedError

    @pytest.fixture
    def engine(self) -> Engine:
        return self.make_engine(DIMENSION)

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

    def need(self, engine: Engine, capability: str) -> None:
        if not getattr(engine.capabilities, capability):
            pytest.skip(f"{engine.name}: not {capability}")

    def test_empty_engine_finds_nothing(self, engine, queries):
        hits = engine.search(queries, 10)

        assert len(engine) == 0
        assert hits.ids.shape == hits.scores.shape == (20, 0)

    def test_search_equals_float64(self, engine, matrix, ids, queries):
        engine.replace(matrix=matrix, ids=ids)

        self.assert_found(engine.search(queries, 10), oracle(matrix, ids, queries, 10))

    def test_search_for_a_stored_vector_finds_it_with_score_one(self, engine, matrix, ids):
        engine.replace(matrix=matrix, ids=ids)

        hits = engine.search(matrix[1:2], 1)

        assert hits.ids.tolist() == [[ids[1]]]
        assert hits.scores[0, 0] == pytest.approx(1.0, abs=1e-5)

    def test_dead_row_is_never_found(self, engine, matrix, ids):
        engine.replace(matrix=matrix, ids=ids)

        hits = engine.search(matrix[:1], 500)

        assert len(engine) == 450
        assert sorted(hits.of(0).ids) == sorted(ids[ids >= 0])

    def test_k_beyond_the_rows_gives_all_of_them(self, engine, queries):
        engine.replace(matrix=unit_rows(3), ids=np.arange(3))

        assert engine.search(queries, 50).ids.shape == (20, 3)

    def test_equal_scores_come_in_order_of_id(self, engine):
        same = np.repeat(unit_rows(1), 100, axis=0)
        ids = np.random.default_rng(3).permutation(100)
        engine.replace(matrix=same, ids=ids)

        hits = engine.search(unit_rows(1, seed=4), 7)

        self.need(engine, "exact")
        assert hits.ids.tolist() == [[0, 1, 2, 3, 4, 5, 6]]
        assert len(set(hits.scores[0].tolist())) == 1

    @pytest.mark.parametrize("n_allowed", [1, 5, 60, 200, 450])
    def test_filter_is_part_of_the_search(self, engine, matrix, ids, queries, n_allowed):
        self.need(engine, "filters")
        engine.replace(matrix=matrix, ids=ids)
        allowed = np.sort(np.random.default_rng(5).permutation(ids[ids >= 0])[:n_allowed])

        found = engine.search(queries, 10, allowed=allowed)

        assert found.ids.shape == (20, min(10, n_allowed))
        self.assert_found(found, oracle(matrix, ids, queries, 10, allowed))

    def test_filter_of_nothing_finds_nothing(self, engine, matrix, ids, queries):
        self.need(engine, "filters")
        engine.replace(matrix=matrix, ids=ids)

        assert engine.search(queries, 10, allowed=np.empty(0, dtype=np.int64)).ids.shape == (20, 0)

    def test_filter_by_absent_ids_finds_nothing(self, engine, matrix, ids, queries):
        self.need(engine, "filters")
        engine.replace(matrix=matrix, ids=ids)

        assert engine.search(queries, 10, allowed=np.array([20_000, 30_000])).ids.shape == (20, 0)

    def test_added_vectors_are_found(self, engine, matrix, queries):
        engine.add(np.arange(100, 350), matrix[:250])
        engine.add(np.arange(350, 600), matrix[250:])

        self.assert_found(engine.search(queries, 10), oracle(matrix, np.arange(100, 600), queries, 10))

    def test_adding_an_id_again_replaces_its_vector(self, engine):
        first, second = unit_rows(2)
        engine.add(np.array([7]), first[None])

        engine.add(np.array([7]), second[None])

        hits = engine.search(second[None], 10)
        assert hits.of(0).ids.tolist() == [7]
        assert hits.scores[0, 0] == pytest.approx(1.0, abs=1e-5)

    def test_removed_ids_are_not_found(self, engine, matrix, queries):
        engine.replace(matrix=matrix, ids=np.arange(500))

        engine.remove(np.array([3, 499, 17, 12_345]))

        left = np.setdiff1d(np.arange(500), [3, 17, 499])
        assert len(engine) == 497
        self.assert_found(engine.search(queries, 10), oracle(matrix[left], left, queries, 10))

    def test_replace_forgets_what_was_there(self, engine, matrix, queries):
        engine.add(np.arange(500), matrix)

        engine.replace(matrix=unit_rows(2), ids=np.array([1000, 1001]))

        assert sorted(engine.search(queries[:1], 10).of(0).ids) == [1000, 1001]

    @pytest.mark.parametrize(
        ("query", "k", "reason"),
        [
            (np.zeros((1, DIMENSION + 1)), 1, "shape"),
            (np.zeros(DIMENSION), 1, "shape"),
            (np.full((1, DIMENSION), np.nan), 1, "not finite"),
            (np.zeros((1, DIMENSION)), 0, "k is 0"),
        ],
    )
    def test_search_refuses_what_makes_no_sense(self, engine, query, k, reason):
        with pytest.raises(ValueError, match=reason):
            engine.search(query.astype(np.float32), k)

    def test_no_query_gives_no_answer(self, engine, matrix, ids):
        engine.replace(matrix=matrix, ids=ids)

        assert len(engine.search(np.empty((0, DIMENSION), dtype=np.float32), 5)) == 0
