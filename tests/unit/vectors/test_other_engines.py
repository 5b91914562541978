"""The engines that trade exactness, and those with a server: the same contract."""

import numpy as np
import pytest

from gallery.vectors import engines
from gallery.vectors.allowed import Allowed, Condition
from gallery.vectors.engines import engine_names, local_engine, remote_engine, scanning
from gallery.vectors.engines.contract import Watermark
from gallery.vectors.engines.faiss_hnsw import FaissHnswEngine
from gallery.vectors.engines.fast import FastEngine
from gallery.vectors.snapshot import Snapshot
from tests.memory_engine import MemoryEngine, MemoryServer
from tests.unit.vectors.engine_contract import EngineContract, assert_same, oracle, unit_rows


@pytest.fixture
def gate_always(monkeypatch) -> None:
    """Let `fast` use its gate at any size; by itself it does so from 65,536 allowed rows on."""
    monkeypatch.setattr(scanning, "MANY_ROWS", 0)
    monkeypatch.setattr(scanning, "DIRECT_ROWS", 0)


@pytest.mark.usefixtures("gate_always")
class TestFastEngine(EngineContract):
    recall_floor = 0.99

    def open(self, snapshot, *, after=None):
        return FastEngine().open(snapshot, after=after)


class TestFaissHnswEngine(EngineContract):
    recall_floor = 0.95

    def open(self, snapshot, *, after=None):
        return FaissHnswEngine().open(snapshot, after=after)


class TestMemoryEngine(EngineContract):
    """A remote engine, of which every process opens the same collection."""

    @pytest.fixture(autouse=True)
    def server(self):
        self.engine = MemoryEngine(MemoryServer())

    def open(self, snapshot, *, after=None):
        collection = self.engine.open(1, snapshot.dimension)
        held = Watermark(1, snapshot.row_count, departures=collection.watermark().departures + 1)
        live = snapshot.codes.live.rows
        collection.forget(np.setdiff1d(collection.ids(), snapshot.codes.ids[live]), then=held)
        collection.feed(snapshot.codes.ids[live], snapshot.matrix[live], then=held)
        return collection

    def may_find(self, ids, later_ids):
        return set(later_ids.tolist()) - {-1}


class TestMemoryEngineInTheDatabase(TestMemoryEngine):
    """One that is told what it may find as a question, which here names the ids."""

    @pytest.fixture(autouse=True)
    def server(self):
        self.engine = MemoryEngine(MemoryServer(), database=lambda condition: np.array(condition.parameters))

    def allowing(self, snapshot, ids):
        return Allowed.of_condition(Condition("", tuple(ids.tolist())))


def clustered_rows(count: int, *, dimension: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    centres = unit_rows(count // 50, dimension=dimension, seed=seed)
    rows = centres[rng.integers(0, len(centres), count)] + 0.6 * unit_rows(count, dimension=dimension, seed=seed + 1)
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize("kind", ["clustered", "isotropic", "cone"])
def test_fast_engine_recalls_the_nearest_of_any_kind_of_vectors(kind, gate_always):
    """A gate of likely bounds must hold where neighbours are far apart, where they are not, and off centre."""
    rows = clustered_rows(20_000, dimension=256, seed=1)
    if kind != "clustered":
        rows = unit_rows(20_000, dimension=256)
    if kind == "cone":  # what CLIP's picture vectors look like
        rows = rows * 0.7 + unit_rows(1, dimension=256, seed=7) * 0.7
        rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    queries = (rows[:40] + unit_rows(40, dimension=256, seed=3)).astype(np.float32)
    queries /= np.linalg.norm(queries, axis=1, keepdims=True)
    found = FastEngine().open(Snapshot.of(rows, np.arange(len(rows)))).search(queries, 10)

    true = oracle(rows, np.arange(len(rows)), queries, 10)
    recall = np.mean([len(np.intersect1d(got, best)) / 10 for got, best in zip(found.ids, true.ids, strict=True)])
    assert recall >= 0.99


def test_fast_engine_tells_the_distribution_from_a_sample(gate_always):
    rows = unit_rows(30_000, dimension=64)
    searcher = FastEngine().open(Snapshot.of(rows, np.arange(len(rows))))

    distribution = searcher.search(unit_rows(1, dimension=64, seed=2), 10).distribution

    assert distribution is not None
    assert distribution.count == 8 * 64
    assert distribution.mean == pytest.approx(0, abs=0.02)
    assert distribution.standard_deviation == pytest.approx(1 / 8, rel=0.15)


def test_fast_engine_is_exact_where_there_are_few_rows():
    rows = unit_rows(9_000, dimension=64)
    searcher = FastEngine().open(Snapshot.of(rows, np.arange(9_000)))
    queries = unit_rows(30, dimension=64, seed=4)

    assert_same(searcher.search(queries, 20), oracle(rows, np.arange(9_000), queries, 20))


@pytest.mark.parametrize("name", engine_names())
def test_each_engine_is_made_by_its_name(name):
    engine = local_engine(name, threads=2)

    assert (engine.name, engine.threads) == (name, 2)
    assert remote_engine(name) is None


def test_engine_with_a_server_is_made_by_its_name_for_whoever_asks(monkeypatch):
    monkeypatch.setitem(engines.REMOTE, "memory", lambda: MemoryEngine(MemoryServer()))

    assert engine_names() == ["exact", "fast", "faiss", "memory"]
    assert remote_engine("memory").name == "memory"


def test_unknown_engine_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match="no search engine 'best'; there are exact, fast, faiss"):
        local_engine("best")


def test_graph_that_has_grown_shows_an_earlier_searcher_its_own_rows_only():
    rows = unit_rows(3_000)
    engine, queries = FaissHnswEngine(), unit_rows(5, seed=1)
    earlier = engine.open(Snapshot.of(rows[:1_003], np.arange(1_003)))

    later = engine.open(Snapshot.of(rows, np.arange(3_000)), after=earlier)

    assert later.graph is earlier.graph
    assert earlier.search(queries, 20).ids.max() < 1_003
    assert later.search(queries, 20).ids.max() >= 1_003


def test_graph_of_more_rows_than_there_are_is_made_anew():
    rows, engine = unit_rows(300), FaissHnswEngine()
    longer = engine.open(Snapshot.of(rows, np.arange(300)))

    shorter = engine.open(Snapshot.of(rows[:200], np.arange(200)), after=longer)

    assert shorter.graph is not longer.graph
