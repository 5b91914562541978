"""How a tree becomes alternatives, each of one vector and of conditions."""

from uuid import UUID

import pytest

from gallery.errors import TooManyMeanings
from gallery.retrieval.plan import (
    MAX_LEGS,
    PICTURE_WEIGHT,
    TEXT_WEIGHT,
    Alternative,
    Conjunction,
    Disjunction,
    Meant,
    Negation,
    Part,
    Plan,
    VectorLeg,
    conjuncts_of,
    plan,
)
from gallery.retrieval.tree import (
    All,
    Any,
    Box,
    Comparison,
    Field,
    Filter,
    Like,
    Meaning,
    Not,
    Phrase,
    Picture,
    Region,
    Text,
    Weighted,
)

CAT, DOG, SNOW = Text("cat"), Text("dog"), Text("snow")
KEPT = Picture(UUID(int=7))
BOX = Box(0, 0, 0.5, 0.5)
RED, OLD = (Filter(Field.TAG, Comparison.EQUALS, name) for name in ("red", "old"))
WORDS = Phrase("for sale")


def leg(*meanings: Meaning) -> VectorLeg:
    return VectorLeg(tuple(Part(each, weight_of(each)) for each in meanings))


def weight_of(meaning: Meaning) -> float:
    return TEXT_WEIGHT if isinstance(meaning, Text) else PICTURE_WEIGHT


def tagged(name: str) -> Filter:
    return Filter(Field.TAG, Comparison.EQUALS, name)


@pytest.mark.parametrize("meaning", [CAT, KEPT, Like(3), Region(Like(3), BOX)])
def test_one_meaning_is_one_leg(meaning):
    assert plan(meaning) == Plan((Alternative(leg(meaning)),))


def test_meanings_that_stand_together_are_one_vector_whatever_stands_between_them():
    asked = plan(All((CAT, RED, All((KEPT, Like(3))), WORDS)))

    assert asked == Plan((Alternative(leg(CAT, KEPT, Like(3)), (RED, WORDS)),))


def test_weights_multiply_what_counts_in_a_sum():
    asked = plan(All((Weighted(All((CAT, Weighted(KEPT, 0.5))), 2), DOG)))

    parts = (Part(CAT, 2 * TEXT_WEIGHT), Part(KEPT, PICTURE_WEIGHT), Part(DOG, TEXT_WEIGHT))
    assert asked.alternatives == (Alternative(VectorLeg(parts)),)


def test_what_others_resemble_is_named_also_where_a_part_of_it_does():
    asked = plan(All((Like(3), Region(Like(8), BOX), KEPT)))

    assert asked.legs[0].liked_ids == (3, 8)


def test_or_is_an_alternative_each_with_its_own_conditions():
    asked = plan(Any((All((CAT, RED)), DOG)))

    assert asked == Plan((Alternative(leg(CAT), (RED,)), Alternative(leg(DOG))))


def test_or_within_a_sum_is_the_better_of_the_sums():
    asked = plan(All((SNOW, RED, Any((CAT, DOG)))))

    assert asked == Plan((Alternative(leg(SNOW, CAT), (RED,)), Alternative(leg(SNOW, DOG), (RED,))))


@pytest.mark.parametrize(
    ("tree", "condition"),
    [
        (RED, RED),
        (WORDS, WORDS),
        (Weighted(WORDS, 2), WORDS),
        (All((RED, OLD)), Conjunction((RED, OLD))),
        (Any((RED, WORDS)), Disjunction((RED, WORDS))),
        (Not(RED), Negation(RED)),
        (Not(Not(RED)), Negation(Negation(RED))),
    ],
)
def test_filters_and_phrases_alone_are_conditions(tree, condition):
    assert plan(tree) == Plan((), (condition,))
    assert plan(tree).legs == ()
    assert plan(All((CAT, tree))).alternatives[0].conditions[0] in (condition, RED)


def test_an_excluded_text_is_what_it_means_and_what_is_tagged_so():
    excluded = Negation(Disjunction((Meant(leg(DOG)), tagged("dog"))))

    assert plan(Not(DOG)) == Plan((), (excluded,))
    assert plan(All((CAT, Not(DOG)))) == Plan((Alternative(leg(CAT), (excluded,)),))


def test_what_is_excluded_twice_is_all_that_excluding_it_once_leaves_out():
    [once], [twice] = plan(Not(DOG)).conditions, plan(Not(Not(DOG))).conditions

    assert twice == Negation(once)
    assert plan(Not(Not(Like(3)))).conditions == (Negation(*plan(Not(Like(3))).conditions),)


def test_an_excluded_sum_is_what_all_of_it_is_true_of():
    asked = plan(Not(All((tagged("trip"), KEPT))))

    assert asked.conditions == (Negation(Conjunction((Meant(leg(KEPT)), tagged("trip")))),)


def test_beside_a_filter_a_meaning_is_what_is_surely_meant():
    asked = plan(All((SNOW, Any((RED, Like(3))))))

    meant = Meant(leg(Like(3)), without_asked=True)
    assert asked == Plan((Alternative(leg(SNOW), (Disjunction((RED, meant)),)),))
    assert asked.legs == (leg(SNOW), leg(Like(3)))


def test_what_is_excluded_with_a_picture_is_that_picture_too():
    [condition] = plan(Not(Like(3))).conditions

    assert condition == Negation(Meant(leg(Like(3)), without_asked=False))


def test_a_leg_that_is_asked_twice_is_one():
    assert plan(All((CAT, Not(CAT)))).legs == (leg(CAT),)


def test_as_many_legs_as_may_be_are_a_plan_and_one_more_is_refused():
    eight = All(tuple(Any((Text(f"a {place}"), Text(f"b {place}"))) for place in range(3)))

    assert len(plan(eight).legs) == MAX_LEGS
    with pytest.raises(TooManyMeanings) as caught:
        plan(All((eight, Not(DOG))))
    assert caught.value.details["limit"] == MAX_LEGS


def test_sums_that_multiply_are_refused_before_there_are_many():
    with pytest.raises(TooManyMeanings):
        plan(All(tuple(Any((Text(f"a {place}"), Text(f"b {place}"))) for place in range(60))))


def test_conjuncts_are_what_must_be_true_each_by_itself():
    wide, old = Filter(Field.WIDTH, Comparison.GREATER, 9), Filter(Field.TAG, Comparison.EQUALS, "old")
    either = Disjunction((wide, old))

    assert list(conjuncts_of([Conjunction((wide, Conjunction((Negation(old), either)))), old])) == [
        wide,
        Negation(old),
        either,
        old,
    ]
