"""The exact engine: the contract, and what only it promises."""

import itertools
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gallery.vectors.engines import exact
from gallery.vectors.engines.exact import ExactEngine
from tests.unit.vectors.engine_contract import EngineContract, assert_same, oracle, unit_rows


class TestExactEngine(EngineContract):
    def make_engine(self, dimension: int) -> ExactEngine:
        return ExactEngine(dimension)


@settings(max_examples=150, deadline=None)
@given(
    n_rows=st.integers(0, 60),
    n_distinct=st.integers(1, 60),
    k=st.integers(1, 70),
    dead=st.floats(0, 1),
    gather_below=st.sampled_from([0, 1 / 2, 2]),
    share_allowed=st.none() | st.floats(0, 1),
    seed=st.integers(0, 2**32 - 1),
    dimension=st.integers(1, 40),
)
def test_any_search_equals_float64(*, n_rows, n_distinct, k, dead, gather_below, share_allowed, seed, dimension):
    rng = np.random.default_rng(seed)
    matrix = unit_rows(n_distinct, dimension=dimension, seed=seed)[rng.integers(0, n_distinct, n_rows)]
    ids = rng.permutation(200)[:n_rows].astype(np.int64)
    ids[rng.random(n_rows) < dead] = -1
    allowed = None if share_allowed is None else np.flatnonzero(rng.random(200) < share_allowed)
    queries = unit_rows(3, dimension=dimension, seed=seed + 1)
    engine = ExactEngine(dimension)
    engine.replace(matrix=matrix, ids=ids)

    with pytest.MonkeyPatch.context() as patch:
        for name, rows in {"SCAN_ROWS": 17, "OFFER_ROWS": 7, "GATHER_ROWS": 6, "RESCORE_ROWS": 5}.items():
            patch.setattr(exact, name, rows)
        patch.setattr(exact, "SCAN_QUERIES", 2)
        patch.setattr(exact, "GATHER_BELOW", gather_below)
        found = engine.search(queries, k, allowed=allowed)

    assert_same(found, oracle(matrix, ids, queries, k, allowed))


def test_replace_copies_nothing():
    matrix = unit_rows(10)
    engine = ExactEngine(32)

    engine.replace(matrix=matrix, ids=np.arange(10))

    assert engine._snapshot.matrix is matrix


def test_replace_refuses_ids_that_do_not_fit():
    with pytest.raises(ValueError, match="9 ids do not fit"):
        ExactEngine(32).replace(matrix=unit_rows(10), ids=np.arange(9))


def test_result_does_not_depend_on_batch_or_filter():
    """BLAS sums a block of one query, of many, and a gathered block in different orders."""
    matrix, ids = unit_rows(5_000, dimension=512), np.arange(5_000)
    queries = unit_rows(8, dimension=512, seed=9)
    engine = ExactEngine(512)
    engine.replace(matrix=matrix, ids=ids)

    together = engine.search(queries, 20)
    alone = [engine.search(query[None], 20) for query in queries]
    filtered = engine.search(queries, 20, allowed=np.unique(together.ids))

    for number, hits in enumerate(alone):
        assert hits.ids[0].tolist() == together.ids[number].tolist()
        assert hits.scores[0].tolist() == together.scores[number].tolist()
        places = np.isin(filtered.ids[number], together.ids[number])
        assert places[:20].all()
        assert filtered.scores[number].tolist() == together.scores[number].tolist()


@pytest.mark.parametrize("gather_below", [0, 2])
def test_damaged_row_is_not_found_and_hides_no_other(monkeypatch, gather_below):
    monkeypatch.setattr(exact, "GATHER_BELOW", gather_below)
    matrix = unit_rows(4)
    matrix[2, 5] = np.nan
    engine = ExactEngine(32)
    engine.replace(matrix=matrix, ids=np.arange(4))

    hits = engine.search(unit_rows(2, seed=1), 4)

    assert [sorted(hits.of(query).ids.tolist()) for query in range(2)] == [[0, 1, 3], [0, 1, 3]]
    assert hits.ids[:, 3].tolist() == [-1, -1]
    assert np.isneginf(hits.scores[:, 3]).all()


def test_search_keeps_its_version_while_another_thread_replaces_it():
    """Each answer comes from one version: with versions of one picture each, never from a mixture."""
    engine = ExactEngine(32)
    vector = unit_rows(1)
    stop = threading.Event()

    def replace_forever():
        for number in itertools.count(1):
            engine.replace(matrix=np.repeat(vector, number % 50 + 1, axis=0), ids=np.arange(number % 50 + 1) + 1000)
            if stop.is_set():
                return

    engine.replace(matrix=vector, ids=np.array([1000]))
    thread = threading.Thread(target=replace_forever)
    thread.start()
    found = [engine.search(vector, 100).of(0).ids for _ in range(300)]
    stop.set()
    thread.join()

    assert all(ids.tolist() == list(range(1000, 1000 + len(ids))) for ids in found)
