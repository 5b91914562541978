"""The exact engine: the contract, and what only it promises."""

import threading
import time

import llvmlite.binding as llvm
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gallery.vectors.codes import BLOCK_ROWS, block_layout
from gallery.vectors.engines import counting, local_engine, rescoring, scanning
from gallery.vectors.engines.exact import ExactEngine
from gallery.vectors.kernels.instructions import INSTRUCTION_SETS
from gallery.vectors.kernels.scan import Counter
from gallery.vectors.row_mask import RowMask
from gallery.vectors.snapshot import Snapshot
from tests.unit.vectors.engine_contract import EngineContract, assert_same, oracle, unit_rows

FEATURES = llvm.get_host_cpu_features()
AVAILABLE = [one for one in INSTRUCTION_SETS if all(FEATURES.get(need, False) for need in one.needs)]


class TestExactEngine(EngineContract):
    def open(self, snapshot, *, after=None):
        return ExactEngine().open(snapshot, after=after)


@settings(max_examples=150)
@given(
    n_rows=st.integers(0, 60) | st.integers(4_000, 9_000),
    n_distinct=st.integers(1, 60) | st.just(10_000),
    k=st.integers(1, 70),
    dead=st.floats(0, 1),
    direct_rows=st.sampled_from([0, 256]),
    share_allowed=st.none() | st.floats(0, 1),
    n_queries=st.integers(1, 6),
    seed=st.integers(0, 2**32 - 1),
    dimension=st.sampled_from([1, 7, 40, 64, 100, 192]),
)
def test_any_search_equals_float64(
    *, n_rows, n_distinct, k, dead, direct_rows, share_allowed, n_queries, seed, dimension
):
    rng = np.random.default_rng(seed)
    matrix = unit_rows(n_distinct, dimension=dimension, seed=seed)[rng.integers(0, n_distinct, n_rows)]
    ids = rng.permutation(20_000)[:n_rows].astype(np.int64)
    ids[rng.random(n_rows) < dead] = -1
    allowed = None if share_allowed is None else np.flatnonzero(rng.random(20_000) < share_allowed)
    queries = unit_rows(n_queries, dimension=dimension, seed=seed + 1)
    snapshot = Snapshot.of(matrix, ids)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scanning, "DIRECT_ROWS", direct_rows)
        for name, value in {"RESCORE_ROWS": 5, "FIRST_RESCORED": 3}.items():
            patch.setattr(rescoring, name, value)
        chosen = snapshot.allowing(allowed) if allowed is not None else None
        found = ExactEngine().open(snapshot).search(queries, k, chosen)

    assert_same(found, oracle(matrix, ids, queries, k, allowed))


def test_vectors_of_one_large_number_and_of_many_small_ones_are_ranked_right():
    """The certain bound of a code depends on its row's largest number; ranking must hold for a mixture."""
    rng = np.random.default_rng(0)
    spiky = np.eye(64, dtype=np.float32)[rng.integers(0, 64, 3_000)] + unit_rows(3_000, dimension=64) * 0.05
    matrix = np.concatenate([unit_rows(3_000, dimension=64, seed=1), spiky])
    matrix = (matrix / np.linalg.norm(matrix, axis=1, keepdims=True)).astype(np.float32)
    queries = matrix[::200] + unit_rows(30, dimension=64, seed=2) * 0.3
    searcher = ExactEngine().open(Snapshot.of(matrix, np.arange(6_000)))

    assert_same(searcher.search(queries, 10), oracle(matrix, np.arange(6_000), queries, 10))


def test_pictures_that_are_all_the_same_fill_more_than_one_list():
    matrix = np.repeat(unit_rows(1), 40_000, axis=0)
    searcher = ExactEngine().open(Snapshot.of(matrix, np.arange(40_000)[::-1].copy()))

    hits = searcher.search(unit_rows(1, seed=1), 12)

    assert hits.ids.tolist() == [list(range(12))]


def test_opening_copies_nothing():
    matrix = unit_rows(10)

    searcher = ExactEngine().open(Snapshot.of(matrix, np.arange(10)))

    assert searcher.snapshot.matrix is matrix


def test_snapshot_refuses_ids_that_do_not_fit():
    with pytest.raises(ValueError, match="9 ids do not fit"):
        Snapshot.of(unit_rows(10), np.arange(9))


