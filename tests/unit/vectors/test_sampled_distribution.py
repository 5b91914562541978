"""How scores are spread, for engines that do not tell: by some of the rows."""

import numpy as np
import pytest

from gallery.vectors.engines import rescoring
from gallery.vectors.engines.rescoring import sampled_distribution
from gallery.vectors.row_mask import RowMask
from gallery.vectors.snapshot import Snapshot
from tests.quick_encoder import unit_rows

ROWS = 500


@pytest.fixture
def snapshot() -> Snapshot:
    return Snapshot.of(unit_rows(ROWS), np.arange(ROWS))


def test_few_rows_are_all_told_of(snapshot):
    query, chosen = unit_rows(1, seed=1)[0], np.arange(0, ROWS, 7)

    told = sampled_distribution(snapshot, query, RowMask.of_rows(chosen, ROWS))

    scores = snapshot.matrix[chosen] @ query
    assert told.count == len(chosen)
    assert told.mean == pytest.approx(scores.mean(), abs=1e-6)
    assert told.quantile(0.5) == pytest.approx(np.quantile(scores, 0.5), abs=0.02)


@pytest.mark.parametrize("sampled", [1, 100, 499])
def test_of_many_rows_no_more_are_read_than_are_sampled(snapshot, monkeypatch, sampled):
    monkeypatch.setattr(rescoring, "SAMPLED_ROWS", sampled)

    told = sampled_distribution(snapshot, unit_rows(1, seed=1)[0], snapshot.codes.live)

    assert sampled / 2 <= told.count <= sampled


def test_rows_of_nobody_are_not_told_of(snapshot):
    ids = np.where(np.arange(ROWS) < 100, np.arange(ROWS), -1)
    kept = Snapshot.of(np.where(ids[:, np.newaxis] < 0, 0, snapshot.matrix).astype(np.float32), ids)

    assert sampled_distribution(kept, unit_rows(1)[0], RowMask.of_rows(np.arange(ROWS), ROWS)).count == 100
    assert sampled_distribution(kept, unit_rows(1)[0], RowMask.of_rows(np.arange(0), ROWS)).count == 0
