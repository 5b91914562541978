"""One ranking of several."""

from hypothesis import given
from hypothesis import strategies as st

from gallery.retrieval.fusion import Hit, fuse

RANKING = st.dictionaries(st.integers(1, 9), st.sampled_from([0.1, 0.5, 0.9])).map(
    lambda scores: [Hit(*pair) for pair in sorted(scores.items(), key=lambda pair: (-pair[1], pair[0]))]
)


@given(RANKING)
def test_a_single_ranking_is_the_answer(ranking):
    assert fuse([ranking]) == fuse([ranking, ranking]) == fuse([ranking, []]) == ranking


def test_each_image_counts_with_its_best_score():
    dogs, cats = [Hit(1, 0.9), Hit(2, 0.4), Hit(3, -0.2)], [Hit(3, 0.7), Hit(2, 0.5), Hit(1, 0.1)]

    assert fuse([dogs, cats]) == [Hit(1, 0.9), Hit(3, 0.7), Hit(2, 0.5)]


@given(st.lists(RANKING, min_size=2, max_size=4))
def test_every_image_is_there_once_best_first_and_equal_ones_by_id(rankings):
    fused = fuse(rankings)

    assert {hit.image_id for hit in fused} == {hit.image_id for ranking in rankings for hit in ranking}
    assert fused == sorted(fused, key=lambda hit: (-hit.score, hit.image_id))
    assert len(fused) == len({hit.image_id for hit in fused})


def test_nothing_found_is_nothing():
    assert fuse([]) == fuse([[]]) == fuse([[], []]) == []
