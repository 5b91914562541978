"""The engines that trade exactness: the same contract, held to recall."""

import numpy as np
import pytest

from gallery.vectors.engines import engine_names, make_engine, scanning
from gallery.vectors.engines.faiss_hnsw import FaissHnswEngine
from gallery.vectors.engines.fast import FastEngine
from tests.unit.vectors.engine_contract import EngineContract, assert_same, oracle, unit_rows


@pytest.fixture
def gate_always(monkeypatch) -> None:
    """Let `fast` use its gate at any size; by itself it does so from 65,536 allowed rows on."""
    monkeypatch.setattr(scanning, "MANY_ROWS", 0)
    monkeypatch.setattr(scanning, "DIRECT_ROWS", 0)


@pytest.mark.usefixtures("gate_always")
class TestFastEngine(EngineContract):
    recall_floor = 0.99

    def make_engine(self, dimension: int) -> FastEngine:
        return FastEngine(dimension)


class TestFaissHnswEngine(EngineContract):
    recall_floor = 0.95

    def make_engine(self, dimension: int) -> FaissHnswEngine:
        return FaissHnswEngine(dimension)


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
    engine = FastEngine(256)
    engine.replace(matrix=rows, ids=np.arange(len(rows)))

    found = engine.search(queries, 10)

    true = oracle(rows, np.arange(len(rows)), queries, 10)
    recall = np.mean([len(np.intersect1d(got, best)) / 10 for got, best in zip(found.ids, true.ids, strict=True)])
    assert recall >= 0.99


def test_fast_engine_tells_the_distribution_from_a_sample(gate_always):
    rows = unit_rows(30_000, dimension=64)
    engine = FastEngine(64)
    engine.replace(matrix=rows, ids=np.arange(len(rows)))

    distribution = engine.search(unit_rows(1, dimension=64, seed=2), 10).distribution

    assert distribution is not None
    assert distribution.count == 8 * 64
    assert distribution.mean == pytest.approx(0, abs=0.02)
    assert distribution.standard_deviation == pytest.approx(1 / 8, rel=0.15)


def test_fast_engine_is_exact_where_there_are_few_rows():
    rows = unit_rows(9_000, dimension=64)
    engine = FastEngine(64)
    engine.replace(matrix=rows, ids=np.arange(9_000))
    queries = unit_rows(30, dimension=64, seed=4)

    assert_same(engine.search(queries, 20), oracle(rows, np.arange(9_000), queries, 20))


@pytest.mark.parametrize("name", engine_names())
def test_each_engine_is_made_by_its_name(name):
    engine = make_engine(name, 32, threads=2)

    assert engine.name == name
    assert engine.dimension == 32


def test_unknown_engine_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match="no search engine 'best'; there are exact, fast, faiss"):
        make_engine("best", 32)
