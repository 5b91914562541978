"""What somebody types, parsed: pure, so that it is tested with anything at all."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gallery.errors import EmptyQuery, InvalidInput, InvalidTop, QueryTooLong, QueryWithoutWords
from gallery.services.query import DEFAULT_TOP, Query, QueryWithControlCharacters, parse, parse_top

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=60)  # lone surrogates too: JSON can carry them


@pytest.mark.parametrize(
    ("typed", "text"),
    [
        ("a red car", "a red car"),
        ("  a \t red\n car ", "a red car"),
        ("一只\u3000猫", "一只 猫"),
        ("cafe\u0301", "café"),
        ("7", "7"),
        ("🐈", "🐈"),
        ("C++?", "C++?"),
        ("x" * 500, "x" * 500),
    ],
)
def test_parse_keeps_words_and_tidies_space(typed, text):
    assert parse(typed).text == text


@pytest.mark.parametrize("typed", ["", "   ", "\n\t", "\u3000"])
def test_parse_refuses_nothing(typed):
    with pytest.raises(EmptyQuery):
        parse(typed)


@pytest.mark.parametrize("typed", ["?!", "...", "，。", "\u200b\u200d", "\ufeff", "\u0301", "- -", "“”"])
def test_parse_refuses_punctuation_only(typed):
    with pytest.raises(QueryWithoutWords):
        parse(typed)


@pytest.mark.parametrize(("typed", "name"), [("cat\x00", "U+0000"), ("a\x07b", "U+0007"), ("cat \ud800", "U+D800")])
def test_parse_refuses_what_no_keyboard_types(typed, name):
    with pytest.raises(QueryWithControlCharacters) as caught:
        parse(typed)

    assert caught.value.details == {"character": name}
    str(caught.value).encode()  # can be printed


def test_parse_counts_after_tidying():
    assert parse("a" + " " * 1000 + "b", max_characters=3).text == "a b"
    with pytest.raises(QueryTooLong) as caught:
        parse("abcd", max_characters=3)

    assert caught.value.details == {"length": 4, "limit": 3}


@given(ANY_TEXT)
def test_parse_gives_a_clean_text_or_a_known_error(typed):
    try:
        text = parse(typed, max_characters=50).text
    except InvalidInput:
        return

    assert text == parse(text, max_characters=50).text  # what is clean stays as it is
    assert text == unicodedata.normalize("NFC", text) == " ".join(text.split())
    assert 1 <= len(text) <= 50
    text.encode()  # no lone surrogate gets further


def test_narrowed_query_keeps_the_rest():
    query = Query(text="cat", excluded_ids=(3,)).narrowed(tag_keys=("pet",))

    assert query == Query(text="cat", tag_keys=("pet",), excluded_ids=(3,))


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
