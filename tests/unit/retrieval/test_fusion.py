"""How the answers of several legs become one ranking."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from gallery.retrieval.cutoff import Judgement
from gallery.retrieval.fusion import Hit, Ranking, best_of

PROBABILITIES = st.sampled_from([0.0, 0.2, 0.5, 0.8, 1.0])


def ranking(*judged: tuple[int, float, float]) -> Ranking:
    """Return a ranking of (id, score, probability), best first; half is enough to be confident."""
    return Ranking(
        [Hit(image_id, score) for image_id, score, _probability in judged],
        {image_id: Judgement(probability, probability >= 0.5) for image_id, _score, probability in judged},
    )


@st.composite
def rankings(draw: st.DrawFn) -> list[Ranking]:
    """Rankings of the same images, each by the probability that its scores mean."""
    found = []
    for scale in draw(st.lists(st.sampled_from([0.1, 1.0]), min_size=2, max_size=4)):
        probabilities = draw(st.lists(PROBABILITIES, min_size=6, max_size=6))
        judged = [(image_id, scale * each, each) for image_id, each in enumerate(probabilities)]
        found.append(ranking(*sorted(judged, key=lambda one: (-one[2], one[0]))))
    return found


def test_one_ranking_is_the_answer_in_whatever_order_it_is():
    only = ranking((3, 0.1, 0.1), (1, 0.9, 0.9))

    assert best_of([only]) is only


def test_the_more_probable_one_leads_whatever_its_cosine():
    dogs, pizzas = ranking((1, 0.04, 0.9)), ranking((2, 0.2, 0.6))

    assert [hit.image_id for hit in best_of([dogs, pizzas]).hits] == [1, 2]


def test_an_image_has_the_best_of_its_scores_and_of_its_judgements():
    found = best_of([ranking((1, 0.9, 0.1)), ranking((1, 0.2, 0.8))])

    assert found.hits == [Hit(1, 0.9)]
    assert found.judgements == {1: Judgement(0.8, confident=True)}


def test_equal_ones_are_in_the_order_of_their_ids():
    assert [hit.image_id for hit in best_of([ranking((7, 0.5, 0.5)), ranking((2, 0.5, 0.5))]).hits] == [2, 7]


@given(rankings())
def test_what_is_meant_leads_then_what_is_more_probable(given_rankings):
    found = best_of(given_rankings)

    certainties = [(judged.confident, judged.probability) for judged in map(found.judgements.get, ids(found)) if judged]
    assert all(first >= second for first, second in pairwise(certainties))
    assert sorted(ids(found)) == list(range(6))


@given(rankings(), st.integers(1, 6))
def test_the_first_of_cut_rankings_are_those_of_the_whole_ones(given_rankings, top):
    cut = [Ranking(each.hits[:top], each.judgements) for each in given_rankings]
    whole = best_of(given_rankings)

    certainties = [whole.judgements[image_id] for image_id in ids(whole)[:top]]
    assert [best_of(cut).judgements[image_id] for image_id in ids(best_of(cut))[:top]] == certainties


def ids(found: Ranking) -> list[int]:
    return [hit.image_id for hit in found.hits]


def test_what_may_show_something_excluded_comes_last_however_probable_it_is():
    doubtful = Ranking([Hit(1, 0.9)], {1: Judgement(0.9, confident=False, may_be_excluded=True)})

    found = best_of([doubtful, ranking((2, 0.1, 0.2), (3, 0.1, 0.1))])

    assert [hit.image_id for hit in found.hits] == [2, 3, 1]
    assert best_of([doubtful, ranking((1, 0.1, 0.2), (3, 0.1, 0.1))]).judgements[1] == Judgement(0.2, confident=False)
