"""How many results are asked for: pure, so that it is tested with anything at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gallery.errors import EmptyQuery, InvalidTop, QueryTooLong
from gallery.retrieval.request import DEFAULT_TOP, SearchRequest, parse_top
from gallery.retrieval.tree import Like, tree_of

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=60)  # lone surrogates too: JSON can carry them


@pytest.mark.parametrize(("value", "top"), [("1", 1), ("20", 20), (" 5 ", 5), (7, 7), ("１０", 10), ("+3", 3)])
def test_top_is_a_whole_number(value, top):
    assert parse_top(value, limit=20) == top


@pytest.mark.parametrize("value", [None, ""])
def test_top_has_a_default_within_the_limit(value):
    assert parse_top(value, limit=200) == DEFAULT_TOP
    assert parse_top(value, limit=5) == 5


@pytest.mark.parametrize("value", ["0", "-1", "21", "abc", "1.5", "1_0", "1e1", "٠", True, 2.0, "9" * 5000, "\ud800"])
def test_top_refuses_anything_else(value):
    with pytest.raises(InvalidTop) as caught:
        parse_top(value, limit=20)

    assert caught.value.details["limit"] == 20
    assert len(str(caught.value)) < 400


@given(st.one_of(ANY_TEXT, st.integers(), st.floats(), st.booleans(), st.lists(st.integers())))
def test_top_is_in_range_or_refused(value):
    try:
        top = parse_top(value, limit=50)
    except InvalidTop:
        return

    assert 1 <= top <= 50


def test_request_is_of_all_that_a_door_was_given():
    given = {"text": " a  cat", "meanings": [Like(3)], "tags": ["red,old"]}

    assert SearchRequest.of(**given, top="7", max_top=200) == SearchRequest(tree_of(**given), 7)
    assert SearchRequest.of(text="cat", max_top=200).top == DEFAULT_TOP


def test_request_refuses_what_cannot_be_searched_for():
    with pytest.raises(InvalidTop):
        SearchRequest.of(text="cat", top="8", max_top=7)
    with pytest.raises(EmptyQuery):
        SearchRequest.of(text=" ", max_top=7)
    with pytest.raises(QueryTooLong):
        SearchRequest.of(text="abcd", max_top=7, max_characters=3)
