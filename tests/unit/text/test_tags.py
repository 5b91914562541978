"""Tags as people type them: in Chinese and English, with every kind of comma."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gallery.errors import InvalidInput, InvalidTag, TooManyTags
from gallery.models.tag import Tag
from gallery.text.plain_text import plain_text
from gallery.text.tag_names import MAX_TAG_CHARACTERS, MAX_TAGS_PER_IMAGE, parse_tags, tag_key

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=60)


@pytest.mark.parametrize(
    ("typed", "names"),
    [
        ("cat,dog", ["cat", "dog"]),
        (" cat , , dog ,", ["cat", "dog"]),
        ("猫，狗、鸟；鱼;虫\n花", ["猫", "狗", "鸟", "鱼", "虫", "花"]),
        ("New  York", ["New York"]),
        ("Cat,cat,CAT", ["Cat"]),
        ("cafe\u0301,CAFÉ", ["café"]),
        ("Straße,STRASSE", ["Straße"]),
        ("a\x00b\x07", ["ab"]),
        ("x\ud800y", ["xy"]),
        ("", []),
        (["cat, dog", "dog", "bird"], ["cat", "dog", "bird"]),
        ("x" * MAX_TAG_CHARACTERS, ["x" * MAX_TAG_CHARACTERS]),
    ],
)
def test_tags_are_parsed_each_once_in_order(typed, names):
    assert parse_tags(typed) == names


def test_tag_of_200_characters_is_refused_by_name_and_limit():
    with pytest.raises(InvalidTag) as caught:
        parse_tags("fine," + "x" * 200)

    assert caught.value.details == {"tag": "x" * 200, "length": 200, "limit": MAX_TAG_CHARACTERS}
    assert "200" in str(caught.value)
    assert "64" in str(caught.value)


def test_too_many_tags_are_refused_but_repeats_do_not_count():
    assert len(parse_tags("same," * 500)) == 1
    assert len(parse_tags(f"tag {n}" for n in range(MAX_TAGS_PER_IMAGE))) == MAX_TAGS_PER_IMAGE
    with pytest.raises(TooManyTags) as caught:
        parse_tags(f"tag {n}" for n in range(MAX_TAGS_PER_IMAGE + 1))

    assert caught.value.details == {"count": 51, "limit": 50}


@given(ANY_TEXT)
def test_tags_are_clean_or_refused(typed):
    try:
        names = parse_tags(typed)
    except InvalidInput:
        return

    assert parse_tags(names) == names
    assert len({tag_key(name) for name in names}) == len(names)
    for name in names:
        name.encode()
        assert len(tag_key(name)) <= Tag._meta.get_field("key").max_length


@given(ANY_TEXT)
def test_tag_key_is_the_same_for_a_key(name):
    assert tag_key(tag_key(name)) == tag_key(name)
    assert tag_key(name.upper()) == tag_key(name.upper().lower())


@given(ANY_TEXT)
def test_plain_text_can_be_stored_and_stays_plain(text):
    plain = plain_text(text)

    assert plain_text(plain) == plain
    assert "\x00" not in plain
    plain.encode()


def test_plain_text_keeps_lines():
    assert plain_text("first\r\nsecond\rthird\n\tfourth") == "first\nsecond\nthird\n fourth"


@pytest.mark.parametrize("unseen", ["\u200b", "\u200c", "\u200d", "\u2060", "\u00ad", "\u200b \u200d"])
def test_signs_that_nobody_sees_at_the_ends_make_no_other_tag(unseen):
    assert parse_tags(["cat", f"cat{unseen}", f"{unseen}cat", f"{unseen} cat {unseen}"]) == ["cat"]


def test_joiners_within_a_tag_stay():
    assert parse_tags("می\u200cخواهم, 👩\u200d🚀, ❤\ufe0f") == ["می\u200cخواهم", "👩\u200d🚀", "❤\ufe0f"]


def test_sign_that_is_a_separator_once_it_is_composed_separates():
    greek_question_mark = "\u037e"  # NFC makes it a semicolon

    assert parse_tags(f"sea{greek_question_mark}sun") == ["sea", "sun"]
