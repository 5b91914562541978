"""How a tree becomes legs, filters and exclusions."""

from uuid import UUID

import pytest

from gallery.retrieval.plan import PICTURE_WEIGHT, TEXT_WEIGHT, Part, VectorLeg, plan
from gallery.retrieval.request import SearchRequest
from gallery.retrieval.tree import (
    All,
    Any,
    Box,
    Comparison,
    Field,
    Filter,
    Like,
    Not,
    Phrase,
    Picture,
    Region,
    Text,
    Weighted,
)

CAT, KEPT, RED = Text("cat"), Picture(UUID(int=7)), Filter(Field.TAG, Comparison.EQUALS, "red")


@pytest.mark.parametrize(("meaning", "weight"), [(CAT, TEXT_WEIGHT), (KEPT, PICTURE_WEIGHT)])
def test_one_meaning_is_one_leg(meaning, weight):
    asked = plan(SearchRequest(meaning, top=5))

    assert asked.legs == (VectorLeg((Part(meaning, weight),)),)
    assert (asked.filters, asked.excluded_ids, asked.top) == ((), (), 5)


def test_meanings_that_stand_together_are_one_vector_whatever_stands_between_them():
    asked = plan(SearchRequest(All((CAT, RED, All((KEPT, Like(3)))))))

    [leg] = asked.legs
    assert leg.parts == (Part(CAT, TEXT_WEIGHT), Part(KEPT, PICTURE_WEIGHT), Part(Like(3), PICTURE_WEIGHT))
    assert asked.filters == (RED,)


def test_what_others_resemble_is_left_out():
    assert plan(SearchRequest(All((Like(3), Like(8))))).excluded_ids == (3, 8)


def test_filters_alone_have_no_leg():
    asked = plan(SearchRequest(All((RED, RED))))

    assert (asked.legs, asked.filters) == ((), (RED, RED))


@pytest.mark.parametrize(
    "part", [Phrase("a b"), Not(CAT), Any((CAT, RED)), Weighted(CAT, 2), Region(Like(3), Box(0, 0, 1, 1))]
)
def test_nothing_that_is_asked_is_left_out_of_the_answer(part):
    with pytest.raises(TypeError, match="no leg answers"):
        plan(SearchRequest(All((CAT, part))))
