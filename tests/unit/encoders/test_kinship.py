"""What a row of the offline encoder is asked with for pictures that show the same."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gallery.encoders.abilities import ComparesByMeaning
from gallery.encoders.offline import OfflineEncoder
from gallery.encoders.offline.concepts import read_phrases
from gallery.encoders.offline.kinship import CLASSES, KINDS, THINGS_WORTH, Kinship
from gallery.encoders.offline.layout import APPEARANCE_PART, CLASSES_PART, COLOURS_PART, DIMENSION, THINGS_PART

BEAGLE, HUSKY, GOOSE, PIZZA = 162, 250, 99, 963  # places among the classes of ImageNet
TOLD = st.dictionaries(st.integers(0, CLASSES - 1), st.sampled_from([0.125, 0.5, 1.0]), min_size=1, max_size=5)


@pytest.fixture(scope="module")
def encoder() -> OfflineEncoder:
    return OfflineEncoder()


@pytest.fixture(scope="module")
def kinship() -> Kinship:
    return Kinship()


def row_of(told: dict[int, float]) -> np.ndarray:
    row = np.zeros((1, DIMENSION), np.float32)
    row[0, list(told)] = list(told.values())
    return row


@pytest.fixture(scope="module")
def cosines() -> np.ndarray:
    """The same by one matrix: phrases by kinds, weighted, its columns made unit vectors, times itself."""
    meanings = [meaning for meaning in read_phrases().values() if meaning]
    matrix = np.zeros((len(meanings), KINDS))
    for place, meaning in enumerate(meanings):
        matrix[place, list(meaning)] = np.sqrt(np.log(KINDS / len(meaning))) * np.array(list(meaning.values()))
    matrix /= np.linalg.norm(matrix, axis=0)
    return matrix.T @ matrix


def test_a_kind_is_nearest_to_itself_then_to_its_kin(kinship):
    kin = kinship.kin_of(row_of({BEAGLE: 1.0}))[0, CLASSES_PART]

    assert kin[BEAGLE] == pytest.approx(1.0)
    assert kin[BEAGLE] > kin[HUSKY] > 2 * kin[GOOSE] > kin[PIZZA]


@given(TOLD)
def test_kin_is_the_cosine_of_the_phrases_weighted_by_rarity(kinship, cosines, told):
    row = row_of(told)

    kin = kinship.kin_of(row)

    expected = np.concatenate([row[:, CLASSES_PART], row[:, THINGS_PART]], axis=1) @ cosines
    expected[:, CLASSES:] *= THINGS_WORTH
    np.testing.assert_allclose(np.concatenate([kin[:, CLASSES_PART], kin[:, THINGS_PART]], axis=1), expected, atol=1e-5)


@given(arrays(np.float32, (3, DIMENSION), elements=st.sampled_from([0.0, 0.0, 0.25, 1.0])))
def test_contract_meanings_are_unit_rows_of_what_is_shown_alone(encoder, rows):
    """Neither colours nor how it looks are asked for; no weights are loaded; a row depends on no other."""
    meanings = encoder.meaning_of(rows)

    assert isinstance(encoder, ComparesByMeaning)
    assert (meanings.shape, meanings.dtype) == (rows.shape, np.float32)
    lengths = np.linalg.norm(meanings, axis=1)
    assert ((np.abs(lengths - 1) < 1e-5) | (lengths == 0)).all()
    assert not meanings[:, COLOURS_PART].any()
    assert not meanings[:, APPEARANCE_PART].any()
    assert (encoder._classifier, encoder._sentences) == (None, None)
    np.testing.assert_array_equal(meanings[1:2], encoder.meaning_of(rows[1:2]))


def test_a_row_that_tells_of_nothing_means_nothing(encoder):
    assert not encoder.meaning_of(np.zeros((2, DIMENSION), np.float32)).any()