def test_a_dimension_beyond_the_scan_is_refused():
    with pytest.raises(ValueError, match="at most 4096"):
        ExactEngine().open(Snapshot.of(np.empty((0, 4_097), dtype=np.float32), np.empty(0, dtype=np.int64)))


def test_result_does_not_depend_on_batch_filter_or_threads():
    matrix, ids = unit_rows(9_000, dimension=512), np.arange(9_000)
    queries = unit_rows(9, dimension=512, seed=9)
    snapshot = Snapshot.of(matrix, ids)
    searcher, alone = ExactEngine(threads=3).open(snapshot), ExactEngine(threads=1).open(snapshot)

    together = searcher.search(queries, 20)
    one_by_one = [alone.search(query[None], 20) for query in queries]
    filtered = searcher.search(queries, 20, snapshot.allowing(np.unique(together.ids)))

    for number, hits in enumerate(one_by_one):
        assert hits.ids[0].tolist() == together.ids[number].tolist() == filtered.ids[number].tolist()
        assert hits.scores[0].tolist() == together.scores[number].tolist() == filtered.scores[number].tolist()


def test_mask_of_rows_filters_as_ids_do():
    matrix, ids = unit_rows(6_000), np.arange(10_000, 16_000)
    allowed = np.random.default_rng(1).random(6_000) < 0.3
    snapshot = Snapshot.of(matrix, ids)
    searcher = ExactEngine().open(snapshot)

    by_mask = searcher.search(unit_rows(2, seed=3), 10, snapshot.allowing_rows(RowMask.of_booleans(allowed)))

    by_ids = searcher.search(unit_rows(2, seed=3), 10, snapshot.allowing(ids[allowed]))
    assert_same(by_mask, by_ids)
    assert by_mask.searched == by_ids.searched == int(allowed.sum())


@pytest.mark.parametrize("n_rows", [300, 9_000])
@pytest.mark.parametrize("share_allowed", [None, 0.5])
def test_distribution_is_that_of_the_allowed_scores(n_rows, share_allowed):
    matrix = unit_rows(n_rows, dimension=64)
    matrix[::7] = 0
    allowed = np.arange(n_rows) % 7 != 0
    if share_allowed is not None:
        allowed &= np.random.default_rng(4).random(n_rows) < share_allowed
    snapshot = Snapshot.of(matrix, np.where(np.arange(n_rows) % 7 == 0, -1, np.arange(n_rows)))
    query = unit_rows(1, dimension=64, seed=5)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scanning, "DIRECT_ROWS", 0)
        hits = ExactEngine().open(snapshot).search(query, 3, snapshot.allowing(np.flatnonzero(allowed)))
    distribution = hits.distribution

    scores = (matrix[allowed].astype(np.float64) @ query[0]).ravel()
    assert distribution is not None
    assert distribution.count == len(scores)
    assert distribution.mean == pytest.approx(scores.mean(), abs=1e-3)
    assert distribution.standard_deviation == pytest.approx(scores.std(), abs=1e-3)
    tolerance = 0.01 if n_rows == 300 else 0.03  # of a large index an eighth is counted
    assert distribution.quantile(0.95) == pytest.approx(np.quantile(scores, 0.95), abs=tolerance)


@pytest.mark.parametrize("name", ["exact", "fast"])
@pytest.mark.parametrize("n_allowed", [100, 300])
def test_distribution_of_rows_that_lie_together(name, n_allowed):
    """What one person uploaded at once: a sample of all rows might have none of them."""
    matrix = unit_rows(9_000, dimension=64)
    snapshot = Snapshot.of(matrix, np.arange(9_000))
    query = unit_rows(1, dimension=64, seed=5)

    hits = local_engine(name).open(snapshot).search(query, 3, snapshot.allowing(np.arange(64, 64 + n_allowed)))
    distribution = hits.distribution

    scores = matrix[64 : 64 + n_allowed].astype(np.float64) @ query[0]
    assert distribution is not None
    assert distribution.count == n_allowed
    assert distribution.mean == pytest.approx(scores.mean(), abs=1e-3)
    assert distribution.quantile(0.95) == pytest.approx(np.quantile(scores, 0.95), abs=0.02)


