"""How many results are asked for: pure, so that it is tested with anything at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gallery.errors import InvalidTop
from gallery.retrieval.request import DEFAULT_TOP, parse_top

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
