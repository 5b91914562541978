"""Emoji become the words that encoders learned."""

import emoji
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gallery.text.emoji_names import emoji_as_words
from tests.separate_python import printed_by

ENGLAND = "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("🐕", "dog"),
        ("🐶", "dog"),
        ("🐱", "cat"),
        ("🍕", "pizza"),
        ("🐶 in snow", "dog in snow"),
        ("red🚗on a road", "red automobile on a road"),
        ("狗🐶", "狗 狗"),
        ("雪地里的🐶", "雪地里的 狗"),
        ("🍕很好吃", "披萨 很好吃"),
        ("👨\u200d👩\u200d👧", "family man woman girl"),
        ("👩\u200d🚀", "woman astronaut"),
        ("👩🏽\u200d🚀", "woman astronaut"),
        ("👋🏽", "waving hand"),
        ("✌🏿", "victory hand"),
        ("☝️🏿 up", "index pointing up up"),
        ("🇨🇳", "China"),
        ("🇨🇳 国旗", "中国 国旗"),
        (ENGLAND, "England"),
        ("🏳️\u200d🌈", "rainbow flag"),
        ("1️⃣", "keycap 1"),
        ("❤", "red heart"),
        ("❤️", "red heart"),
        ("☀️ beach", "sun beach"),
        ("🐶🐶🐶", "dog"),
        ("🐶🐕 🐱", "dog cat"),
        ("😂", "face with tears of joy"),
    ],
)
def test_emoji_are_named_in_the_language_of_the_text(typed, said):
    assert emoji_as_words(typed) == said


@pytest.mark.parametrize(
    "typed",
    ["", "a red car", "一只 猫", "photo © 2020 Acme™", "№ 5 → 7 ‼", "C++ #1", "①", "ⓐ", "фото", "🇦", "می\u200cخواهم"],
)
def test_text_without_emoji_stays_as_it_is(typed):
    assert emoji_as_words(typed) == typed


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_emoji_has_words_of_letters(language):
    around = {"en": "", "zh": "图"}[language]
    qualified = [sign for sign, facts in emoji.EMOJI_DATA.items() if facts["status"] == emoji.STATUS["fully_qualified"]]

    assert [sign for sign in qualified if sign in emoji_as_words(around + sign)] == ["◾", "◽"]  # are mathematics, too


@given(st.text(st.sampled_from("🐶🏽👩\u200d🚀🇨🇳❤\ufe0f\ufe0e1\u20e3 a狗©"), max_size=12))
def test_any_row_of_emoji_is_said_in_plain_words(typed):
    said = emoji_as_words(typed)

    assert emoji_as_words(said) == said
    assert "🐶" not in said


def test_names_are_loaded_only_for_emoji():
    lines = [
        "import sys",
        "from gallery.text.emoji_names import emoji_as_words",
        "emoji_as_words('a red car, 一只猫')",
        "print('emoji' in sys.modules)",
        "emoji_as_words('🐶')",
        "print('emoji' in sys.modules)",
    ]

    assert printed_by("-c", "\n".join(lines), timeout_seconds=120).split() == ["False", "True"]