def test_a_thread_that_fails_waits_for_the_others_and_says_so(monkeypatch):
    """They write to arrays that go away with the search."""
    matrix = unit_rows(20_000)
    searcher = ExactEngine(threads=3).open(Snapshot.of(matrix, np.arange(20_000)))
    main, ended = threading.get_ident(), []

    def run(self, kernel):
        if threading.get_ident() == main:
            raise MemoryError
        time.sleep(0.2)
        ended.append(1)

    monkeypatch.setattr(scanning.ThreadScan, "run", run)
    with pytest.raises(MemoryError):
        searcher.search(unit_rows(1), 10)

    assert len(ended) == 2


@pytest.mark.parametrize("direct_rows", [0, 256])
def test_a_row_damaged_after_its_codes_were_made_is_not_shown(monkeypatch, direct_rows):
    monkeypatch.setattr(scanning, "DIRECT_ROWS", direct_rows)
    matrix = unit_rows(300)
    searcher = ExactEngine().open(Snapshot.of(matrix, np.arange(300)))
    [best, *others] = searcher.search(matrix[7:8], 3).ids[0].tolist()

    matrix[7] *= 1e20  # a flipped bit of an exponent

    assert best == 7
    assert searcher.search(unit_rows(1, seed=0)[:1], 300).of(0).ids.tolist().count(7) == 0
    assert searcher.search(matrix[others[:1]], 1).ids.tolist() == [others[:1]]


@pytest.mark.parametrize("direct_rows", [0, 256])
def test_damaged_row_is_not_found_and_hides_no_other(monkeypatch, direct_rows):
    monkeypatch.setattr(scanning, "DIRECT_ROWS", direct_rows)
    matrix = unit_rows(4)
    matrix[2, 5] = np.nan
    searcher = ExactEngine().open(Snapshot.of(matrix, np.arange(4)))

    hits = searcher.search(unit_rows(2, seed=1), 4)

    assert [sorted(hits.of(query).ids.tolist()) for query in range(2)] == [[0, 1, 3], [0, 1, 3]]
    assert hits.ids[:, 3].tolist() == [-1, -1]
    assert np.isneginf(hits.scores[:, 3]).all()


@pytest.mark.parametrize("noted_rows", [BLOCK_ROWS, 65_536])
@pytest.mark.parametrize("share_allowed", [None, 0.01, 0.5])
def test_count_is_exact_also_for_scores_that_float32_cannot_tell_apart(monkeypatch, share_allowed, noted_rows):
    monkeypatch.setattr(counting, "NOTED_ROWS", noted_rows)
    monkeypatch.setattr(counting, "RESCORE_ROWS", 70)
    rng = np.random.default_rng(0)
    matrix = unit_rows(60, dimension=512)[rng.integers(0, 60, 9_000)]
    matrix *= 1 + rng.normal(0, 1e-7, (9_000, 1)).astype(np.float32)
    snapshot = Snapshot.of(matrix, np.arange(9_000))
    chosen = np.flatnonzero(rng.random(9_000) < (share_allowed or 1.0))
    allowed = None if share_allowed is None else snapshot.allowing(chosen)
    query = unit_rows(1, dimension=512, seed=1)
    scores = oracle(matrix, np.arange(9_000), query, 9_000, None if share_allowed is None else chosen).scores[0]
    searcher = ExactEngine().open(snapshot)

    limits = np.quantile(scores, [0.0, 0.1, 0.5, 0.9, 0.999, 1.0], method="nearest").tolist()
    counts = [int((scores >= np.float32(limit)).sum()) for limit in limits]
    assert [searcher.count_above(query[0], limit, allowed) for limit in limits] == counts
    assert searcher.counts_above(query[0], limits, allowed) == counts


