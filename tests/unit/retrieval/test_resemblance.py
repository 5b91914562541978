"""Copies first, then what shows the same, in one ranking."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gallery.retrieval.fusion import Hit
from gallery.retrieval.resemblance import SAME_SHARE, joined

NEAR_COPY = 0.8
SCORES = st.lists(st.tuples(*[st.sampled_from([0.0, 0.1, 0.3, 0.5, 0.79, 0.8, 0.9, 1.0])] * 2), min_size=1, max_size=12)


def ranking(scores: np.ndarray, k: int) -> list[Hit]:
    """Return the k best, equal ones by id, which is their place."""
    order = np.lexsort((np.arange(len(scores)), -scores))
    return [Hit(int(place), float(scores[place])) for place in order[:k]]


def join(whole: np.ndarray, shown: np.ndarray, *, k: int) -> list[int]:
    nearest, showing = ranking(whole, k), ranking(shown, k)
    shows = float(shown[nearest[0].image_id])
    return joined(nearest, showing, nearest_shows=shows, near_copy=NEAR_COPY)[:k]


def reference(whole: np.ndarray, shown: np.ndarray) -> list[int]:
    """Order all at once: leads by the whole, all others by what they show, equal ones by id."""
    ids = np.arange(len(whole))
    leads = whole >= NEAR_COPY
    first = np.lexsort((ids, -whole))[0]
    leads[first] |= shown[first] >= SAME_SHARE * shown.max()
    return np.lexsort((ids, -np.where(leads, whole, shown), ~leads)).tolist()


@given(SCORES)
def test_the_ranking_has_every_candidate_once_in_the_order_of_the_rule(scores):
    whole, shown = np.array(scores).T

    found = join(whole, shown, k=len(scores))

    assert sorted(found) == list(range(len(scores)))
    assert found == reference(whole, shown)


@given(SCORES, st.integers(1, 12))
def test_the_first_k_need_no_more_than_the_first_k_of_both(scores, k):
    whole, shown = np.array(scores).T

    assert join(whole, shown, k=k) == reference(whole, shown)[:k]


def test_copies_lead_whatever_they_show():
    nearest = [Hit(1, 0.95), Hit(2, 0.8), Hit(3, 0.79)]
    showing = [Hit(4, 0.6), Hit(3, 0.5), Hit(2, 0.1), Hit(1, 0.0)]

    assert joined(nearest, showing, nearest_shows=0.0, near_copy=NEAR_COPY) == [1, 2, 4, 3]


def test_the_nearest_leads_where_it_shows_half_as_much_of_the_same_as_the_best():
    nearest, showing = [Hit(1, 0.6), Hit(2, 0.5)], [Hit(2, 0.4), Hit(1, 0.2)]

    assert joined(nearest, showing, nearest_shows=0.2, near_copy=NEAR_COPY) == [1, 2]
    assert joined(nearest, showing, nearest_shows=0.19, near_copy=NEAR_COPY) == [2, 1]
