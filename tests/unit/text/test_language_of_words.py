import pytest

from gallery.text.languages import is_english_text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *[
            (text, True)
            for text in ("a cat", "café", "½ 🐈", "", "lamborghini", "an airplane over the harbor", "a red car")
        ],
        *[
            (text, False)
            for text in ("猫", "a 猫", "кот", "der Hund im Schnee", "Katze", "un chien noir", "perro en la playa")
        ],
    ],
)
def test_language_is_told_by_words(text, expected):
    assert is_english_text(text) is expected
