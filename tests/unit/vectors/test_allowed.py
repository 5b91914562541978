"""What a search may find, in each form."""

import numpy as np
import pytest

from gallery.vectors.allowed import Allowed, Condition
from gallery.vectors.engines.contract import Watermark
from gallery.vectors.row_mask import RowMask
from gallery.vectors.snapshot import Snapshot
from tests.unit.vectors.engine_contract import unit_rows

IDS = np.array([50, 40, -1, 30, 20])


@pytest.fixture
def snapshot() -> Snapshot:
    return Snapshot.of(unit_rows(5), IDS)


def test_rows_can_be_had_as_ids_in_their_order(snapshot):
    allowed = snapshot.allowing_rows(RowMask.of_rows(np.array([0, 1, 2, 4]), 5))

    assert allowed.ids.tolist() == [20, 40, 50]
    assert allowed.bitmap.rows.tolist() == [0, 1, 2, 4]


def test_ids_can_be_had_as_rows_where_they_are_there(snapshot):
    allowed = snapshot.allowing(np.array([10, 20, 45, 50, 60]))

    assert allowed.bitmap.rows.tolist() == [0, 4]
    assert allowed.ids.tolist() == [20, 50]


def test_row_that_is_cleared_meanwhile_has_no_id(snapshot):
    allowed = snapshot.allowing(np.array([20, 50]))

    snapshot.codes.blocks["ids"][0, 0] = -1

    assert allowed.ids.tolist() == [20]


def test_condition_is_handed_on_as_it_is():
    condition = Condition("SELECT id FROM image WHERE owner = %s", (7,))

    assert Allowed.of_condition(condition).condition == condition


def test_a_form_that_it_cannot_be_had_in_is_refused(snapshot):
    by_condition = Allowed.of_condition(Condition("SELECT 1", ()))

    for form in ("bitmap", "ids"):
        with pytest.raises(ValueError, match="known as a condition"):
            getattr(by_condition, form)
    with pytest.raises(ValueError, match="known row by row"):
        _ = snapshot.allowing(np.array([20])).condition


@pytest.mark.parametrize("rows", [0, 1, 5])
def test_mask_of_a_longer_version_is_cut(snapshot, rows):
    longer = Snapshot.of(unit_rows(8), np.arange(8)).allowing(np.arange(5 - rows, 8))

    assert snapshot.mask_of(longer).rows.tolist() == list(range(5 - rows, 5))
    assert snapshot.mask_of(None).rows.tolist() == [0, 1, 3, 4]


@pytest.mark.parametrize(
    ("held", "covers"),
    [
        (Watermark(2, 10, 3), True),
        (Watermark(2, 11, 3), True),
        (Watermark(2, 9, 3), False),
        (Watermark(2, 10, 4), False),
        (Watermark(2, 10, 2), False),
        (Watermark(1, 10, 3), False),
        (Watermark(2), False),
    ],
)
def test_watermark_covers_what_it_holds_and_no_more(held, covers):
    assert held.covers(Watermark(2, 10, 3)) is covers