@settings(max_examples=60)
@given(
    n_rows=st.integers(1, 300) | st.integers(4_000, 9_000),
    n_distinct=st.integers(1, 300),
    dimension=st.sampled_from([1, 40, 64, 100, 192]),
    share_allowed=st.floats(0, 1),
    dead=st.floats(0, 1),
    length=st.sampled_from([0.0, 1e-20, 1.0, 30.0]),
    places=st.lists(st.floats(0, 1), max_size=5),
    seed=st.integers(0, 2**32 - 1),
)
def test_any_counts_equal_float64(*, n_rows, n_distinct, dimension, share_allowed, dead, length, places, seed):
    rng = np.random.default_rng(seed)
    matrix = unit_rows(n_distinct, dimension=dimension, seed=seed)[rng.integers(0, n_distinct, n_rows)]
    matrix *= 1 + rng.normal(0, 1e-7, (n_rows, 1)).astype(np.float32)
    ids = rng.permutation(20_000)[:n_rows].astype(np.int64)
    ids[rng.random(n_rows) < dead] = -1
    chosen = np.flatnonzero(rng.random(20_000) < share_allowed)
    query = unit_rows(1, dimension=dimension, seed=seed + 1)[0] * np.float32(length)
    snapshot = Snapshot.of(matrix, ids)
    scores = oracle(matrix, ids, query[None], n_rows, chosen).scores[0]
    exact = [float(scores[int(place * (len(scores) - 1))]) for place in places] if len(scores) else []
    limits = [
        -np.inf,
        -1.0,
        0.0,
        np.inf,
        *exact,
        *(float(np.nextafter(np.float32(one), np.float32(2))) for one in exact),
    ]

    counts = ExactEngine(threads=2).open(snapshot).counts_above(query, limits, snapshot.allowing(chosen))

    assert counts == [int((scores >= np.float32(limit)).sum()) for limit in limits]


@pytest.mark.parametrize("instruction_set", AVAILABLE, ids=lambda one: one.name)
@pytest.mark.parametrize("dimension", [1, 63, 100, 512, 1024])
def test_counts_are_exact_in_every_instruction_set(monkeypatch, instruction_set, dimension):
    """Some tiles are wanted whole, some in parts; every seventh row is a cleared one."""
    kernel = Counter(block_layout(dimension), instruction_set)
    monkeypatch.setattr(counting, "counter", lambda _layout, **_options: kernel)
    rng = np.random.default_rng(dimension)
    matrix, ids = unit_rows(5_000, dimension=dimension), np.arange(5_000)
    ids[::7] = -1
    query, snapshot = unit_rows(1, dimension=dimension, seed=1), Snapshot.of(matrix, ids)
    chosen = np.flatnonzero(rng.random(5_000) < np.repeat([1.0, 0.2, 0.6, 0.0, 0.4], 1_000))
    scores = oracle(matrix, ids, query, 5_000, chosen).scores[0]
    limits = scores[[0, 3, 90, 900, -1]].tolist()

    counts = ExactEngine(threads=1).open(snapshot).counts_above(query[0], limits, snapshot.allowing(chosen))

    assert counts == [int((scores >= np.float32(limit)).sum()) for limit in limits]


def test_count_leaves_out_cleared_rows_and_those_whose_codes_know_their_damage():
    matrix, query = unit_rows(5_000), unit_rows(1, seed=1)
    matrix[7, 3] = np.nan
    snapshot = Snapshot.of(matrix, np.arange(5_000))
    searcher, everything = ExactEngine().open(snapshot), snapshot.allowing(np.arange(5_000))
    matrix[9], snapshot.codes.blocks["ids"][0, 9] = 0, -1

    assert searcher.count_above(query[0], -2.0, everything) == 4_998


def test_count_leaves_out_rows_that_it_reads_and_finds_damaged():
    """A score that no code can tell has the vectors read: those of rows that were damaged after they were coded."""
    matrix, query = np.repeat(unit_rows(1), 5_000, axis=0), unit_rows(1, seed=1)
    snapshot = Snapshot.of(matrix, np.arange(5_000))
    score = float(ExactEngine().open(snapshot).search(query, 1).scores[0, 0])
    matrix[7], matrix[8] = np.nan, matrix[8] * 1e20

    assert ExactEngine().open(snapshot).count_above(query[0], score) == 4_998


def test_counting_reads_only_the_vectors_that_codes_cannot_tell(monkeypatch):
    matrix, query = unit_rows(9_000, dimension=512), unit_rows(1, dimension=512, seed=1)
    snapshot = Snapshot.of(matrix, np.arange(9_000))
    scores = np.sort((matrix.astype(np.float64) @ query[0].astype(np.float64)).astype(np.float32))
    searcher, limit = ExactEngine().open(snapshot), float(scores[-90])
    looked_at = np.flatnonzero(np.abs(matrix @ query[0] - limit) < 0.009)
    matrix[np.setdiff1d(np.arange(9_000), looked_at)] = np.nan

    assert searcher.count_above(query[0], limit) == 90
    assert len(looked_at) < 300
