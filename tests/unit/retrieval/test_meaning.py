"""Several meanings as one vector."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gallery.retrieval.meaning import sum_of
from tests.quick_encoder import unit_rows


def test_a_single_vector_stays_as_it_is():
    [vector] = unit_rows(1)

    assert sum_of([vector], [3.0]) is vector


@given(st.integers(2, 8), st.integers(0, 1000))
def test_a_sum_is_a_unit_vector_of_all_parts(count, seed):
    rows = unit_rows(count, seed=seed)

    total = sum_of(list(rows), [1.0] * count)

    assert total.dtype == np.float32
    assert np.isclose(np.linalg.norm(total), 1, atol=1e-5)
    assert np.allclose(total, rows.sum(axis=0) / np.linalg.norm(rows.sum(axis=0)), atol=1e-5)


def test_parts_count_by_their_weights():
    one, other = unit_rows(2)

    even, uneven = sum_of([one, other], [2.0, 2.0]), sum_of([one, other], [3.0, 1.0])

    assert np.isclose(even @ one, even @ other, atol=1e-6)
    assert np.allclose(uneven, (3 * one + other) / np.linalg.norm(3 * one + other), atol=1e-6)


def test_opposites_resemble_nothing():
    [vector] = unit_rows(1)

    assert not sum_of([vector, -vector], [1.0, 1.0]).any()
