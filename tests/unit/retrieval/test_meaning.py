"""Several meanings as one vector, and how clear it is."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gallery.encoders.abilities import Clarity
from gallery.retrieval.meaning import clarity_of_sum, sum_of
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


def test_the_clarity_of_one_text_is_its_own():
    [vector] = unit_rows(1)
    clear = Clarity(sure_score=0.2, weight=0.8, by_colour=0.1)

    assert clarity_of_sum([clear], [vector], [3.0]) is clear


@given(st.integers(2, 8), st.integers(0, 1000))
def test_a_picture_that_surely_shows_each_text_has_the_sure_score_of_their_sum(count, seed):
    vectors, picture = list(unit_rows(count, seed=seed)), unit_rows(1, seed=seed + 1)[0]
    weights = np.linspace(0.5, 3, count)
    clarities = [Clarity(sure_score=float(vector @ picture), weight=1, by_colour=0.1) for vector in vectors]

    found = clarity_of_sum(clarities, vectors, weights)

    assert found.sure_score == pytest.approx(float(sum_of(vectors, weights) @ picture), abs=1e-4)
    assert found.weight == pytest.approx(1)


def test_the_encoder_is_as_sure_of_a_sum_as_of_its_parts_by_their_weights():
    known, unknown = Clarity(0.2, weight=1.0), Clarity(0.2, weight=0.0)

    assert clarity_of_sum([known, unknown], list(unit_rows(2)), [3.0, 1.0]).weight == pytest.approx(0.75)
