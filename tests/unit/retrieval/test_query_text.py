"""What somebody types, parsed: pure, so that it is tested with anything at all."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gallery.errors import EmptyQuery, InvalidInput, QueryTooLong, QueryWithControlCharacters, QueryWithoutWords
from gallery.retrieval.query_text import checked_text, sentence_of

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
        ("#️⃣", "#️⃣"),
        ("‼️", "‼️"),
        ("x" * 500, "x" * 500),
    ],
)
def test_words_keeps_words_and_tidies_space(typed, text):
    assert checked_text(typed) == text


@pytest.mark.parametrize("typed", ["", "   ", "\n\t", "\u3000"])
def test_words_refuses_nothing(typed):
    with pytest.raises(EmptyQuery):
        checked_text(typed)


@pytest.mark.parametrize("typed", ["?!", "...", "，。", "\u200b\u200d", "\ufeff", "\u0301", "- -", "“”"])
def test_words_refuses_punctuation_only(typed):
    with pytest.raises(QueryWithoutWords):
        checked_text(typed)


@pytest.mark.parametrize(("typed", "name"), [("cat\x00", "U+0000"), ("a\x07b", "U+0007"), ("cat \ud800", "U+D800")])
def test_words_refuses_what_no_keyboard_types(typed, name):
    with pytest.raises(QueryWithControlCharacters) as caught:
        checked_text(typed)

    assert caught.value.details == {"character": name}
    str(caught.value).encode()  # can be printed


def test_words_counts_after_tidying():
    assert checked_text("a" + " " * 1000 + "b", max_characters=3) == "a b"
    with pytest.raises(QueryTooLong) as caught:
        checked_text("abcd", max_characters=3)

    assert caught.value.details == {"length": 4, "limit": 3}


@given(ANY_TEXT)
def test_words_gives_a_clean_text_or_a_known_error(typed):
    try:
        text = checked_text(typed, max_characters=50)
    except InvalidInput:
        return

    assert text == checked_text(text, max_characters=50)  # what is clean stays as it is
    assert text == unicodedata.normalize("NFC", text) == " ".join(text.split())
    assert 1 <= len(text) <= 50
    text.encode()  # no lone surrogate gets further


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("a red car", "a red car"),
        ("一只猫，在雪地里", "一只猫，在雪地里"),
        ("ＣＡＴ ２", "CAT 2"),
        ("🐶 in snow", "dog in snow"),
        ("雪里的🐶", "雪里的 狗"),
        ("#️⃣", "keycap #"),
    ],
)
def test_sentence_is_what_encoders_learned(typed, sentence):
    assert sentence_of(typed) == sentence
